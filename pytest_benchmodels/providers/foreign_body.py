"""Bodies that are not what an API answers: pages of proxies, streams that nobody asked for, texts."""

from __future__ import annotations

import html
import re

__all__ = ["first_of_stream", "is_page", "is_stream", "page_title"]

_LOOKED_AT = 100_000
_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,1000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_TITLES = tuple(
    re.compile(rf"<{tag}\b[^>]{{0,1000}}>([^<]{{0,2000}})", re.IGNORECASE) for tag in ("title", "h1", "h2", "p")
)
_FIELD = re.compile(r"(?:data|event|id|retry):|:")
_DATA = re.compile(r"^data:[ ]?(.+)$", re.MULTILINE)


def is_page(text: str) -> bool:
    """Whether it is HTML: a proxy's or a firewall's page, or a web site where an API should be."""
    return _PAGE.match(text, 0, _LOOKED_AT) is not None


def page_title(text: str) -> str:
    """What a page is about, on one line: its title, else its first heading; empty where it has none."""
    for pattern in _TITLES:
        for found in pattern.finditer(text, 0, _LOOKED_AT):
            if title := " ".join(html.unescape(found[1]).split()):
                return title
    return ""


def is_stream(text: str) -> bool:
    """Whether it is a stream of events (`data: {...}`), or of JSON objects, one a line, as Ollama has it."""
    lines = [line for line in text[:_LOOKED_AT].splitlines() if line.strip()]
    if _DATA.search(text, 0, _LOOKED_AT) and _FIELD.match(lines[0]):
        return True
    return len(lines) > 1 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines[:2])


def first_of_stream(text: str) -> str | None:
    """The data of the first event; None where it is no stream of events."""
    found = _DATA.search(text, 0, _LOOKED_AT) if _FIELD.match(text.lstrip()) else None
    return None if found is None else found[1]
