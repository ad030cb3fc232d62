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

__all__ = [
    "BlockedError",
    "Dialect",
    "FailedError",
    "Reading",
    "UnreadableError",
    "at",
    "given_params",
    "joined_text",
    "joined_thinking",
    "tokens",
]

_MOST_TOKENS = 2**53


class UnreadableError(ValueError):
    """An answer in a shape that its API does not have; the text says what is missing."""


class FailedError(Exception):
    """An error that stands where the answer should; `error` is the API's own account of it."""

    def __init__(self, error: object) -> None:
        super().__init__(error)
        self.error = error


class BlockedError(Exception):
    """A filter of the provider's kept the prompt from the model; the text says which, in the API's words."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API's answer says. `thinking` is what it hands over apart from the answer."""

    text: str
    finish_reason: object = None
    usage: Usage = field(default_factory=Usage)
    thinking: str = ""


class Dialect(Protocol):
    """How one API is spoken. Stateless: one instance serves all requests to a model."""

    def url(self, model: Model) -> str:
        """The address that requests are posted to."""

    def headers(self, key: Key) -> Mapping[str, str]:
        """The headers that carry the key and the API's version."""

    def body(self, request: Request) -> Mapping[str, object]:
        """The JSON document to post."""

    def read(self, document: Mapping[str, object]) -> Reading:
        """Read an answer; raises UnreadableError, FailedError, BlockedError."""

    def usage(self, document: Mapping[str, object]) -> Usage:
        """What it took, whether or not the rest of it can be read."""


def given_params(request: Request) -> dict[str, object]:
    """The request's parameters, without `sim`: what simulates a model is nothing to tell a real one."""
    return {name: value for name, value in request.params.items() if name != "sim"}


def at(value: object, *path: str | int) -> object:
    """Follow keys and indices into parsed JSON; None where the way ends."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
        if value is None:
            return None
    return value


def joined_text(parts: list[object]) -> str:
    """The texts of an answer that comes in parts; parts of another kind (thinking, pictures, tools) have no say."""
    return "".join(
        part["text"]
        for part in parts
        if isinstance(part, Mapping) and isinstance(part.get("text"), str) and not _is_thinking(part)
    )


def joined_thinking(parts: object) -> str:
    """What those parts hold that are thinking; `(encrypted)` for one that only its provider can read."""
    if not isinstance(parts, list):
        return ""
    thoughts = (_thought(part) for part in parts if isinstance(part, Mapping) and _is_thinking(part))
    return "\n\n".join(filter(None, thoughts))


def _is_thinking(part: Mapping[str, object]) -> bool:
    """`thought: true` (Gemini), `thinking`, `redacted_thinking` (Anthropic, Mistral), `reasoning...` (OpenRouter)."""
    kind = part.get("type")
    return bool(part.get("thought")) or (isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind))


def _thought(part: Mapping[str, object]) -> str:
    for name in ("thinking", "text", "summary", "reasoning", "content"):
        said = part.get(name)
        if isinstance(said, str) and said:
            return said
        if isinstance(said, list):  # Mistral's thinking comes in parts itself
            return joined_text(said)
    return "(encrypted)" if isinstance(part.get("data"), str) else ""


def tokens(value: object) -> int | None:
    """A count of tokens, or None for anything that is none."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None
