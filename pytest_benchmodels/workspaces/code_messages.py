"""What the process with an answer's code and the one with its tests say to each other.

This module and its neighbours `code_side`, `tests_side` and `code_process` run confined, by `python -I -S`: they import
nothing but the standard library and each other.
"""

from __future__ import annotations

import builtins
import json
import resource
import socket
from collections.abc import Callable, Iterator

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["CODE", "MOST_WORDS", "TESTS", "Link", "Values", "limit", "places"]

_MOST_BYTES = 16_000_000
"""Of one message: a value that takes more is refused."""

MOST_WORDS = 300
"""So many characters of what an error says are told."""

CODE, TESTS = "<answer>", "<tests>"
"""What tracebacks call the two texts."""


class Link:
    """Messages between the two: JSON, with its length in front."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def send(self, message: object) -> None:
        text = json.dumps(message).encode()
        if len(text) > _MOST_BYTES:
            raise ValueError(f"a value of more than {_MOST_BYTES:,} bytes cannot be handed over")
        self._channel.sendall(len(text).to_bytes(4, "big") + text)

    def receive(self) -> Any:
        length = int.from_bytes(self._read(4), "big")
        if length > _MOST_BYTES:
            raise EOFError
        return json.loads(self._read(length))

    def _read(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = self._channel.recv(min(length - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


# The standard library's values that are compared by what they hold: made anew on the other side from these arguments.
_MADE: dict[str, Callable[[Any], list[Any]]] = {
    "fractions.Fraction": lambda value: [value.numerator, value.denominator],
    "decimal.Decimal": lambda value: [str(value)],
    "collections.deque": lambda value: [list(value), value.maxlen],
    "datetime.date": lambda value: [value.year, value.month, value.day],
    "datetime.timedelta": lambda value: [value.days, value.seconds, value.microseconds],
    "datetime.datetime": lambda value: [*value.timetuple()[:6], value.microsecond],
    "builtins.range": lambda value: [value.start, value.stop, value.step],
    "builtins.complex": lambda value: [value.real, value.imag],
}
_DICTS = ("collections.Counter", "collections.OrderedDict", "collections.defaultdict")


class Values:
    """Writes values as JSON and reads them. What is no plain value stays where it is, and is told by its number."""

    def __init__(self) -> None:
        self.kept: dict[int, object] = {}

    def written(self, value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is list:
            return [self.written(each) for each in value]
        if kind in (tuple, set, frozenset):
            return {kind.__name__: [self.written(each) for each in value]}
        name = f"{kind.__module__}.{kind.__qualname__}"
        if kind is dict or name in _DICTS:
            return {"dict": [[self.written(key), self.written(each)] for key, each in value.items()]}
        if kind in (bytes, bytearray):
            return {kind.__name__: value.hex()}
        if name in _MADE and getattr(value, "tzinfo", None) is None:
            return {"made": [name, [self.written(each) for each in _MADE[name](value)]]}
        return self.number(value)

    def number(self, value: Any) -> Any:
        self.kept[id(value)] = value
        return {"own": id(value)}

    def read(self, written: Any) -> Any:  # noqa: PLR0911 - the same
        if isinstance(written, list):
            return [self.read(each) for each in written]
        if not isinstance(written, dict):
            return written
        kind, content = next(iter(written.items()))
        if kind == "dict":
            return {self.read(key): self.read(each) for key, each in content}
        if kind in ("tuple", "set", "frozenset"):
            return getattr(builtins, kind)([self.read(each) for each in content])
        if kind in ("bytes", "bytearray"):
            return getattr(builtins, kind).fromhex(content)
        if kind == "made":
            return self._made(*content)
        return self.foreign(kind, content, written)

    def _made(self, name: str, arguments: Any) -> Any:
        if name not in _MADE:
            raise ValueError(name)
        module, _, kind = name.rpartition(".")
        return getattr(__import__(module), kind)(*[self.read(each) for each in arguments])

    def foreign(self, kind: str, content: Any, written: dict[str, Any]) -> Any:
        """What the other side keeps, or what this side told it of."""
        raise NotImplementedError


def places(error: BaseException) -> Iterator[tuple[str, int]]:
    if isinstance(error, SyntaxError) and error.filename:
        yield error.filename, error.lineno or 1
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def limit(name: str, most: int) -> None:
    number = getattr(resource, name)
    hard = resource.getrlimit(number)[1]
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(number, (allowed, allowed))
