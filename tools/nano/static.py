"""
Trains what the student knows of words alone: `python static.py <work folder> [epochs]`, four minutes.

The layers start as nothing but their norms, so that the student's vector is a mean over its tokens, put through the heads.
As such it learns ten times as many texts a second as with its layers, and what each word means is most of what there
is to learn: train.py goes on from here. Writes static.pt.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from losses import loss_of, maps_to_teacher
from student import DIMENSIONS, HIDDEN, Student
from texts import SEED, agreement, flat, read_held_out, read_lesson, read_tokenizer

BATCH = 1024
RATE = 1e-2
WARM_UP = 200


def main(work: Path, epochs: float) -> None:
    torch.manual_seed(SEED)
    tokenizer = read_tokenizer(work)
    texts, targets = read_lesson(work)
    watched = read_held_out(work)
    tokens, ends = flat(tokenizer, texts)
    student = Student()
    student.word_embeddings.weight.data.copy_(torch.from_numpy(np.load(work / "embeddings.npy")))
    maps = maps_to_teacher()
    learning = [student.word_embeddings, student.norm, student.heads, maps]
    optimiser = torch.optim.AdamW([p for m in learning for p in m.parameters()], lr=RATE, betas=(0.9, 0.98), weight_decay=0, fused=True)
    rng = np.random.default_rng(SEED)
    steps = int(epochs * len(texts) / BATCH)
    started = time.monotonic()
    for step in range(steps):
        places = np.sort(rng.integers(len(texts), size=BATCH))
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * step / steps))
        target = functional.normalize(torch.from_numpy(targets[places].astype(np.float32)), dim=-1)
        pooled = mean_of(student, *bags(tokens, ends, places))
        loss = loss_of({d: student.heads[str(d)](pooled) for d in DIMENSIONS}, target, maps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % 500 == 0 or step + 1 == steps:
            agreed = agreement(student, tokenizer, *watched)
            print(f"step {step + 1} of {steps}: loss {loss.item():.4f}, agreement {agreed:.4f}, {time.monotonic() - started:.0f} s", flush=True)
    torch.save({"student": student.state_dict(), "maps": maps.state_dict()}, work / "static.pt")


def mean_of(student: Student, ids: Tensor, starts: Tensor) -> Tensor:
    """What the student pools [texts, hidden] while its layers add nothing: each token is the same wherever it stands."""
    found, places = torch.unique(ids, return_inverse=True)
    kind = student.token_type_embeddings.weight[0].detach()
    x = student.norm(student.word_embeddings(found) + kind)
    return functional.embedding_bag(places, functional.layer_norm(x, (HIDDEN,)), starts, mode="mean")


def bags(tokens: np.ndarray, ends: np.ndarray, places: np.ndarray) -> tuple[Tensor, Tensor]:
    """Ids of some texts in a row, and where each text starts."""
    parts = [tokens[(ends[p - 1] if p > 0 else 0) : ends[p]] for p in places]
    starts = np.cumsum([0] + [len(part) for part in parts[:-1]])
    return torch.from_numpy(np.concatenate(parts).astype(np.int64)), torch.from_numpy(starts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 3)
