"""
Makes the text to distil on: `python corpus.py <work folder>`.

Fetches the packages of sources.py with apt-get (nothing is installed), reads them, and writes, in the work folder:

    train.txt       one text a line, shuffled
    held-out.txt    texts of no training, for the correlation with the teacher
    pairs.jsonl     two glosses of one meaning, or of two at random: {"a", "b", "same"}; of words of no training
"""

import hashlib
import json
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import readers
from sources import SOURCES, Source

SEED = 20261121
# Shares of texts, and of WordNet's meanings with all entries of their words, that are kept from training.
HELD_OUT_TEXTS = 0.02
HELD_OUT_MEANINGS = 0.08
# Longest text, in characters: the model reads more, but learns on sentences.
LONGEST = 320
SHORTEST = 12
# Two glosses that share more of their words are one gloss.
MAX_OVERLAP = 0.5


def main(work: Path) -> None:
    roots = {source.package: fetch(source, work) for source in SOURCES}
    meanings = [s for path in files(roots, "wordnet-base") for s in readers.synsets(path)]
    kept = [s for s in meanings if share(s.offset) < HELD_OUT_MEANINGS]
    secret = {word.lower() for synset in kept for word in synset.words}
    texts: set[str] = set()
    for synset in meanings:
        if not secret.isdisjoint(word.lower() for word in synset.words):
            continue
        texts.update(clean([synset.gloss, *synset.examples], whole=True))
        # Queries are often a word or two.
        texts.update(word for word in synset.words if len(word) > 2)
        texts.add(f"{synset.words[0]}: {synset.gloss}"[:LONGEST])
    glosses: dict[str, list[str]] = defaultdict(list)
    for source in SOURCES:
        count = len(texts)
        if source.kind == "dictd":
            for path in files(roots, source.package):
                for headword, article in readers.entries(path):
                    found = readers.meanings(article)
                    if headword.lower() in secret:
                        glosses[headword.lower()].extend(found)
                    else:
                        texts.update(clean(found))
        elif source.kind != "wordnet":
            texts.update(text for text in clean(prose(source, roots)) if share(f"{text}\t") < source.share)
        print(f"{source.package}: {len(texts) - count} texts", file=sys.stderr)
    ordered = sorted(texts)
    random.Random(SEED).shuffle(ordered)
    train = [text for text in ordered if share(text) >= HELD_OUT_TEXTS]
    held_out = [text for text in ordered if share(text) < HELD_OUT_TEXTS]
    write(work / "train.txt", train)
    write(work / "held-out.txt", held_out)
    pairs = paraphrases(meanings, kept, glosses)
    write(work / "pairs.jsonl", [json.dumps(pair) for pair in pairs])
    print(f"{len(train)} texts to train on, {len(held_out)} held out, {len(pairs)} pairs", file=sys.stderr)


def fetch(source: Source, work: Path) -> Path:
    """Folder of the unpacked package."""
    root = work / "packages" / source.package
    if not root.exists():
        downloads = work / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        if not list(downloads.glob(f"{source.package}_*.deb")):
            subprocess.run(["apt-get", "download", source.package], cwd=downloads, check=True)
        (archive,) = downloads.glob(f"{source.package}_*.deb")
        partial = root.with_name(f"{root.name}.partial")
        subprocess.run(["dpkg-deb", "-x", archive, partial], check=True)
        partial.rename(root)
    return root


def files(roots: dict[str, Path], package: str) -> list[Path]:
    """Of a package, as its source says, in a fixed order."""
    source = next(s for s in SOURCES if s.package == package)
    return sorted(path for path in roots[package].glob(source.pattern) if path.is_file())


def prose(source: Source, roots: dict[str, Path]) -> Iterator[str]:
    for path in files(roots, source.package):
        if source.kind == "fortunes":
            yield from readers.fortunes(path)
        elif source.kind == "html":
            yield from readers.markup(path)
        elif source.kind == "roff":
            yield from readers.roff(path)


def clean(texts: Iterator[str] | list[str], whole: bool = False) -> Iterator[str]:
    """Sentences fit to learn from, and now and then two or three of them together."""
    for text in texts:
        sentences = [text] if whole else re.split(r"(?<=[.!?])\s+(?=[A-Z\"'])", text)
        taken = ""
        for sentence in sentences:
            joined = f"{taken} {sentence}".strip()
            # Longer texts come of a quarter of the places, always the same ones.
            taken = joined if len(joined) <= LONGEST and share(joined) < 0.25 else sentence
            if is_prose(taken):
                yield taken
            if is_prose(sentence):
                yield sentence


def is_prose(text: str) -> bool:
    # What is left of pronunciations and etymologies.
    if re.search(r"[\\\[\]{}]| \? |\bfr\. |\bcf\. [A-Z]", text):
        return False
    letters = sum(c.isascii() and (c.isalpha() or c == " ") for c in text)
    return SHORTEST <= len(text) <= LONGEST and letters >= 0.85 * len(text) and " " in text


def paraphrases(
    meanings: list[readers.Synset], kept: list[readers.Synset], glosses: dict[str, list[str]]
) -> list[dict[str, str | bool]]:
    """
    Glosses of two synonyms that were not trained on: WordNet's of their meaning with the GCIDE's of a word that has no
    other meaning, and the GCIDE's of two such words. As many with another meaning's gloss in the second place.
    """
    senses: dict[str, int] = defaultdict(int)
    for synset in meanings:
        for word in synset.words:
            senses[word.lower()] += 1
    same = []
    for synset in kept:
        found = [
            (word, next((g for g in glosses.get(word.lower(), []) if is_prose(g) and len(g) >= 25), None))
            for word in synset.words
            if senses[word.lower()] == 1
        ]
        known = [(word, gloss) for word, gloss in found if gloss is not None]
        others = [(synset.words[0], synset.gloss)] if is_prose(synset.gloss) else []
        places = known + others
        for i, (_, a) in enumerate(known):
            for _, b in places[i + 1 :]:
                # The GCIDE has taken over some of WordNet's: those are copies, and no test of meaning.
                if overlap(a, b) < MAX_OVERLAP:
                    same.append((a, b))
    rng = random.Random(SEED)
    rng.shuffle(same)
    seconds = [b for _, b in same]
    shift = rng.randrange(1, len(seconds))
    different = [(a, seconds[(i + shift) % len(seconds)]) for i, (a, _) in enumerate(same)]
    return [{"a": a, "b": b, "same": True} for a, b in same] + [{"a": a, "b": b, "same": False} for a, b in different]


def overlap(a: str, b: str) -> float:
    """Words that two texts share, of those that either has."""
    first, second = (set(re.findall(r"[a-z]+", text.lower())) for text in (a, b))
    return len(first & second) / max(1, len(first | second))


def share(text: str) -> float:
    """Where a text lies between 0 and 1, always the same."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:6], "big") / 2**48


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
