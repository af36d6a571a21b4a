"""
Trains the student on the teacher's vectors: `python train.py <work folder> [--minutes 60] [--steps n] [--eager]`. Seeded and
resumable: the state is saved every few minutes, and the learning rate follows the steps planned.

Two losses, on each head, of unit vectors. The student's similarities of all pairs of a batch are to be the teacher's, which
is what its vectors are for. And a linear map of the student's vector, which is thrown away afterwards, is to be the
teacher's vector, which says more of a single text than its place among 255 others.
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
BATCH = 256
# Batches that a sample is cut into, by length.
SLICES = 32
RATE = 1.5e-3
WARM_UP = 800
SAVE_SECONDS = 120
MAX_TOKENS = 128
# How many batches have a prompt before each text, whose vector is to be that of the text: queries are embedded with one.
PROMPTED = 0.1
PROMPTS = (
    "Instruct: Retrieve semantically similar text.\nQuery: ",
    "Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ",
)
# Held-out texts of which all pairs are compared when the state is saved.
WATCHED = 1000
# Weight of the similarities beside the vectors: their errors are squares of small numbers.
SIMILARITIES = 20.0


def main(work: Path, steps: int, minutes: float, eager: bool) -> None:
    torch.manual_seed(SEED)
    tokenizer = Tokenizer.from_str(tokenizer_json((work / "vocabulary.txt").read_text(encoding="utf-8").splitlines()))
    parts = [np.load(path, mmap_mode="r") for path in sorted(work.glob("teacher-???.npy"))]
    targets = np.concatenate(parts)
    with open(work / "train.txt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n") for _, line in zip(range(len(targets)), lines)]
    lengths = np.array([len(text) for text in texts])
    with open(work / "held-out.txt", encoding="utf-8") as lines:
        watched = [line.rstrip("\n") for _, line in zip(range(WATCHED), lines)]
    expected = np.load(work / "held-out.npy", mmap_mode="r")[:WATCHED]

    student = Student()
    student.word_embeddings.weight.data.copy_(torch.from_numpy(np.load(work / "embeddings.npy")))
    maps = nn.ModuleDict({str(d): nn.Linear(d, TEACHER_DIMENSIONS, bias=False) for d in DIMENSIONS})
    parameters = [*student.parameters(), *maps.parameters()]
    # Compiled it takes 0.6 of the time.
    embed = student if eager else torch.compile(student, dynamic=True)
    optimiser = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
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
        sample = rng.choice(len(texts), BATCH * SLICES, replace=False)
        start = BATCH * int(rng.integers(SLICES))
        places = np.sort(sample[np.argsort(lengths[sample], kind="stable")][start : start + BATCH])
        # The same for all: one prompt among short texts would be padding for each of them.
        prompt = PROMPTS[int(rng.integers(len(PROMPTS)))] if rng.random() < PROMPTED else ""
        batch = [prompt + texts[i] for i in places]
        target = functional.normalize(torch.from_numpy(targets[places].astype(np.float32)), dim=-1)
        for group in optimiser.param_groups:
            group["lr"] = RATE * schedule(step, steps)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = embed(*encode(tokenizer, batch))
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
            agreed = agreement(student, tokenizer, watched, expected)
            print(f"step {step} of {steps}: loss {np.mean(recent):.4f}, agreement {agreed:.4f}, {last - started:.0f} s", flush=True)
            recent = []
    save(state, student, maps, optimiser, step)


def loss_of(vectors: Tensor, target: Tensor, to_teacher: nn.Linear) -> Tensor:
    """Of one head: vectors [batch, dimensions], target [batch, 384] of length 1."""
    unit = functional.normalize(vectors, dim=-1)
    similarities = functional.mse_loss(unit @ unit.T, target @ target.T)
    cosines = functional.cosine_similarity(to_teacher(unit), target, dim=-1)
    return SIMILARITIES * similarities + (1 - cosines).mean()


@torch.inference_mode()
def agreement(student: Student, tokenizer: Tokenizer, texts: list[str], expected: np.ndarray) -> float:
    """Spearman's correlation of the cosines of all pairs with the teacher's, of the default head."""
    vectors = functional.normalize(student(*encode(tokenizer, texts))[DIMENSIONS[0]], dim=-1).numpy()
    pairs = np.triu_indices(len(texts), 1)
    ranks = [np.argsort(np.argsort((v @ v.T)[pairs])) for v in (vectors, expected)]
    return float(np.corrcoef(ranks)[0, 1])


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
    parser.add_argument("--steps", type=int, default=18_000)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--eager", action="store_true", help="without torch.compile, which wants a C++ compiler")
    given = parser.parse_args()
    main(given.work, given.steps, given.minutes, given.eager)
