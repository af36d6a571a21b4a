"""
Trains the student on the teacher's vectors: `python train.py <work folder> [--steps n] [--minutes 60] [--eager]`. Seeded and
resumable: the state is saved every few minutes, and the learning rate follows the steps planned. Goes on from static.pt.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from losses import loss_of, maps_to_teacher
from student import Student
from texts import SEED, agreement, flat, padded, read_held_out, read_lesson, read_tokenizer

OfWords = Callable[[Tensor, list[Tensor], torch.dtype], dict[int, Tensor]]

BATCH = 256
# Parts of a batch, by length, each padded to a length of its own: texts of like length have little padding.
PARTS = 8
# In tokens. Longer texts, a hundredth of all, are left out: they take far more than their share of the time.
LONGEST = 64
RATE = 1.5e-3
WARM_UP = 500
SAVE_SECONDS = 120
# How many parts have a prompt before each text, whose vector is to be that of the text: queries are embedded with one.
PROMPTED = 0.06
PROMPTS = (
    "Instruct: Retrieve semantically similar text.\nQuery: ",
    "Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ",
)


def main(work: Path, steps: int, minutes: float, eager: bool) -> None:
    torch.manual_seed(SEED)
    tokenizer = read_tokenizer(work)
    texts, targets = read_lesson(work)
    watched = read_held_out(work)
    tokens, ends = flat(tokenizer, texts)
    starts = np.concatenate(([0], ends[:-1]))
    lengths = ends - starts
    usable = np.flatnonzero(lengths <= LONGEST)
    # Without the separator at the end.
    prompts = [np.array(tokenizer.encode(prompt).ids[:-1]) for prompt in PROMPTS]
    student = Student()
    maps = maps_to_teacher()
    words = torch.load(work / "static.pt", weights_only=True)
    student.load_state_dict(words["student"])
    maps.load_state_dict(words["maps"])
    parameters = [*student.parameters(), *maps.parameters()]
    # Compiled it takes 0.6 of the time.
    of_words = student.of_words if eager else torch.compile(student.of_words, dynamic=True)
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
        places = rng.choice(usable, BATCH)
        places = places[np.argsort(lengths[places], kind="stable")]
        parts = [prompted([tokens[starts[i] : ends[i]] for i in part], prompts, rng) for part in np.split(places, PARTS)]
        target = functional.normalize(torch.from_numpy(targets[places].astype(np.float32)), dim=-1)
        for group in optimiser.param_groups:
            group["lr"] = RATE * schedule(step, steps)
        loss = loss_of(embedded(student, of_words, parts), target, maps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        recent.append(loss.item())
        if time.monotonic() - last > SAVE_SECONDS or step == steps:
            last = time.monotonic()
            save(state, student, maps, optimiser, step)
            agreed = agreement(student, tokenizer, *watched)
            print(f"step {step} of {steps}: loss {np.mean(recent):.4f}, agreement {agreed:.4f}, {last - started:.0f} s", flush=True)
            recent = []
    save(state, student, maps, optimiser, step)


def prompted(texts: list[np.ndarray], prompts: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Now and then, a prompt before all texts of a part: before one of them it would be padding for the others."""
    if rng.random() >= PROMPTED:
        return texts
    prompt = prompts[int(rng.integers(len(prompts)))]
    return [np.concatenate((prompt, text[1:])) for text in texts]


def embedded(student: Student, of_words: OfWords, parts: list[list[np.ndarray]]) -> dict[int, Tensor]:
    """
    Vectors of all parts: the similarities that are learnt are of texts of all lengths, as those of the held-out texts are.
    Words are looked up once for all parts, since each look-up has a gradient as large as the table.
    """
    ids, present = zip(*map(padded, parts))
    words = student.word_embeddings(torch.cat([part.flatten() for part in ids]))
    return of_words(words, list(present), torch.bfloat16)


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
    parser.add_argument("--steps", type=int, default=27_000)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--eager", action="store_true", help="without torch.compile, which wants a C++ compiler")
    given = parser.parse_args()
    main(given.work, given.steps, given.minutes, given.eager)
