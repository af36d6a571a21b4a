"""
What the teacher makes of the texts of test/golden/teacher-cosines.json: `python golden.py <teacher> ../../test/golden/teacher-cosines.json`
fills in the cosines of all their pairs, which the test suite holds the model to.
"""

import json
import sys
from pathlib import Path

import numpy as np

from teacher import Teacher

# The cosines are of vectors in bfloat16, which moves them by more than what this cuts off.
DECIMALS = 4


def main(teacher: Path, golden: Path) -> None:
    texts = json.loads(golden.read_text(encoding="utf-8"))["texts"]
    vectors = Teacher(teacher).encode(texts)
    cosines = (vectors @ vectors.T)[np.triu_indices(len(texts), 1)]
    filled = {"teacher": "all-MiniLM-L6-v2", "texts": texts, "cosines": [round(float(c), DECIMALS) for c in cosines]}
    golden.write_text(f"{json.dumps(filled, ensure_ascii=False, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
