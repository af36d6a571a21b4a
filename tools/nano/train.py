"""
Trains the student on the teacher's vectors: `python train.py <work folder> [--minutes 60] [--steps n]`. Seeded and
resumable: the state is saved every few minutes, and the learning rate follows the steps planned.

Two losses, on each head, of unit vectors. The student's similarities of all pairs of a batch are to be the teacher's, which
is what its vectors are for. And a linear map of the student's vector, which is thrown away afterwards, is to be the
teacher's vector, which says more of a single text than its place among 500 others.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from export import tokenizer_json
from student import DIMENSIONS, Student
from teacher import DIMENSIONS as TEACHER_DIMENSIONS

SEED = 20261121
BATCH = 512
RATE = 1.5e-3
WARM_UP = 500
SAVE_SECONDS = 180
MAX_TOKENS = 128
# How often a text has a prompt before it, whose vector is to be that of the text: queries are embedded with one.
PROMPTED = 0.2
PROMPTS = (
    "Instruct: Retrieve semantically similar text.\nQuery: ",
    "Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ",
)
# Weight of the similarities beside the vectors: their errors are squares of small numbers.
SIMILARITIES = 20.0


def main(work: Path, steps: int, minutes: float) -> None:
    torch.manual_seed(SEED)
    tokenizer = Tokenizer.from_str(tokenizer_json((work / "vocabulary.txt").read_text(encoding="utf-8").splitlines()))
    parts = [np.load(path, mmap_mode="r") for path in sorted(work.glob("teacher-???.npy"))]
    targets = np.concatenate(parts)
    with open(work / "train.txt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n") for _, line in zip(range(len(targets)), lines)]
    lengths = np.array([len(text) for text in texts])

    student = Student()
    student.word_embeddings.weight.data.copy_(torch.from_numpy(np.load(work / "embeddings.npy")))
    maps = nn.ModuleDict({str(d): nn.Linear(d, TEACHER_DIMENSIONS, bias=False) for d in DIMENSIONS})
    parameters = [*student.parameters(), *maps.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    state = work / "student.pt"
    step = 0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        student.load_state_dict(saved["student"])
        maps.load_state_dict(saved["maps"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
    started = last = time.monotonic()
    recent: list[float] = []
    while step < steps and time.monotonic() - started < minutes * 60:
        # Of the step alone, so that a run that goes on does what one that never stopped does.
        rng = np.random.default_rng([SEED, step])
        # Texts of like length side by side: a batch is a slice of a sorted sample.
        sample = rng.choice(len(texts), BATCH * 16, replace=False)
        start = BATCH * int(rng.integers(16))
        places = np.sort(sample[np.argsort(lengths[sample], kind="stable")][start : start + BATCH])
        batch = [prompted(texts[i], rng) for i in places]
        target = functional.normalize(torch.from_numpy(targets[places].astype(np.float32)), dim=-1)
        for group in optimiser.param_groups:
            group["lr"] = RATE * schedule(step, steps)
        student.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = student(*encode(tokenizer, batch))
        loss = sum(loss_of(vectors[d].float(), target, maps[str(d)]) for d in DIMENSIONS)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        recent.append(loss.item())
        if time.monotonic() - last > SAVE_SECONDS or step == steps:
            last = time.monotonic()
            save(state, student, maps, optimiser, step)
            print(f"step {step} of {steps}: loss {np.mean(recent):.4f}, {last - started:.0f} s", flush=True)
            recent = []
    save(state, student, maps, optimiser, step)


def loss_of(vectors: Tensor, target: Tensor, to_teacher: nn.Linear) -> Tensor:
    """Of one head: vectors [batch, dimensions], target [batch, 384] of length 1."""
    unit = functional.normalize(vectors, dim=-1)
    similarities = functional.mse_loss(unit @ unit.T, target @ target.T)
    cosines = functional.cosine_similarity(to_teacher(unit), target, dim=-1)
    return SIMILARITIES * similarities + (1 - cosines).mean()


def prompted(text: str, rng: np.random.Generator) -> str:
    return PROMPTS[int(rng.integers(len(PROMPTS)))] + text if rng.random() < PROMPTED else text


def encode(tokenizer: Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Ids and places with a token, [batch, length]."""
    found = [encoding.ids[: MAX_TOKENS - 1] + encoding.ids[-1:] for encoding in tokenizer.encode_batch(texts)]
    ids = torch.zeros(len(found), max(map(len, found)), dtype=torch.long)
    present = torch.zeros_like(ids, dtype=torch.bool)
    for row, tokens in enumerate(found):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        present[row, : len(tokens)] = True
    return ids, present


def schedule(step: int, steps: int) -> float:
    """Up in a line, down in half a cosine."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.5 * (1 + float(np.cos(np.pi * (step - WARM_UP) / max(1, steps - WARM_UP))))


def save(path: Path, student: Student, maps: nn.ModuleDict, optimiser: torch.optim.Optimizer, step: int) -> None:
    partial = path.with_suffix(".partial")
    torch.save(
        {"student": student.state_dict(), "maps": maps.state_dict(), "optimiser": optimiser.state_dict(), "step": step},
        partial,
    )
    partial.rename(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=1e9)
    given = parser.parse_args()
    main(given.work, given.steps, given.minutes)
