"""What a judge was shown, read back from what it was asked: for people who are to judge the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_benchmodels.core.message import Message, readable

__all__ = ["JudgedMaterial", "judged_material"]

_MARK = re.compile(r"between marks that end in -([0-9a-f]+):")
_END = "\n\nThink first and write your reasons"


@dataclass(frozen=True, slots=True)
class JudgedMaterial:
    """What is asked of an answer: a check's question or rubric, with its scale.

    `parts` are the texts that it is about, by name: `question` or `conversation`, `answer`, and maybe `reference`.
    """

    asked: str
    parts: dict[str, str]


def judged_material(messages: Sequence[Message]) -> JudgedMaterial | None:
    """Undo the prompt of a `judge` check; None for any other."""
    if len(messages) < 2 or (mark := _MARK.search(readable(messages[0].content))) is None:
        return None
    text = readable(messages[1].content)
    parts: dict[str, str] = {}
    # No text between marks has the mark in it: it is a digest of these texts.
    for name, part in re.findall(rf"<(\w+)-{mark[1]}>\n(.*?)\n</\1-{mark[1]}>", text, re.DOTALL):
        parts.setdefault(name, part)
    rest = text[text.rfind(f"-{mark[1]}>") :]
    _, found, asked = rest.partition(f"in answer-{mark[1]}:\n")
    asked, ends, _ = asked.rpartition(_END)
    return JudgedMaterial(asked, parts) if found and ends else None
