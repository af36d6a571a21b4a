"""What both transformers references share: the case list, the tokenizer, sentence-transformers' own pooling and heads,
and the golden file. Knows no transformer."""

import argparse
import base64
import json
from pathlib import Path

import numpy
import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.sentence_transformer.modules.pooling import Pooling

# Texts padded together when the effect of padding is measured.
BATCH_SIZE = 8


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("checkpoint", type=Path, help="folder in the Hugging Face layout")
    parser.add_argument("cases", type=Path, help='JSON: [{"id", "text", "task", "dimensions": [n, ...]}, ...]')
    parser.add_argument("out", type=Path, help="golden file to write")
    return parser.parse_args()


def read_cases(checkpoint, path):
    """The cases with their token ids: prompt + text, special tokens added by the tokenizer's own post-processor."""
    prompts = json.loads((checkpoint / "config_sentence_transformers.json").read_text())["prompts"]
    tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    # The 400M's file embeds Fixed(512) padding and truncation at 512.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    cases = json.loads(path.read_text())
    for case in cases:
        prompt = "" if case["task"] == "document" else prompts[case["task"]]
        case["tokenIds"] = tokenizer.encode(prompt + case["text"]).ids
    return cases


def pad(rows, pad_id, left):
    """Ids and 0/1 mask, each [rows, longest]."""
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        place = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids[index, place] = torch.tensor(row)
        mask[index, place] = 1
    return ids, mask


class Projection:
    """Mean pooling and `2_Dense_{n}`, both as sentence-transformers loads them from the checkpoint."""

    def __init__(self, checkpoint, dtype):
        self.checkpoint = checkpoint
        self.dtype = dtype
        self.pooling = Pooling.load(str(checkpoint / "1_Pooling"))
        assert self.pooling.pooling_mode == "mean" and self.pooling.include_prompt
        self.heads = {}

    def pool(self, hidden, mask):
        return self.pooling({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]

    def head(self, pooled, dimensions):
        if dimensions not in self.heads:
            dense = Dense.load(str(self.checkpoint / f"2_Dense_{dimensions}"))
            assert isinstance(dense.activation_function, torch.nn.Identity)
            self.heads[dimensions] = dense.to(self.dtype).requires_grad_(False)
        return self.heads[dimensions]({"sentence_embedding": pooled})["sentence_embedding"]


def run_alone(encode, projection, cases):
    """[(case, dimensions, pooled, raw, embedding)], every text on its own, unpadded."""
    results = []
    for case in cases:
        ids, mask = pad([case["tokenIds"]], 0, left=False)
        pooled = projection.pool(encode(ids, mask), mask)[0]
        for dimensions in case["dimensions"]:
            raw = projection.head(pooled[None], dimensions)[0]
            embedding = torch.nn.functional.normalize(raw, dim=0)
            assert torch.isfinite(embedding).all(), case["id"]
            results.append((case, dimensions, pooled, raw, embedding))
    return results


def padding_effect(encode, projection, cases, alone, pad_id, left):
    """Largest difference of a pooled vector between the text alone and the text in a padded batch of mixed lengths."""
    pooled_alone = {case["id"]: pooled for case, _, pooled, _, _ in alone}
    worst = 0.0
    for start in range(0, len(cases), BATCH_SIZE):
        chunk = cases[start : start + BATCH_SIZE]
        ids, mask = pad([case["tokenIds"] for case in chunk], pad_id, left)
        pooled = projection.pool(encode(ids, mask), mask)
        for row, case in zip(pooled, chunk):
            worst = max(worst, (row - pooled_alone[case["id"]]).abs().max().item())
    return {"batchSize": BATCH_SIZE, "pooledMaxAbs": worst}


def base64_f32(tensor):
    return base64.b64encode(tensor.to(torch.float32).numpy().astype("<f4").tobytes()).decode()


def compare(single, double):
    """How far float32 lies from float64, over all cases."""
    raw = max((a[3].double() - b[3]).abs().max().item() for a, b in zip(single, double))
    embedding = max((a[4].double() - b[4]).abs().max().item() for a, b in zip(single, double))
    cosine = min(torch.nn.functional.cosine_similarity(a[3].double(), b[3], dim=0).item() for a, b in zip(single, double))
    return {"rawMaxAbs": raw, "embeddingMaxAbs": embedding, "minCosine": cosine}


def write(path, engine, double, single, padding, notes):
    """The golden file: vectors of the float64 run, rounded to float32."""
    cases = []
    for case, dimensions, pooled, raw, embedding in double:
        entry = {
            "id": case["id"],
            "text": case["text"],
            "task": case["task"],
            "tokenIds": case["tokenIds"],
            "dimensions": dimensions,
            "raw": base64_f32(raw),
            "embedding": base64_f32(embedding),
        }
        # The pooled state does not depend on the head: it is stored with the first head of a case only.
        if dimensions == min(case["dimensions"]):
            entry["pooled"] = base64_f32(pooled)
        cases.append(entry)
    facts = {
        "engine": engine,
        "version": transformers.__version__,
        "sentenceTransformers": sentence_transformers.__version__,
        "torch": torch.__version__,
        "tokenizers": tokenizers.__version__,
        "numpy": numpy.__version__,
        "precision": "run in float64, stored as float32",
        **notes,
        "alone": "every vector is of the text run alone, unpadded",
        "padding": padding,
        "float32Run": compare(single, double),
    }
    # One case to a line.
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in facts.items()]
    rows = ",\n".join("    " + json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    lines.append(f'  "cases": [\n{rows}\n  ]')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
