"""Reads an answer as a JSON document, and tells two documents apart."""

from __future__ import annotations

import contextlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders.normalization import compose

__all__ = ["NotJsonError", "composed", "difference", "documents_in", "extract", "identity", "parse", "unfenced"]

_OPENING_FENCE = re.compile(
    r"(`{3,}|~{3,})[ \t]*(?:(?:json[a-z0-9]*|javascript|js|te?xt)(?!\w)|[\w.+-]*(?=\n))?", re.IGNORECASE
)
_FENCE = re.compile(r"[ \t]*(`{3,8}|~{3,8})[^`]*\Z")
_FENCE_LENGTHS = range(3, 9)
_DEPTH = 64
_TEXT_LENGTH = 1_000_000
"""A decoder is one call, in which no other thread goes on: up to this length about 50 ms."""

_MOST_DOCUMENTS = 1_000
"""Of so many in one answer the first are looked at."""

_TOO_DEEP_WORK = 5_000
"""Characters that a decoder reads, at least, until it is nested deeper than Python lets it be."""

_SHOWN = 60
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


class NotJsonError(Exception):
    """An answer that is no JSON document; its text says why."""


def parse(text: str) -> object:
    """Return the document that a text is, alone or as one Markdown code block; raise `NotJsonError` for anything else.

    The block's fence is of three or more backticks or tildes; one that was never closed is read to the end. Texts of
    the document are composed (NFC). NaN, numbers beyond the range of a double, a key twice in one object and documents
    nested more than 64 levels deep are refused. Raises `CheckError` for more than 1,000,000 characters.
    """
    _refuse_length(text)
    text = unfenced(text.strip("\ufeff \t\r\n"))
    try:
        document: object = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise NotJsonError(str(error)) from None
    except RecursionError:
        raise NotJsonError(f"it is nested more than {_DEPTH} levels deep") from None
    if _is_deeper_than(document, _DEPTH):
        raise NotJsonError(f"it is nested more than {_DEPTH} levels deep")
    _refuse_duplicates(text)
    return document if text.isascii() and "\\u" not in text else composed(document)


def extract(text: str) -> object:
    """Return the one document in a text; raise `NotJsonError` where there is none, or where two differ."""
    try:
        return parse(text)
    except NotJsonError as reason:
        found = documents_in(text)
        if not found:
            raise NotJsonError(f"no JSON document was found in it ({reason})") from None
    if len(found) > 1:
        raise NotJsonError(f"it has {len(found)} different JSON documents in it, and one is asked for")
    return found[0]


def documents_in(text: str) -> list[object]:
    """The different documents in a text: those in its code blocks, else the objects and lists between its words."""
    text = text.replace("\r\n", "\n")
    _refuse_length(text)
    found = _parsed(islice(_blocks(text), _MOST_DOCUMENTS)) or _parsed(islice(_spans(text), _MOST_DOCUMENTS))
    return list({identity(document): document for document in found}.values())


def _blocks(text: str) -> Iterator[str]:
    """What stands in a text's code blocks. One that is never closed is none: the next may begin inside.

    Each line is looked at once, however many blocks are open.
    """
    lines = text.split("\n")
    closing: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        for fence in _fences_closed_by(line.strip(" \t")):
            closing.setdefault(fence, []).append(number)
    at = 0
    while at < len(lines):
        end = _end_of_block(lines[at], at, closing)
        if end is not None:
            yield "".join(f"{line}\n" for line in lines[at + 1 : end])
            at = end
        at += 1


def _fences_closed_by(bare: str) -> Iterator[str]:
    """The fences that such a line closes: those that it begins with, if it is made of nothing else."""
    if bare and not bare.strip("`~"):
        alike = len(bare) - len(bare.lstrip(bare[0]))
        yield from (bare[0] * length for length in _FENCE_LENGTHS if length <= alike)


def _end_of_block(line: str, number: int, closing: Mapping[str, Sequence[int]]) -> int | None:
    """The number of the line that ends the block that this line begins; None if it begins none."""
    opening = _FENCE.match(line)
    if opening is None:
        return None
    fence = opening[1]
    shortest = len(fence) if fence[0] == "`" else _FENCE_LENGTHS.start
    for length in range(len(fence), shortest - 1, -1):
        ends = closing.get(fence[:length], ())
        if (place := bisect_right(ends, number)) < len(ends):
            return ends[place]
    return None


def _parsed(texts: Iterable[str]) -> list[object]:
    found: list[object] = []
    for text in texts:
        with contextlib.suppress(NotJsonError):
            found.append(parse(text))
    return found


def _spans(text: str) -> Iterator[str]:
    """The parts of a text that are JSON objects or lists, the outermost of each.

    A bracket that opens none is passed over. What that costs is limited to four times the text's length.
    """
    at, work = 0, 4 * len(text)
    while work > 0 and (opening := _OPENING.search(text, at)):
        start = opening.start()
        try:
            _, at = _DECODER.raw_decode(text, start)
            yield text[start:at]
        except json.JSONDecodeError as error:
            at = start + 1
            work -= max(error.pos - start, 1)
        except RecursionError:
            at = opening.end()
            work -= _TOO_DEEP_WORK


_OPENING = re.compile(r"[\[{](?:[\[{]*)")


def _refuse_length(text: str) -> None:
    if len(text) > _TEXT_LENGTH:
        raise CheckError(
            f"an answer is read as JSON up to {_TEXT_LENGTH:,} characters, this one has {len(text):,}; lower max_tokens"
        )


def unfenced(text: str) -> str:
    """What stands in the code block that a text is; the text itself where it is none."""
    opening = _OPENING_FENCE.match(text)
    if opening is None:
        return text
    fence = opening[1]
    inside = text[opening.end() :].rstrip()
    closed = inside.rstrip(fence[0])
    return closed if len(inside) - len(closed) >= len(fence) else inside


def _refuse_duplicates(text: str) -> None:
    """Raise `NotJsonError` for an object that has a key twice: readers differ in which of the two they take."""

    def collect(pairs: list[tuple[str, object]]) -> None:
        keys: set[str] = set()
        for name, _ in pairs:
            key = compose(name)
            if key in keys:
                raise NotJsonError(f"key {quote(key, _SHOWN)} stands twice in one object")
            keys.add(key)

    if "{" in text:
        json.loads(text, object_pairs_hook=collect, parse_int=_as_it_stands, parse_float=_as_it_stands)


def _as_it_stands(number: str) -> str:
    """Take a number as its text. In Python: with `str` no other thread goes on as long as numbers follow each other."""
    return number


def composed(value: object) -> Any:
    """A document with its keys and texts in Unicode's composed form (NFC)."""
    if isinstance(value, str):
        return compose(value)
    if isinstance(value, dict):
        return {compose(key) if isinstance(key, str) else key: composed(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [composed(child) for child in value]
    return value


def difference(expected: object, actual: object, *, subset: bool = False, path: str = "$") -> str | None:
    """Say where two documents differ first, None where they are equal.

    Order of keys does not matter, 1 equals 1.0, true is no 1. With `subset`, objects may have further keys.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _keys_differ(expected, actual, subset, path)
    if isinstance(expected, list | tuple) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"expected {len(expected)} items at {path}, got {len(actual)}"
        pairs = zip(expected, actual, strict=True)
        found = (difference(*pair, subset=subset, path=f"{path}[{index}]") for index, pair in enumerate(pairs))
        return next(filter(None, found), None)
    if isinstance(expected, bool) == isinstance(actual, bool) and expected == actual:
        return None
    return f"expected {_brief(expected)} at {path}, got {_brief(actual)}"


def _keys_differ(expected: dict[str, object], actual: dict[str, object], subset: bool, path: str) -> str | None:  # noqa: FBT001 - private, handed on
    for key, value in expected.items():
        if key not in actual:
            return f"expected key {quote(key, _SHOWN)} at {path}, found none"
        if found := difference(value, actual[key], subset=subset, path=f"{path}.{quote(key, _SHOWN)[1:-1]}"):
            return found
    extra = next((key for key in actual if key not in expected), None)
    return None if subset or extra is None else f"unexpected key {quote(extra, _SHOWN)} at {path}"


def _brief(value: object) -> str:
    """A value on one line, cut; only the size of what holds others."""
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return quote(value[: _SHOWN + 1], _SHOWN)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return quote(value, _SHOWN)


def _is_deeper_than(document: object, limit: int) -> bool:
    level = _containers([document])
    for _ in range(limit):
        level = _containers(child for node in level for child in (node.values() if isinstance(node, dict) else node))
    return bool(level)


def _containers(nodes: Iterable[object]) -> list[dict[str, object] | list[object]]:
    return [node for node in nodes if isinstance(node, dict | list)]


def identity(value: object) -> object:
    """Return something hashable that two documents share exactly if they are equal as JSON."""
    if isinstance(value, dict):
        return frozenset((key, identity(child)) for key, child in value.items())
    if isinstance(value, list | tuple):
        return ("list", *map(identity, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Hashes of numbers can be made to collide, those of texts cannot.
        return ("number", repr(int(value) if value == int(value) else value))
    return (type(value).__name__, value)
