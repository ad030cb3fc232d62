"""What is wrong with a text in some language, by parsers that open nothing, expand nothing and come to an end."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.graders.documents import NotJsonError, parse

__all__ = ["first_fault"]

_DEPTH = 100
_DEEPEST_HTML = 256
"""Each tag of HTML looks at those that are open around it."""

_SAID = 200
_EMPTY = "it is empty"
_TOO_DEEP = "it is nested too deeply"


def first_fault(language: str, text: str, **options: str) -> str | None:
    """What is wrong first; None if nothing is. `dialect` is an option of SQL."""
    if not text.strip():
        return _EMPTY
    try:
        fault = _FAULTS[language](text, **options)
    except RecursionError:
        return _TOO_DEEP
    return None if fault is None else clip(plain(" ".join(fault.split())), _SAID)


def _json(text: str) -> str | None:
    try:
        parse(text)
    except NotJsonError as reason:
        return str(reason)
    return None


def _yaml(text: str) -> str | None:
    import yaml  # noqa: PLC0415 - where files are JSON, nothing else loads it

    try:
        depth, anchors = 0, set[str]()
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentStartEvent):
                anchors.clear()
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.AliasEvent) and event.anchor not in anchors:
                line = event.start_mark.line + 1 if event.start_mark else 1
                return f"line {line}: alias {quote(event.anchor)} is not defined"
            elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
                anchors.add(event.anchor)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.ScalarEvent) and depth == 0:
                return "it is a single text, and any text is that: a mapping or a list is asked for"
            if depth > _DEPTH:
                return _TOO_DEEP
        return _twice(list(yaml.compose_all(text, Loader=yaml.CSafeLoader)))
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f"line {mark.line + 1}: "
        return f"{where}{getattr(error, 'problem', None) or error}"


def _twice(nodes: list[Any]) -> str | None:
    """A key that stands twice in one mapping. An alias leads to the same node: each is looked at once."""
    import yaml  # noqa: PLC0415 - as above

    seen: set[int] = set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
            continue
        keys: set[tuple[str, str]] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in keys:
                    return f"line {key.start_mark.line + 1}: key {quote(key.value)} stands twice in one mapping"
                keys.add((key.tag, key.value))
            nodes += (key, value)
    return None


def _xml(text: str) -> str | None:
    import xml.etree.ElementTree as ET  # noqa: PLC0415 - its error alone: defusedxml reads

    from defusedxml import DefusedXmlException  # noqa: PLC0415 - 14 ms that only suites with XML pay
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - as above

    try:
        fromstring(text, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except ET.ParseError as error:
        return str(error)
    except DefusedXmlException as error:
        return f"entities of its own and external references are not taken ({type(error).__name__})"
    except (ValueError, LookupError) as error:
        return str(error)
    return None


_MANY_DOTS = re.compile(r"""(?:(?:(?<![\w-])[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""")


def _toml(text: str) -> str | None:
    import tomllib  # noqa: PLC0415 - 20 ms that only suites with TOML pay

    if _MANY_DOTS.search(text):  # which take tomllib time that grows with their square
        return "a key has more than 100 parts"
    try:
        tomllib.loads(text)
    except (ValueError, OverflowError) as error:
        return str(error)
    return None


def _sql(text: str, dialect: str = "") -> str | None:
    import sqlglot  # noqa: PLC0415 - 120 ms that only suites with SQL pay
    from sqlglot import exp  # noqa: PLC0415 - as above

    # What it only knows by name (SHOW, EXPLAIN) it warns of, on stderr where nobody else listens.
    logging.getLogger("sqlglot").addHandler(logging.NullHandler())
    try:
        statements = [each for each in sqlglot.parse(text, dialect=dialect or None) if each is not None]
    except sqlglot.errors.SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        line = details[0].get("line")
        said = details[0].get("description") or str(error)
        return f"line {line}: {said}" if line else str(said)
    if not statements:
        return "it has no statement"
    is_statement = (exp.Query, exp.DML, exp.DDL, exp.Command)
    other = next((each for each in statements if not isinstance(each, is_statement) and not _is_known(each)), None)
    return None if other is None else f"{quote(other.sql()[:_SAID])} is no statement"


_STATEMENTS = frozenset(
    {
        "alter",
        "analyze",
        "attach",
        "cache",
        "comment",
        "commit",
        "copy",
        "create",
        "delete",
        "describe",
        "detach",
        "drop",
        "grant",
        "insert",
        "kill",
        "loaddata",
        "merge",
        "pragma",
        "refresh",
        "revoke",
        "rollback",
        "set",
        "show",
        "summarize",
        "transaction",
        "truncatetable",
        "uncache",
        "update",
        "use",
    }
)


def _is_known(statement: Any) -> bool:
    """Whether it is one of the statements that have no base in common."""
    return type(statement).__name__.lower() in _STATEMENTS


class _TooDeepError(Exception):
    pass


class _OpenElements(list[Any]):
    """The elements that are open, of which there is a limit."""

    def append(self, element: Any) -> None:
        if len(self) >= _DEEPEST_HTML:
            raise _TooDeepError
        super().append(element)


def _html(text: str) -> str | None:
    from tinyhtml5.parser import HTMLParser  # noqa: PLC0415 - 25 ms that only suites with HTML pay

    class Strict(HTMLParser):  # type: ignore[misc] # the package has no types
        """Notes the first error, with the elements that are open where it ends."""

        fault: str | None = None

        def reset(self) -> None:
            super().reset()
            self.tree.open_elements = _OpenElements(self.tree.open_elements)

        def parse_error(self, code: str = "", variables: Mapping[str, object] | None = None) -> None:
            super().parse_error(code, variables or {})
            if self.fault is None and not code.startswith("expected-doctype"):
                name = (variables or {}).get("name")
                named = f" {quote(name)}" if name else ""
                (line, _), *_ = (self.errors[-1][0],)
                self.fault = f"line {line}: {code.replace('-', ' ')}{named}{self._unclosed(code)}"

        def _unclosed(self, code: str) -> str:
            names = [
                element.name for element in self.tree.open_elements if element.name not in ("html", "body", "head")
            ]
            return f", open are {', '.join(map(quote, names[:5]))}" if code.endswith("eof") and names else ""

    if not re.search(r"<[A-Za-z]", text):
        return "it has no tag"
    parser = Strict()
    try:
        parser.parse(text)
    except _TooDeepError:
        return f"more than {_DEEPEST_HTML} elements are open inside each other"
    return parser.fault


_FAULTS: Mapping[str, Callable[..., str | None]] = {
    "json": _json,
    "yaml": _yaml,
    "xml": _xml,
    "toml": _toml,
    "sql": _sql,
    "html": _html,
}
