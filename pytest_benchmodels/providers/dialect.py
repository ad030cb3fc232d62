"""What differs between model APIs, behind one seam, and what their modules share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..core.exchange import Usage

if TYPE_CHECKING:
    from ..core.exchange import Request
    from ..core.model import Model
    from .key import Key

__all__ = ["Dialect", "Reading", "UnreadableError", "at", "given_params", "joined_text", "tokens"]

_MOST_TOKENS = 2**53


class UnreadableError(ValueError):
    """An answer in a shape that its API does not have; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API's answer says."""

    text: str
    finish_reason: object = None
    usage: Usage = field(default_factory=Usage)
    served_model: object = None


class Dialect(Protocol):
    """How one API is spoken. Stateless: one instance serves all requests to a model."""

    def url(self, model: Model) -> str:
        """The address that requests are posted to."""

    def headers(self, key: Key) -> Mapping[str, str]:
        """The headers that carry the key and the API's version."""

    def body(self, request: Request) -> Mapping[str, object]:
        """The JSON document to post."""

    def read(self, document: Mapping[str, object]) -> Reading:
        """Read an answer; raises UnreadableError."""


def given_params(request: Request) -> dict[str, object]:
    """The request's parameters, without `sim`: what simulates a model is nothing to tell a real one."""
    return {name: value for name, value in request.params.items() if name != "sim"}


def at(value: object, *path: str | int) -> object:
    """Follow keys and indices into parsed JSON; None where the way ends."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def joined_text(parts: list[object]) -> str:
    """The texts of an answer that comes in parts; parts of another kind (thinking, pictures, tools) have no say."""
    texts = (
        part["text"]
        for part in parts
        if isinstance(part, Mapping) and isinstance(part.get("text"), str) and not part.get("thought")
    )
    return "".join(texts)


def tokens(value: object) -> int | None:
    """A count of tokens, or None for anything that is none."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None
