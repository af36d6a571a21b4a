"""Prints how far two golden files lie from each other: `python compare.py a.json b.json`."""

import base64
import json
import sys
from pathlib import Path

import numpy


def read(path):
    cases = json.loads(Path(path).read_text())["cases"]
    return {(case["id"], case["dimensions"]): case for case in cases}


def vector(case, field):
    return numpy.frombuffer(base64.b64decode(case[field]), "<f4").astype("f8")


def main():
    left, right = read(sys.argv[1]), read(sys.argv[2])
    assert left.keys() == right.keys(), "the files hold different cases"
    worst = {"pooled": 0.0, "raw": 0.0, "embedding": 0.0}
    cosine = 1.0
    for key, a in left.items():
        b = right[key]
        assert a["tokenIds"] == b["tokenIds"] and a["text"] == b["text"], key
        for field in worst:
            if field in a:
                worst[field] = max(worst[field], abs(vector(a, field) - vector(b, field)).max())
        x, y = vector(a, "raw"), vector(b, "raw")
        cosine = min(cosine, float(x @ y / numpy.linalg.norm(x) / numpy.linalg.norm(y)))
    figures = ", ".join(f"{field} max abs {value:.2e}" for field, value in worst.items())
    print(f"{len(left)} cases: {figures}, 1 - min cosine {1 - cosine:.2e}")


if __name__ == "__main__":
    main()
