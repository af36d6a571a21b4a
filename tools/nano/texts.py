"""Texts with the teacher's vectors: to learn from, and kept from training to watch by. Text to token ids."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from export import tokenizer_json

SEED = 20261121
MAX_TOKENS = 128
# Texts that the tokenizer is given at once.
AT_ONCE = 50_000
# Held-out texts of which all pairs are compared while training.
WATCHED = 1000


def read_tokenizer(work: Path) -> Tokenizer:
    """The one that the checkpoint gets."""
    return Tokenizer.from_str(tokenizer_json((work / "vocabulary.txt").read_text(encoding="utf-8").splitlines()))


def read_lesson(work: Path) -> tuple[list[str], np.ndarray]:
    """Texts, and the teacher's vectors float16 [texts, 384], as far as teach.py has come."""
    targets = np.concatenate([np.load(path) for path in sorted(work.glob("teacher-???.npy"))])
    with open(work / "train.txt", encoding="utf-8") as lines:
        return [line.rstrip("\n") for _, line in zip(range(len(targets)), lines)], targets


def read_held_out(work: Path) -> tuple[list[str], np.ndarray]:
    """Texts of no training, and the teacher's vectors float32 [texts, 384]."""
    with open(work / "held-out.txt", encoding="utf-8") as lines:
        return [line.rstrip("\n") for _, line in zip(range(WATCHED), lines)], np.load(work / "held-out.npy")[:WATCHED]


def encode(tokenizer: Tokenizer, texts: list[str]) -> Iterator[np.ndarray]:
    """Ids of each text, special tokens included."""
    for start in range(0, len(texts), AT_ONCE):
        for encoding in tokenizer.encode_batch(texts[start : start + AT_ONCE]):
            ids = encoding.ids
            # A text that is cut keeps its separator at the end.
            kept = ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]
            yield np.array(kept, dtype=np.int32)


def flat(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids of all texts in a row, and where each text ends."""
    found = list(encode(tokenizer, texts))
    return np.concatenate(found), np.cumsum([len(ids) for ids in found])


def padded(texts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Ids and places with a token, [batch, length]."""
    ids = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
    present = np.zeros_like(ids, dtype=bool)
    for row, tokens in enumerate(texts):
        ids[row, : len(tokens)] = tokens
        present[row, : len(tokens)] = True
    return torch.from_numpy(ids), torch.from_numpy(present)


@torch.inference_mode()
def agreement(student: nn.Module, tokenizer: Tokenizer, texts: list[str], expected: np.ndarray) -> float:
    """Spearman's correlation of the cosines of all pairs with the teacher's, of the first head."""
    first, *_ = student(*padded(list(encode(tokenizer, texts)))).values()
    vectors = functional.normalize(first, dim=-1).numpy()
    pairs = np.triu_indices(len(texts), 1)
    ranks = [np.argsort(np.argsort((v @ v.T)[pairs])) for v in (vectors, expected)]
    return float(np.corrcoef(ranks)[0, 1])
