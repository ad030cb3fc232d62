"""The check of an answer that lists things, against the things that it has to list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.documents import NotJsonError, extract
from pytest_benchmodels.graders.normalization import Scalar, fold, shown, text_of, without_emphasis

__all__ = ["CHECKS", "SameAsReferenceSet"]

_BULLET = re.compile(r"[ \t]*(?:[-*+\u2022\u2013]|\d{1,4}[.)])[ \t]+(?P<item>\S.*)")
_COMMA = re.compile(r"[,;\uff0c\u3001\uff1b\n]")
_AND = re.compile(r"(?:and|or|&)\s+(?=\S)", re.IGNORECASE)
_OUTER = " \t.,;:!?\"'\u3002"
_NEAR = 1e-9

Split = Literal["auto", "json", "list", "lines", "commas"]


class SameAsReferenceSet(Grader, frozen=True):
    """The answer lists these items, in any order, and no others. An item that stands twice counts once.

    `split` says how the answer's items are told apart: `json` (an array), `list` (the lines with a bullet or a number),
    `lines`, `commas` (or semicolons); `auto` takes the first of these that is there. A value that is a text is split
    the same way. The score is the F1 of precision and recall, or the one that `measure` names; passed from `min` on.
    Items are compared as `one_of` compares.
    """

    same_as_reference_set: Annotated[str, Meta(min_length=1)] | Annotated[tuple[Scalar, ...], Meta(min_length=1)]
    split: Split = "auto"
    measure: Literal["f1", "precision", "recall"] = "f1"
    min: Annotated[float, Meta(ge=0, le=1)] = 1.0
    ignore_case: bool = False

    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self._keys(self._reference()):
            raise ValueError(f"no item was read in {shown(str(self.same_as_reference_set))}: write a list of them")

    def grade(self, response: Response) -> Grade:
        """Compare the two sets."""
        wanted, found = self._keys(self._reference()), self._keys(_items(response.text, self.split))
        common = len(wanted.keys() & found.keys())
        precision, recall = common / len(found) if found else 0.0, common / len(wanted)
        f1 = 2 * common / (len(found) + len(wanted))
        score = {"f1": f1, "precision": precision, "recall": recall}[self.measure]
        told = f"precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}"
        missing = [wanted[key] for key in wanted if key not in found]
        other = [found[key] for key in found if key not in wanted]
        told += f"; missing {_listed(missing)}" if missing else ""
        told += f"; not asked for {_listed(other)}" if other else ""
        passed = score >= self.min - _NEAR
        if passed:
            return Grade(score, passed, told)
        return Grade(
            score, passed, f"expected {self.measure} of at least {self.min:g}: {told}, in {shown(response.text)}"
        )

    def example(self) -> str:
        items = list(self._reference())
        return ", ".join(items) if self.split == "commas" else "\n".join(f"- {item}" for item in items)

    def _reference(self) -> Sequence[str]:
        value = self.same_as_reference_set
        return _items(value, self.split) if isinstance(value, str) else [text_of(item) for item in value]

    def _keys(self, items: Iterable[str]) -> dict[str, str]:
        """The items by what they are compared by; those of which nothing is left are none."""
        keyed: dict[str, str] = {}
        for item in filter(str.strip, items):
            bare = fold(without_emphasis(item), ignore_case=self.ignore_case).strip()
            key = bare.strip(_OUTER) or bare
            if key:
                keyed.setdefault(key, item.strip())
        return keyed


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return ", ".join(map(shown, items[:5])) + more


def _items(text: str, split: Split) -> Sequence[str]:
    if split in ("auto", "json"):
        array = _array(text)
        if array is not None or split == "json":
            return array or []
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if split in ("auto", "list"):
        bullets = [found["item"] for found in map(_BULLET.fullmatch, lines) if found]
        if bullets or split == "list":
            return bullets
    if split == "lines" or (split == "auto" and len(lines) > 1):
        return lines
    return [_AND.sub("", part.strip(), count=1) if _AND.match(part.strip()) else part for part in _COMMA.split(text)]


def _array(text: str) -> list[str] | None:
    """The items of the one array that a text holds; None where it holds none, or one of other things than values."""
    if "[" not in text:
        return None
    try:
        found = extract(text)
    except NotJsonError:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str | int | float) for item in found):
        return None
    return [text_of(item) for item in found]


CHECKS: tuple[type[Grader], ...] = (SameAsReferenceSet,)
"""The checks of this family, in the order in which they are told."""
