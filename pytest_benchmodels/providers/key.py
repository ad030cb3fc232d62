"""API keys: read when they are needed, shown to nobody."""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import unquote

from pytest_benchmodels.core.errors import ProviderError

__all__ = ["HIDDEN", "LEAST_HIDDEN_LENGTH", "Key", "KeyReader", "is_unhidden", "key_fault"]

HIDDEN = "***"

LEAST_HIDDEN_LENGTH = 6
"""A shorter key is a part of many an answer: to hide it would spoil them."""

_LEAST_GUESSED_LENGTH = 16
_KEY_ENDINGS = ("_KEY", "_TOKEN", "_SECRET", "APIKEY")

# What keyless servers are given, since their clients ask for some key.
_STAND_INS = frozenset(
    {"any", "blank", "demo", "dummy", "empty", "fake", "key", "local", "mock", "n/a", "na", "nil", "no", "none", "null"}
    | {"sk", "test", "todo", "token", "void"}
)


class Key:
    """A key and the environment variable it came from. No repr shows its value, and `hide` removes it from text.

    The values of the user's own headers are keys as well, and are hidden with it; so are those of an address's query
    that come from the environment.
    """

    __slots__ = ("_headers", "_query", "_secrets", "_value", "env")

    def __init__(
        self,
        env: str | None,
        value: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        others: Iterable[str] = (),
    ) -> None:
        """`others` are hidden as well."""
        self.env = env
        self._value = value
        self._headers = dict(headers or {})
        self._query = dict(query or {})
        # The longest first: one may be a part of another.
        values = {self._value, *self._headers.values(), *self._query.values(), *others}
        hidden = {form for value in values if len(value) >= LEAST_HIDDEN_LENGTH for form in _written_forms(value)}
        self._secrets = sorted(hidden, key=len, reverse=True)

    @classmethod
    def from_environment(
        cls, env: str | None, headers: Iterable[tuple[str, str]] = (), query: Iterable[tuple[str, str]] = ()
    ) -> Key:
        """Read the variables now; `headers` and `query` are names, each with its variable.

        Raises ProviderError `auth` where one is not set or could be no header's value.
        """
        named, asked = tuple(headers), tuple(query)
        for variable in (*([] if env is None else [env]), *(variable for _, variable in (*named, *asked))):
            if fault := key_fault(variable):
                raise ProviderError("auth", f"no API key: {fault}")
        values, asked_values = ({name: _value(variable) for name, variable in pairs} for pairs in (named, asked))
        return cls(env, "" if env is None else _value(env), values, asked_values)

    @classmethod
    def of_surroundings(cls) -> Key:
        """No key, but what looks like one in the environment: code of the user's may use and repeat any of them."""
        return cls(None, "", others=_look_like_keys())

    def and_surroundings(self) -> Key:
        """The same key, which hides what looks like a key in the environment as well."""
        return Key(self.env, self._value, self._headers, self._query, (*self._secrets, *_look_like_keys()))

    def and_header_values(self, values: Iterable[str]) -> Key:
        """The same key, which hides these headers' values and their parts as well."""
        parts = (part for value in values for part in _parts_of_header(value))
        return Key(self.env, self._value, self._headers, self._query, (*self._secrets, *parts))

    @property
    def own_headers(self) -> Mapping[str, str]:
        """The user's own headers."""
        return self._headers

    @property
    def own_query(self) -> Mapping[str, str]:
        """Those of the address's query that nobody may see."""
        return self._query

    def header(self, name: str, scheme: str = "") -> dict[str, str]:
        """The one header that carries the key; none for a model without a key."""
        return {name: scheme + self._value} if self._value else {}

    def hide(self, text: str) -> str:
        """Put `***` wherever the key occurs."""
        for value in self._secrets:
            text = text.replace(value, HIDDEN)
        return text

    def is_in(self, text: str) -> bool:
        """Whether a part of the key that matters occurs, percent-encoded or in another case, too."""
        text = unquote(text).casefold()
        return any(part in text for value in self._secrets for part in _parts(value.casefold()))

    def __repr__(self) -> str:
        return f"Key({self.env})"


class KeyReader:
    """Looks at the variables of a model's key for each request; where none of them changed, the key is the same."""

    def __init__(
        self, env: str | None, headers: Iterable[tuple[str, str]] = (), query: Iterable[tuple[str, str]] = ()
    ) -> None:
        """See `Key.from_environment`."""
        self._sources = env, tuple(headers), tuple(query)
        named = [variable for pairs in self._sources[1:] for _, variable in pairs]
        self._variables = [*([] if env is None else [env]), *named]
        self._last: tuple[list[str | None], Key] | None = None

    def read(self) -> Key:
        """The key as it is now; raises ProviderError `auth`."""
        values = [os.environ.get(variable) for variable in self._variables]
        if self._last is None or self._last[0] != values:
            self._last = values, Key.from_environment(*self._sources)
        return self._last[1]


def _written_forms(value: str) -> Iterator[str]:
    """A key as it is, quoted, in a JSON text, and in one that is a string of another, as arguments of calls are."""
    yield value
    if not {'"', "'", "\\"}.isdisjoint(value):
        yield repr(value)[1:-1]
        for _ in range(2):
            value = json.dumps(value)[1:-1]
            yield value


def _parts(value: str) -> Iterator[str]:
    return (value[start : start + LEAST_HIDDEN_LENGTH] for start in range(len(value) - LEAST_HIDDEN_LENGTH + 1))


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


def _look_like_keys() -> Iterator[str]:
    """Values of variables that are named as keys are, long and mixed as keys are: no word that an answer may need."""
    # Another thread may change the environment meanwhile, as pytest does for each item that it reports.
    for name in list(os.environ):
        value = os.environ.get(name, "").strip()
        if name.upper().endswith(_KEY_ENDINGS) and len(value) >= _LEAST_GUESSED_LENGTH and _is_mixed(value):
            yield value


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and not any(map(str.isspace, value))


def _parts_of_header(value: str) -> Iterator[str]:
    """`Bearer abc` is hidden as a whole, and `abc`; of `Basic` its password too, of a signature its long parts."""
    yield value
    scheme, _, rest = value.partition(" ")
    yield rest.strip()
    if scheme.casefold() == "basic":
        with suppress(ValueError):
            yield b64decode(rest.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
    yield from (part for part in re.split(r"[\s,;=]+", rest) if len(part) >= _LEAST_GUESSED_LENGTH)


def _value(env: str) -> str:
    return os.environ.get(env, "").strip()
