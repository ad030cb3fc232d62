"""The check of what an answer in Markdown is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders.documents import unfenced
from pytest_benchmodels.graders.normalization import fold, shown, without_emphasis

__all__ = ["CHECKS", "Markdown", "TableShape"]

_MOST_CHARS = 200_000
_WRAPPED = re.compile(r"\s*(?:`{3,}|~{3,})[ \t]*(?:markdown|md)\b", re.IGNORECASE)
_OF_TOKENS = {
    "heading_open": ("heading",),
    "bullet_list_open": ("list",),
    "ordered_list_open": ("list", "numbered_list"),
    "table_open": ("table",),
    "fence": ("code",),
    "blockquote_open": ("quote",),
}

Element = Literal["heading", "list", "numbered_list", "table", "code", "quote"]
_Title = Annotated[str, Meta(min_length=1)]


class TableShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table with these titles among its columns, in this order, and at least so many rows below them."""

    columns: tuple[_Title, ...] = ()
    min_rows: Annotated[int, Meta(ge=0)] = 1


class Markdown(Grader, frozen=True):
    """The answer has these elements of Markdown: `heading`, `list`, `numbered_list`, `table`, `code`, `quote`.

    `headings`: headings with these titles, in this order; others may come between. `table`: one with these `columns`,
    and at least `min_rows` rows. `code`: a code block of this language. `min_items`: items of all lists together.
    Titles are compared without case and emphasis. The score is the share of what was found; it passes with all of it.
    """

    markdown: Literal[True] | Element | Annotated[tuple[Element, ...], Meta(min_length=1)] = True
    headings: tuple[_Title, ...] = ()
    table: TableShape | None = None
    code: str = ""
    min_items: Annotated[int, Meta(ge=0)] = 0

    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.markdown is True and not (self.headings or self.table or self.code or self.min_items):
            raise ValueError(
                "any text is Markdown: say what it has to have, such as `markdown: [heading, table]`, or "
                "`headings: [Summary]` beside `markdown: true`"
            )

    def grade(self, response: Response) -> Grade:
        """Look for each; `CheckError` for more than 200,000 characters."""
        text = response.text
        if len(text) > _MOST_CHARS:
            raise CheckError(
                f"`markdown` reads answers of up to {_MOST_CHARS:,} characters, this one has {len(text):,}; "
                "lower max_tokens"
            )
        outline = _outline(unfenced(text.strip()) if _WRAPPED.match(text) else text)
        faults = list(self._faults(outline))
        missing = [fault for fault in faults if fault]
        score = 1 - len(missing) / len(faults)
        if missing:
            said = f"expected {'; '.join(missing)} in {shown(text)}: it has {outline.told()}"
            return Grade(score, passed=False, explanation=said)
        return Grade(1.0, passed=True, explanation=f"it has {outline.told()}")

    def example(self) -> str:
        elements = set(self._elements())
        parts = [f"# {title}" for title in self.headings] or ["# Title"] * ("heading" in elements)
        if self.table or "table" in elements:
            titles = (self.table.columns if self.table else ()) or ("a", "b")
            rows = [titles, ["-"] * len(titles), *[["1"] * len(titles)] * (self.table.min_rows if self.table else 1)]
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
        if self.code or "code" in elements:
            parts.append(f"```{self.code}\nx = 1\n```")
        parts += ["> said"] * ("quote" in elements)
        parts += ["1. one"] * ("numbered_list" in elements)
        if self.min_items or "list" in elements:
            parts.append("\n".join(["- item"] * max(1, self.min_items)))
        return "\n\n".join(parts)

    def _elements(self) -> tuple[str, ...]:
        if self.markdown is True:
            return ()
        return (self.markdown,) if isinstance(self.markdown, str) else self.markdown

    def _faults(self, outline: _Outline) -> Iterator[str]:
        """What is missing, one text for each thing that is asked for; empty where it is there."""
        for element in self._elements():
            yield "" if element in outline.elements else f"a {element.replace('_', ' ')}"
        found = [_title(title) for title in outline.headings]
        at = 0
        for title in self.headings:
            wanted = _title(title)
            place = next((place for place in range(at, len(found)) if found[place] == wanted), None)
            after = f" after {quote(outline.headings[at - 1])}" if at and wanted in found else ""
            yield f"the heading {quote(title)}{after}" if place is None else ""
            at = at if place is None else place + 1
        if self.table is not None:
            yield "" if any(table.fits(self.table) for table in outline.tables) else _told(self.table)
        if self.code:
            yield "" if self.code.lower() in outline.languages else f"a code block of {quote(self.code)}"
        if self.min_items:
            yield "" if outline.items >= self.min_items else f"{self.min_items} list items"


def _told(table: TableShape) -> str:
    columns = f" with the columns {', '.join(map(quote, table.columns))}" if table.columns else ""
    return f"a table{columns} of at least {table.min_rows} row{'' if table.min_rows == 1 else 's'}"


def _title(text: str) -> str:
    return fold(without_emphasis(text), ignore_case=True).strip().rstrip(":")


@dataclass
class _Table:
    columns: list[str] = field(default_factory=list)
    rows: int = 0

    def fits(self, shape: TableShape) -> bool:
        titles = iter(map(_title, self.columns))
        return self.rows >= shape.min_rows and all(_title(wanted) in titles for wanted in shape.columns)


@dataclass
class _Outline:
    """What a text is made of."""

    elements: set[str] = field(default_factory=set)
    headings: list[str] = field(default_factory=list)
    tables: list[_Table] = field(default_factory=list)
    languages: set[str] = field(default_factory=set)
    items: int = 0

    def told(self) -> str:
        parts = sorted(self.elements)
        parts += [f"the headings {_listed(self.headings)}"] if self.headings else []
        parts += [f"a table of the columns {_listed(table.columns)}, rows: {table.rows}" for table in self.tables[:2]]
        return "; ".join([*parts, f"{self.items} list items"] if self.items else parts) or "none of these elements"


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 5} more" if len(texts) > 5 else ""
    return ", ".join(quote(text[:41], 40) for text in texts[:5]) + more


def _outline(text: str) -> _Outline:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 60 ms that only suites with this check pay

    outline = _Outline()
    # What stands within a line is not looked at: titles are compared as they are written, without emphasis.
    tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse(text)
    in_head = False
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        outline.elements.update(_OF_TOKENS.get(token.type, ()))
        if token.type == "heading_open" and following is not None:
            outline.headings.append(following.content)
        elif token.type == "fence":
            outline.languages.add(token.info.strip().partition(" ")[0].lower())
        elif token.type == "table_open":
            outline.tables.append(_Table())
        elif token.type in ("thead_open", "thead_close"):
            in_head = token.type == "thead_open"
        elif token.type == "th_open" and following is not None:
            outline.tables[-1].columns.append(following.content)
        elif token.type == "tr_open":
            outline.tables[-1].rows += not in_head
        elif token.type == "list_item_open":
            outline.items += 1
    return outline


CHECKS: tuple[type[Grader], ...] = (Markdown,)
"""The checks of this family, in the order in which they are told."""
