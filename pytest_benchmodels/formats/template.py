"""`{{ name }}` and `{{ a.b }}` in an author's texts: look-up and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pytest_benchmodels.core.text import clip, nearest, quote

__all__ = ["Budget", "TemplateError", "as_text", "render", "render_text"]

_PLACEHOLDER = re.compile(r"\{\{(?:(.*?)\}\})?", re.DOTALL)
_NAME = re.compile(r"[^\W\d](?:[\w-]| (?=[\w-]))*(?:\.(?:[\w-]| (?=[\w-]))+)*")


_MOST_HINTS = 100


class TemplateError(ValueError):
    """A placeholder that cannot be filled in; its text is for the author."""


class Budget:
    """How much text templates may still make, over all scenarios of a file, and how often it is said what was meant."""

    def __init__(self, characters: int = 500_000_000) -> None:
        self._most = self._left = characters
        self._hints_left = _MOST_HINTS

    def spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TemplateError(f"templates make more than {self._most:,} characters of text: split the file")

    def hint(self, name: str, names: Mapping[str, object]) -> str:
        """Which name was meant, and which there are; nothing from the hundredth time on, which nobody reads."""
        self._hints_left -= 1
        if self._hints_left < 0:
            return ""
        return f"{nearest(name, names)} (known: {clip(', '.join(sorted(names)), 300) or 'none'})"


def render(value: object, names: Mapping[str, object], budget: Budget) -> object:
    """Fill in the placeholders of all texts in a value; keys stay as they are.

    A text that is one placeholder and nothing else becomes the value itself, with its type. What the values hold is
    never rendered again. Raises `TemplateError`. The value's depth bounds the recursion, and the reader bounds that.
    """
    if isinstance(value, str):
        return _render(value, names, budget)
    if isinstance(value, dict):
        return {key: render(part, names, budget) for key, part in value.items()}
    if isinstance(value, list):
        return [render(part, names, budget) for part in value]
    return value


def render_text(text: str, names: Mapping[str, object], budget: Budget) -> str:
    """Fill in the placeholders of a text that stays one."""
    return as_text(_render(text, names, budget))


def as_text(value: object) -> str:
    """A value as it stands in a text: text as it is, everything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _render(text: str, names: Mapping[str, object], budget: Budget) -> object:
    whole = _PLACEHOLDER.fullmatch(text) if text.startswith("{{") else None
    if whole and whole[1] is not None and "{{" not in whole[1] and "}}" not in whole[1]:
        return _look_up(whole[1], names, budget)
    if "{{" not in text:
        return text
    parts: list[str] = []
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        if match[1] is None:
            raise TemplateError(f"{quote(text[match.start() :], 40)} has no '}}}}' after its '{{{{'")
        filled = as_text(_look_up(match[1], names, budget))
        budget.spend(len(filled) + match.end() - position)
        parts += text[position : match.start()], filled
        position = match.end()
    return "".join([*parts, text[position:]])


def _look_up(inner: str, names: Mapping[str, object], budget: Budget) -> object:
    name = inner.strip(" \t\r\n")
    if name in names:
        return names[name]
    if not _NAME.fullmatch(name):
        remedy = "write {{ name }} or {{ name.part }}; braces that are meant as such can come from a variable"
        raise TemplateError(f"{quote('{{' + inner + '}}')} is no name: {remedy}")
    first, *parts = name.split(".")
    if first not in names:
        raise TemplateError(f"undefined name {quote(first)}{budget.hint(first, names)}")
    value = names[first]
    for part in parts:
        value = _part(value, part, name)
    return value


def _part(value: object, part: str, name: str) -> object:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
        return value[int(part)]
    known = nearest(part, value) if isinstance(value, dict) else ""
    raise TemplateError(f"undefined name {quote(name)}: there is no {quote(part)} in {quote(value)}{known}")
