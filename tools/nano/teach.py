"""
Asks the teacher for every text: `python teach.py <work folder> <teacher> [texts]`. Resumable: what is there is kept.

Writes teacher-<part>.npy, float16 [texts of the part, 384], for each 65,536 lines of train.txt; and held-out.npy and
pairs.npy (a and b of each pair, float32 [pairs, 2, 384]).
"""

import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np

from teacher import Teacher

PART = 65_536


def main(work: Path, folder: Path, most: int) -> None:
    teacher = Teacher(folder)
    save(work / "held-out.npy", lambda: teacher.encode(lines(work / "held-out.txt")))
    pairs = [json.loads(line) for line in lines(work / "pairs.jsonl")]
    save(work / "pairs.npy", lambda: teacher.encode([p[k] for p in pairs for k in "ab"]).reshape(len(pairs), 2, -1))
    with open(work / "train.txt", encoding="utf-8") as source:
        for part in range((most + PART - 1) // PART):
            texts = [line.rstrip("\n") for line in islice(source, PART)]
            if not texts:
                break
            save(work / f"teacher-{part:03}.npy", lambda: teacher.encode(texts).astype(np.float16))
            print(f"part {part}: {len(texts)} texts", file=sys.stderr, flush=True)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def save(path: Path, make) -> None:
    if path.exists():
        return
    partial = path.with_name(f"{path.stem}.partial.npy")
    np.save(partial, make())
    partial.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 10**9)
