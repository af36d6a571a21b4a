"""
Trains the WordPiece vocabulary and finds the first token embeddings: `python vocabulary.py <work folder> <teacher>`.

Writes vocabulary.txt, one piece a line, and embeddings.npy: what the teacher makes of each piece alone, reduced to the
student's width, and smaller the more frequent the piece is, as a mean of words wants them (Arora et al. 2017).
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from student import HIDDEN, VOCAB
from teacher import Teacher

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Weight of a piece of frequency p: SMOOTHING / (SMOOTHING + p).
SMOOTHING = 1e-3
# Texts the vocabulary and the frequencies are taken from.
SAMPLE = 400_000


def main(work: Path, teacher: Path) -> None:
    with open(work / "train.txt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n") for _, line in zip(range(SAMPLE), lines)]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCAB, special_tokens=SPECIAL, limit_alphabet=400, continuing_subword_prefix="##", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    assert len(pieces) == VOCAB, len(pieces)
    (work / "vocabulary.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")

    counts: Counter[int] = Counter()
    for encoding in tokenizer.encode_batch(texts):
        counts.update(encoding.ids)
    total = sum(counts.values())
    vectors = Teacher(teacher).encode([piece.removeprefix("##") for piece in pieces])
    centred = vectors - vectors.mean(0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    reduced = centred @ directions[:HIDDEN].T
    frequency = np.array([counts[i] / total for i in range(VOCAB)])
    weighted = reduced * (SMOOTHING / (SMOOTHING + frequency))[:, None]
    weighted[: len(SPECIAL)] = 0
    # A layer norm follows: only the relation of the sizes counts.
    weighted /= np.sqrt((weighted**2).mean())
    np.save(work / "embeddings.npy", weighted.astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
