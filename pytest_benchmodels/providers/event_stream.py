"""Answers that come as a stream of server-sent events, read as they come.

Events: https://html.spec.whatwg.org/multipage/server-sent-events.html. What they add up to is the API's own: a `Fold`
makes of them the document that the same API sends to whoever does not ask for a stream. So an answer is read in one
place (`Dialect.read`), however it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import msgspec

from pytest_benchmodels.providers.dialect import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Event",
    "EventParser",
    "Fold",
    "StreamForm",
    "StreamReader",
    "add_parts",
    "read_event",
    "stream_form",
]

T = TypeVar("T")


class Event(NamedTuple):
    """One event: its name, empty where it has none, and its data."""

    name: bytes
    data: bytes


class EventParser:
    """Cuts bytes into events, wherever the network cut them before."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_first = True

    def feed(self, data: bytes) -> list[Event]:
        """The events that are whole with these bytes. Comments, by which servers keep a connection alive, are none."""
        text = self._rest + data if self._rest else data
        if self._is_first and len(text) > 2:
            text = text.removeprefix(b"\xef\xbb\xbf")
            self._is_first = False
        if b"\r" in text:
            # The second half of a line's end may be on its way.
            held = b"\r" if text.endswith(b"\r") else b""
            text = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        *blocks, self._rest = text.split(b"\n\n")
        return [event for block in blocks if (event := _event(block)) is not None]

    def close(self) -> list[Event]:
        """The last event, where the stream ended without the empty line that should follow it."""
        rest, self._rest = self._rest.rstrip(b"\r\n"), b""
        event = _event(rest)
        return [] if event is None else [event]


def _event(block: bytes) -> Event | None:
    """An event; None for what has no data."""
    if block.startswith(b"data: ") and b"\n" not in block:  # as nearly all of them
        return Event(b"", block[6:])
    name, data = b"", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Event(name, b"\n".join(data)) if data else None


class Fold(Protocol):
    """Adds up the events of one answer.

    `has_begun`: a part of the answer came. `is_whole`: the model has ended. `is_over`: the stream has said so.
    """

    has_begun: bool
    is_whole: bool
    is_over: bool

    def take(self, event: Event) -> None:
        """Add one event; raises UnreadableError for one in a shape that the API does not have."""

    def document(self) -> Mapping[str, object]:
        """What the API would have sent without streaming, as far as it came."""


def read_event(decoder: msgspec.json.Decoder[T], event: Event) -> T:
    try:
        return decoder.decode(event.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"an event of its stream cannot be read ({error})") from None


_GROWING = ("text", "thinking", "reasoning", "summary", "content")
_SAME = ("type", "thought", "index")


def add_parts(parts: list[Any], more: list[Any]) -> None:
    """Put parts behind parts: one that goes on where the last one ended is a part of that."""
    for part in more:
        if parts and (whole := _continued(parts[-1], part)) is not None:
            parts[-1] = whole
        else:
            parts.append(part)


def _continued(part: object, more: object) -> dict[str, Any] | None:
    if not isinstance(part, dict) or not isinstance(more, dict):
        return None
    grows = [name for name in _GROWING if _goes_on(part.get(name), more.get(name))]
    if not grows or any(part.get(name) != more.get(name) for name in _SAME):
        return None
    return {**part, **more, **{name: part[name] + more[name] for name in grows}}


def _goes_on(before: object, after: object) -> bool:
    return isinstance(after, str | list) and type(before) is type(after)


class StreamForm(NamedTuple):
    """How an API is asked to stream: the address and the body made of the usual ones, and what adds up its events."""

    url: Callable[[str], str]
    body: Callable[[Mapping[str, object]], dict[str, object]]
    fold: Callable[[], Fold]


def stream_form(dialect: object) -> StreamForm | None:
    """How an API of this dialect streams; None if it does not."""
    form = getattr(dialect, "stream", None)
    return form if isinstance(form, StreamForm) else None


class StreamReader:
    """Takes the body of one reply while it comes. All moments are seconds of the monotonic clock.

    `has_begun`: the reply is a stream of events. `first_token` is when the first part of the answer was received, None
    until then, `last_event` the same of the latest event. `fault` is what could not be read.
    `stall_s` is for how many seconds the server may send no event once it sent one, None for any.
    """

    def __init__(self, fold: Fold, stall_s: float | None = None) -> None:
        self.fold = fold
        self.stall_s = stall_s
        self.has_begun = False
        self.first_token: float | None = None
        self.last_event: float | None = None
        self.fault: UnreadableError | None = None
        self.is_too_large = False
        self._events = EventParser()
        self._left_bytes = 0

    def begin(self, limit_bytes: int) -> None:
        """The reply is a stream, and may be so large."""
        self.has_begun = True
        self._left_bytes = limit_bytes

    def take(self, data: bytes, received: float) -> bool:
        """Read what was received at that moment. Whether that was the end: of the answer, or of what can be read."""
        self._left_bytes -= len(data)
        self.is_too_large = self._left_bytes < 0
        if self.fault is None and not self.is_too_large:
            self._add(self._events.feed(data), received)
        return self.is_too_large or self.fault is not None or self.fold.is_over

    def close(self, received: float) -> None:
        """The body has ended."""
        if self.fault is None and not self.is_too_large and not self.fold.is_over:
            self._add(self._events.close(), received)

    def _add(self, events: list[Event], received: float) -> None:
        if not events:
            return
        self.last_event = received
        fold = self.fold
        try:
            for event in events:
                fold.take(event)
        except UnreadableError as error:
            self.fault = error
        if self.first_token is None and fold.has_begun:
            self.first_token = received
