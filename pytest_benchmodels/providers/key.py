"""API keys: read when they are needed, shown to nobody."""

from __future__ import annotations

import os
from urllib.parse import unquote

from ..core.errors import ProviderError

__all__ = ["HIDDEN", "LEAST_HIDDEN_LENGTH", "Key", "is_unhidden", "key_fault"]

HIDDEN = "***"

LEAST_HIDDEN_LENGTH = 6
"""A shorter key is a part of many an answer: to hide it would spoil them."""

# What keyless servers are given, since their clients ask for some key.
_STAND_INS = frozenset(
    {"any", "blank", "demo", "dummy", "empty", "fake", "key", "local", "mock", "n/a", "na", "nil", "no", "none", "null"}
    | {"sk", "test", "todo", "token", "void"}
)


class Key:
    """A key and the environment variable it came from. No repr shows its value, and `hide` removes it from text."""

    __slots__ = ("_value", "env")

    def __init__(self, env: str | None, value: str) -> None:
        self.env = env
        self._value = value

    @classmethod
    def from_environment(cls, env: str | None) -> Key:
        """Read the variable now. Raises ProviderError `auth` where it is not set or could be no header's value."""
        if env is None:
            return cls(None, "")
        if fault := key_fault(env):
            raise ProviderError("auth", f"no API key: {fault}")
        return cls(env, _value(env))

    def header(self, name: str, scheme: str = "") -> dict[str, str]:
        """The one header that carries the key; none for a model without a key."""
        return {name: scheme + self._value} if self._value else {}

    def hide(self, text: str) -> str:
        """Put `***` wherever the key occurs."""
        return text.replace(self._value, HIDDEN) if len(self._value) >= LEAST_HIDDEN_LENGTH else text

    def is_in(self, text: str) -> bool:
        """Whether a part of the key that matters occurs, percent-encoded or in another case, too."""
        value, text = self._value.casefold(), unquote(text).casefold()
        parts = (value[start : start + LEAST_HIDDEN_LENGTH] for start in range(len(value) - LEAST_HIDDEN_LENGTH + 1))
        return any(part in text for part in parts)

    def __repr__(self) -> str:
        return f"Key({self.env})"


def key_fault(env: str) -> str | None:
    """Why no request can carry the key of this variable, and the remedy; None where one can. Never tells the key."""
    value = _value(env)
    if not value:
        return f"set the environment variable {env}"
    if not (value.isascii() and value.isprintable()):
        return (
            f"the environment variable {env} holds characters that no key has (a line break, an accent?); set it anew"
        )
    return None


def is_unhidden(env: str) -> bool:
    """Whether the key of this variable is too short to be hidden, and no obvious stand-in such as `EMPTY` or `xxx`."""
    value = _value(env)
    is_stand_in = len(set(value)) <= 1 or value.casefold() in _STAND_INS
    return len(value) < LEAST_HIDDEN_LENGTH and not is_stand_in


def _value(env: str) -> str:
    return os.environ.get(env, "").strip()
