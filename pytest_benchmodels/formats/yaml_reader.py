"""YAML text -> values with lines, through PyYAML's event stream.

Events rather than `yaml.compose`: they come in half the time, and the depth of a hostile file stays in a list of ours
instead of on the C stack.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_benchmodels.formats.builder import Builder, resolve
from pytest_benchmodels.formats.document import MalformedError

if TYPE_CHECKING:
    import yaml

__all__ = ["read_yaml", "yaml_remedy"]

_QUOTES = "put the text in quotes"
_TAB = "indent with blanks: YAML takes no tab there"
_COLON = (
    "a text with a colon and a blank in it needs quotes, or `|` and lines of its own; keys that belong together begin "
    "in the same column, and a blank follows their colon"
)
_QUOTED = "a quoted text ends before its line does: write '' for ' inside of '...', and \\\" for \" inside of \"...\""
_COLUMNS = "entries that belong together begin in the same column, after a blank where that is `- `"
_REMEDIES = (
    (re.compile("tab character|'\\\\t'"), _TAB),
    (re.compile("mapping values are not allowed"), _COLON),
    (
        re.compile("expected ':'"),
        "a line that is no `key: value`: indent it below its key's `|`, or put the text in quotes",
    ),
    (
        re.compile("unknown escape character"),
        "a backslash in \"...\" begins an escape: double it, or write the text in '...'",
    ),
    (re.compile("unexpected end of stream"), "a quote that is opened has to be closed"),
    (
        re.compile("sequence entries are not allowed"),
        f"a list begins on the line below its key; if it is text, {_QUOTES}",
    ),
    (re.compile("comment or line break"), "text after `|` or `>` begins on the next line"),
    (
        re.compile(r"expected ',' or '\]'"),
        "close the list by ']', and part its entries by commas; if it is text, " + _QUOTES,
    ),
    (
        re.compile("expected ',' or '}'"),
        "close the mapping by '}', and part its entries by commas; if it is text, " + _QUOTES,
    ),
)
_ESCAPED_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_PAST_QUOTE = re.compile(r"""["']""")


def yaml_remedy(problem: str, line: str, column: int) -> str:
    """`: indent with blanks`, for a parser's problem at a column (from 0) of a line; nothing where it tells enough."""
    remedy = _at_character(problem, line, column) or next(
        (remedy for pattern, remedy in _REMEDIES if pattern.search(problem)), ""
    )
    return f": {remedy}" if remedy else ""


def _at_character(problem: str, line: str, column: int) -> str:
    """What depends on what stands there."""
    here = line[column : column + 1]
    if "cannot start any token" in problem:
        return _TAB if here == "\t" else f"{_QUOTES} if it begins with {here!r}"
    if "Unicode character escape" in problem or "escape code" in problem:
        return _surrogate(line)
    if "expected key" in problem or "expected <block end>" in problem:
        return _QUOTED if here != "-" and _PAST_QUOTE.search(line[:column]) else _COLUMNS
    return ""


def _surrogate(line: str) -> str:
    pair = _ESCAPED_PAIR.search(line)
    if pair is None:
        return "write the character itself"
    high, low = int(pair[1], 16), int(pair[2], 16)
    point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    return f"YAML has no pairs of escapes as JSON has: write \\U{point:08X} or the character itself"


# What YAML 1.2 does not let into a stream at all, and the byte order mark anywhere but at the start.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_STANDARD = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
}


def read_yaml(text: str, builder: Builder) -> None:
    """Feed one YAML document to `builder`. Raises `MalformedError` where the text cannot be read any further."""
    import yaml  # noqa: PLC0415 - 25 ms that a session without YAML files need not pay

    bad = _UNPRINTABLE.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        raise MalformedError(line, f"character U+{ord(bad[0]):04X} is not allowed in YAML: write it as an escape")
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _Reader(yaml, builder).read(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, text) from error


def _malformed(error: yaml.MarkedYAMLError, text: str) -> MalformedError:
    mark = error.problem_mark or error.context_mark
    context = f" {error.context}" if error.context else ""
    begun = error.context_mark
    where = f" that begins in line {begun.line + 1}" if context and begun and mark and begun.line != mark.line else ""
    lines = text.split("\n")
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    remedy = yaml_remedy(str(error.problem), line, mark.column if mark else 0)
    return MalformedError(
        mark.line + 1 if mark else 1, f"not readable as YAML: {error.problem}{context}{where}{remedy}"
    )


class _Reader:
    def __init__(self, events: Any, builder: Builder) -> None:
        self._builder = builder
        self._documents = 0
        self._handlers = {
            events.ScalarEvent: self._scalar,
            events.MappingStartEvent: self._mapping,
            events.SequenceStartEvent: self._sequence,
            events.MappingEndEvent: self._end,
            events.SequenceEndEvent: self._end,
            events.AliasEvent: self._alias,
            events.DocumentStartEvent: self._document,
        }

    def read(self, events: Any) -> None:
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event, event.start_mark.line + 1)

    def _scalar(self, event: Any, line: int) -> None:
        plain = not event.style and event.tag is None
        if self._builder.wants_key:
            _refuse_tag(event, line, ("str",))
            self._builder.key(event.value, line, merge=plain and event.value == "<<")
            return
        try:
            value = resolve(event.value) if plain else _tagged(event, line)
        except ValueError as error:
            raise MalformedError(line, str(error)) from error
        self._builder.scalar(value, line, event.anchor)

    def _mapping(self, event: Any, line: int) -> None:
        _refuse_tag(event, line, ("map",))
        self._refuse_as_key(line)
        self._builder.open_mapping(line, event.anchor)

    def _sequence(self, event: Any, line: int) -> None:
        _refuse_tag(event, line, ("seq",))
        self._refuse_as_key(line)
        self._builder.open_list(line, event.anchor)

    def _end(self, _event: Any, _line: int) -> None:
        self._builder.close()

    def _alias(self, event: Any, line: int) -> None:
        self._refuse_as_key(line)
        self._builder.alias(event.anchor, line)

    def _document(self, _event: Any, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            remedy = "write several scenarios as a list under 'scenarios:', or into a file each"
            raise MalformedError(line, f"a second YAML document begins here: {remedy}")

    def _refuse_as_key(self, line: int) -> None:
        if self._builder.wants_key:
            raise MalformedError(line, "a key has to be text, not a mapping, list or alias")


def _refuse_tag(event: Any, line: int, allowed: tuple[str, ...]) -> None:
    if event.tag not in {None, "!", *(_STANDARD + name for name in allowed)}:
        shown = event.tag.replace(_STANDARD, "!!")
        raise MalformedError(line, f"tag {shown!r} is not allowed here: write the plain value")


def _tagged(event: Any, line: int) -> object:
    """The value of a scalar that is quoted or carries a tag of the standard."""
    if event.tag in {None, "!", _STANDARD + "str"}:
        return event.value
    _refuse_tag(event, line, tuple(_TYPES))
    name = event.tag.removeprefix(_STANDARD)
    value = resolve(event.value)
    if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and name != "bool"):
        raise ValueError(f"{event.value[:40]!r} is no !!{name}: write the plain value")
    return float(value) if name == "float" else value  # type: ignore[arg-type]  # a float or an int, by _TYPES
