"""API keys: read when they are needed, shown to nobody."""

from __future__ import annotations

import os

from ..core.errors import ProviderError

__all__ = ["HIDDEN", "Key"]

HIDDEN = "***"

# Stand-ins such as EMPTY or none, which keyless servers ask for, are no secret, and are words of many an answer.
_LEAST_SECRET_LENGTH = 6


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
        value = os.environ.get(env, "").strip()
        if not value:
            raise ProviderError("auth", f"no API key: the environment variable {env} is not set. Set it to the key")
        if not (value.isascii() and value.isprintable()):
            raise ProviderError(
                "auth", f"the API key in {env} holds characters that no key has (a line break, an accent?). Set it anew"
            )
        return cls(env, value)

    def header(self, name: str, scheme: str = "") -> dict[str, str]:
        """The one header that carries the key; none for a model without a key."""
        return {name: scheme + self._value} if self._value else {}

    def hide(self, text: str) -> str:
        """Put `***` wherever the key occurs."""
        return text.replace(self._value, HIDDEN) if len(self._value) >= _LEAST_SECRET_LENGTH else text

    def __repr__(self) -> str:
        return f"Key({self.env})"
