"""Plain text out of what packages ship: WordNet, dictd dictionaries, fortunes, HTML, manual pages."""

import gzip
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

# Digits of dictd's index.
BASE64 = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}

# Elements whose end ends a sentence, and those that hold no prose.
BLOCKS = {"p", "li", "td", "th", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "title", "div", "tr", "br", "item", "desc"}
SILENT = {"pre", "script", "style", "nav", "code-block", "screen", "programlisting", "code", "footer"}


class Synset(NamedTuple):
    """Words of one meaning."""

    offset: str
    words: list[str]
    gloss: str
    examples: list[str]


def synsets(path: Path) -> Iterator[Synset]:
    """Of one of WordNet's data files (its format: the manual page wndb(5))."""
    part = path.suffix[1:]
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("  ") or " | " not in line:
            continue
        fields, _, gloss = line.partition(" | ")
        numbers = fields.split(" ")
        count = int(numbers[3], 16)
        words = [re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in numbers[4 : 4 + 2 * count : 2]]
        examples = re.findall(r'"([^"]+)"', gloss)
        definition = re.sub(r';?\s*"[^"]*"[^;]*', "", gloss).strip(" ;")
        yield Synset(f"{part}:{numbers[0]}", words, definition, examples)


def entries(index: Path) -> Iterator[tuple[str, str]]:
    """Headword and article of a dictd dictionary (its format: dictd(8))."""
    data = gzip.open(index.with_suffix(".dict.dz")).read()
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines():
        parts = line.split("\t")
        if len(parts) != 3 or parts[0].startswith("00-database"):
            continue
        start, length = (number(part) for part in parts[1:])
        yield parts[0], data[start : start + length].decode("utf-8", "replace")


def number(digits: str) -> int:
    """Of dictd's index."""
    value = 0
    for digit in digits:
        value = value * 64 + BASE64[digit]
    return value


def meanings(article: str) -> list[str]:
    """The definitions and quotations in an article of the GCIDE, one text each, without its marks."""
    body = article.split("\n", 1)[1] if "\n" in article else article
    body = re.sub(r"\[[^\]]*\]", " ", body)
    body = re.sub(r"\{|\}", "", body)
    body = re.sub(r"--\s*\w[\w. ]*\.?\s*$", "", body, flags=re.M)
    texts = []
    for paragraph in re.split(r"\n\s*\n|\n\s*(?=\d+\.\s)|\n\s*(?=\([a-z]\)\s)", body):
        text = " ".join(paragraph.split())
        text = re.sub(r"^(?:\d+\.|\([a-z]\))\s*(?:\([^)]*\)\s*)?", "", text)
        if not re.match(r"(Syn|Note|See|Usage)\b", text):
            texts.append(text)
    return texts


def fortunes(path: Path) -> Iterator[str]:
    """Of one of fortune's files."""
    if path.suffix in {".dat", ".u8"}:
        return
    for fortune in path.read_text(encoding="utf-8", errors="replace").split("\n%\n"):
        yield " ".join(re.sub(r"^\s*--.*", "", fortune, flags=re.M | re.S).split())


class Prose(HTMLParser):
    """Collects the text of blocks, and none of code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.text: list[str] = []
        self.silent = 0

    def flush(self) -> None:
        block = " ".join("".join(self.text).split())
        if block:
            self.blocks.append(block)
        self.text = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT and tag != "code":
            self.silent += 1
        if tag in BLOCKS:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT and tag != "code":
            self.silent = max(0, self.silent - 1)
        if tag in BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        if self.silent == 0:
            self.text.append(data)


def markup(path: Path) -> list[str]:
    """Blocks of prose of an HTML page, or of one in Mallard."""
    prose = Prose()
    prose.feed(path.read_text(encoding="utf-8", errors="replace"))
    prose.flush()
    return prose.blocks


def roff(path: Path) -> list[str]:
    """Paragraphs of a manual page, roughly: macros that set words keep the words, others go."""
    lines = gzip.open(path, "rt", encoding="utf-8", errors="replace").read().splitlines()
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.startswith((".\\\"", "'")):
            continue
        kept = re.match(r"\.(?:B|I|BR|IR|RB|RI|BI|IB)\s+(.*)", line)
        if kept:
            blocks[-1].append(re.sub(r'"\s*"|"', "", kept[1]).replace(" ", "") if " " in kept[1] else kept[1])
        elif line.startswith(".") or not line.strip():
            blocks.append([])
        else:
            blocks[-1].append(line)
    text = (" ".join(block) for block in blocks)
    plain = (re.sub(r"\\f.|\\&|\\\(..|\\\*.|\\s[+-]?\d", "", block).replace("\\-", "-").replace("\\", "") for block in text)
    return [html.unescape(" ".join(block.split())) for block in plain if block]
