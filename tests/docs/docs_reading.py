"""README and docs as data: what a test needs to hold them to the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["DOCS", "PAGES", "ROOT", "Block", "anchors", "blocks", "links", "prose", "rows", "section"]

ROOT = Path(__file__).parents[2]
_NAMES = ("README", "scenario-files", "models", "running", "results", "extending", "security")
PAGES = {
    path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
"""All documents, by name."""
DOCS = {name: PAGES[name] for name in _NAMES}
"""Those that are held to the program here; the others have tests beside what they describe."""

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block. `name`, the fence's second word, is the file that a reader is to put it into."""

    language: str
    name: str
    text: str


def blocks(text: str) -> list[Block]:
    return [Block(*match.groups("")) for match in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[tuple[str, str]]:
    """Path (empty for the same document) and anchor (empty for its beginning) of each link inside the project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(text))
    return [(path, anchor) for path, _, anchor in (target.partition("#") for target in targets) if "://" not in path]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    titles = _HEADING.findall(prose(text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next one."""
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"no heading {title!r}"
    return rest.partition("\n## ")[0]


def rows(text: str, first: str) -> list[list[str]]:
    """The cells of all tables whose first column has this title."""
    found = re.findall(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, f"no table of {first!r}"
    return [line.strip("| ").split(" | ") for table in found for line in table.splitlines()]
