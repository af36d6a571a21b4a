"""Encoded vectors and two-stage searches as sentence-transformers itself makes them: `python quantization.py out.json`.

The codes are `quantize_embeddings`' own, and so are the values behind int8 and uint8 codes. The searches of bits run the
library's `semantic_search_faiss` over an index that is not FAISS' but does what its `IndexBinaryFlat` does, exactly and
with ties by the lower row, so that FAISS need not be installed. Seeded: the file comes out the same anywhere."""

import argparse
import base64
import json
import sys
import types
from pathlib import Path

import numpy
import sentence_transformers
from sentence_transformers.util import quantization

ENCODINGS = ["int8", "uint8", "binary", "ubinary"]
SEED = 20_240_731


def stored(array, dtype):
    return base64.b64encode(numpy.ascontiguousarray(array).astype(dtype).tobytes()).decode()


def awkward(embeddings, ranges):
    """Puts values in that rounding, edges and overflow can go wrong on; the last rows of `embeddings` stay random."""
    low, high = ranges
    embeddings[0], embeddings[1] = low, high
    embeddings[2] = numpy.nextafter(high, numpy.float32(numpy.inf))
    embeddings[3] = numpy.nextafter(low, numpy.float32(-numpy.inf))
    embeddings[4], embeddings[5] = 3.0e38, -3.0e38
    embeddings[6], embeddings[7] = 0.0, -0.0
    # Where one code ends and the next begins, and the two floats beside each such place.
    steps = (high - low) / numpy.float32(255)
    edges = low + steps * numpy.float32(100)
    embeddings[8] = edges
    embeddings[9] = numpy.nextafter(edges, numpy.float32(-numpy.inf))
    embeddings[10] = numpy.nextafter(edges, numpy.float32(numpy.inf))


def encoding_case(random, dimensions):
    calibration = random.normal(0, 0.05, (120, dimensions)).astype(numpy.float32)
    # One dimension that never changes, and one whose steps are too small for a float32.
    calibration[:, 0] = 0.25
    calibration[:, 1] = 0
    calibration[0, 1] = 1e-44
    embeddings = random.normal(0, 0.07, (24, dimensions)).astype(numpy.float32)
    ranges = quantization._get_quantization_ranges(calibration, "int8", calibration)
    awkward(embeddings, ranges)
    codes = {}
    for encoding in ENCODINGS:
        codes[encoding] = quantization.quantize_embeddings(
            embeddings, precision=encoding, calibration_embeddings=calibration
        )
        assert codes[encoding].dtype == (numpy.int8 if encoding in ("int8", "binary") else numpy.uint8), encoding
    decoded = {name: quantization._dequantize_embeddings(codes[name], name, ranges) for name in ("int8", "uint8")}
    return {
        "dimensions": dimensions,
        "calibration": stored(calibration, "<f4"),
        "embeddings": stored(embeddings, "<f4"),
        "minimum": stored(ranges[0], "<f4"),
        "maximum": stored(ranges[1], "<f4"),
        "codes": {name: stored(array, array.dtype) for name, array in codes.items()},
        "decoded": {name: stored(array, "<f8") for name, array in decoded.items()},
    }


def distances(query, codes):
    return numpy.unpackbits(query ^ codes, axis=-1).sum(axis=-1, dtype=numpy.int64)


class BinaryFlat:
    """What `semantic_search_faiss` needs of an index: Hamming distances, smallest first."""

    def __init__(self, codes):
        self.codes = codes
        self.d = codes.shape[1] * 8

    def search(self, queries, count):
        found = [numpy.argsort(distances(query, self.codes), kind="stable")[:count] for query in queries]
        ranked = numpy.array(found)
        return numpy.array([distances(query, self.codes)[rows] for query, rows in zip(queries, ranked)]), ranked

    def reconstruct(self, row):
        return self.codes[row]


def search_case(random, dimensions, rows, top_k, multiplier):
    corpus = random.normal(0, 1, (rows, dimensions)).astype(numpy.float32)
    queries = (corpus[:6] + random.normal(0, 0.8, (6, dimensions))).astype(numpy.float32)
    index = BinaryFlat(quantization.quantize_embeddings(corpus, precision="ubinary"))
    bits = quantization.quantize_embeddings(queries, precision="ubinary")
    hamming, ranked = index.search(bits, top_k)
    found, _ = quantization.semantic_search_faiss(
        queries, corpus_index=index, corpus_precision="ubinary", top_k=top_k, rescore_multiplier=multiplier
    )
    # The same candidates against int8 codes: the library's dequantisation and product, after a first stage of bits.
    ranges = quantization._get_quantization_ranges(corpus, "int8", None)
    codes = quantization.quantize_embeddings(corpus, precision="int8", ranges=ranges)
    _, candidates = index.search(bits, top_k * multiplier)
    values = quantization._dequantize_embeddings(codes[candidates].astype(int), "int8", ranges)
    scores = numpy.einsum("ij,ikj->ik", queries, values)
    order = numpy.argsort(-scores)[:, :top_k]
    return {
        "dimensions": dimensions,
        "k": top_k,
        "rescoreMultiplier": multiplier,
        "corpus": stored(corpus, "<f4"),
        "queries": stored(queries, "<f4"),
        "hamming": [[[int(row), int(d)] for row, d in zip(*pair)] for pair in zip(ranked, hamming)],
        "bits": [[[hit["corpus_id"], hit["score"]] for hit in hits] for hits in found],
        "int8": [
            [[int(candidates[query, place]), float(scores[query, place])] for place in places]
            for query, places in enumerate(order)
        ],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    # `semantic_search_faiss` imports it and, given an index, uses nothing of it.
    sys.modules.setdefault("faiss", types.ModuleType("faiss"))
    random = numpy.random.default_rng(SEED)
    golden = {
        "engine": "sentence-transformers quantize_embeddings",
        "version": sentence_transformers.__version__,
        "numpy": numpy.__version__,
        "encodings": [encoding_case(random, dimensions) for dimensions in (16, 13, 40)],
        "searches": [search_case(random, 64, 120, 5, 4), search_case(random, 44, 110, 3, 2)],
    }
    out.write_text(json.dumps(golden, sort_keys=True, indent=1) + "\n")


if __name__ == "__main__":
    main()
