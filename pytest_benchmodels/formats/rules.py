"""Rules of names that no type can tell. Each returns what is wrong, or None."""

from __future__ import annotations

import re

from pytest_benchmodels.core.text import quote

__all__ = ["id_fault", "model_fault", "param_fault", "tag_fault"]

_TAG = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_SETTINGS = "pytest gives it a meaning of its own"
_RESERVED_TAGS = {
    "skip": "write `skip:` in the scenario",
    "skipif": "write `skip:` in the scenario",
    "xfail": "write `xfail:` in the scenario",
    "timeout": "write `timeout:` in the scenario",
    **dict.fromkeys(("parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast", "xdist_group"), _SETTINGS),
    **dict.fromkeys(("and", "or", "not", "None", "True", "False"), "no -m expression could name it"),
}
_RESERVED_PARAMS = {
    **dict.fromkeys(
        ("api_base", "api_key", "base_url", "default_query", "extra_headers", "extra_query", "headers", "query"),
        "it belongs into bench.toml",
    ),
    "model": "write `models:` in the scenario",
    "messages": "write `messages:` in the scenario",
}


def id_fault(name: str) -> str | None:
    """A scenario's id stands in node ids, which end at `::` and at brackets."""
    wrong = next((part for part in ("[", "]", "::") if part in name), None)
    if wrong is not None:
        return f"id {quote(name)} holds {wrong!r}, which node ids need for themselves: leave it out"
    if not name.isprintable() or name != name.strip() or not name:
        return f"id {quote(name)} has to be printable text without spaces around it"
    return None


def tag_fault(tag: str) -> str | None:
    """A tag becomes a marker of pytest."""
    if not _TAG.fullmatch(tag):
        return f"tag {quote(tag)} is no marker name: use letters, digits, '_', '-' and '.', a letter first"
    if tag in _RESERVED_TAGS:
        return f"tag {tag!r} is reserved: {_RESERVED_TAGS[tag]}"
    return None


def model_fault(model: str) -> str | None:
    """A model's name stands in brackets at the end of node ids."""
    if not model.isprintable() or re.search(r"[\[\]\s]", model):
        return f"model {quote(model)} holds brackets, spaces or control characters: write `provider/name` or an alias"
    return None


def param_fault(name: str) -> str | None:
    """A parameter is sent along with a request; it must not change whom that goes to, or what is asked."""
    if name in _RESERVED_PARAMS:
        return f"params cannot set {name!r}: {_RESERVED_PARAMS[name]}"
    return None
