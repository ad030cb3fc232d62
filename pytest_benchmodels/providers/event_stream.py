"""Answers that come as a stream of server-sent events, read as they come.

Events: https://html.spec.whatwg.org/multipage/server-sent-events.html. What they add up to is the API's own: a `Fold`
makes of them the document that the same API sends to whoever does not ask for a stream. So an answer is read in one
place (`Dialect.read`), however it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_benchmodels.providers.dialect import UnreadableError
from pytest_benchmodels.providers.encoding import EncodingError, inflater

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_benchmodels.providers.encoding import Inflater

__all__ = ["Event", "EventParser", "Fold", "StreamForm", "StreamReader", "TooLargeError", "stream_form"]


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


class StreamForm(NamedTuple):
    """How an API is asked to stream: the address and the body made of the usual ones, and what adds up its events."""

    url: Callable[[str], str]
    body: Callable[[Mapping[str, object]], dict[str, object]]
    fold: Callable[[], Fold]


def stream_form(dialect: object) -> StreamForm | None:
    """How an API of this dialect streams; None if it does not."""
    form = getattr(dialect, "stream", None)
    return form if isinstance(form, StreamForm) else None


class TooLargeError(Exception):
    """The body is larger than it may be."""


class StreamReader:
    """Takes the body of one reply while it comes. All moments are seconds of the monotonic clock.

    `has_begun`: the reply is a stream of events. `first_token` is when the first part of the answer was received, None
    until then, `last_event` the same of the latest event. `fault` is why reading ended before the stream did.
    `stall_s` is for how many seconds the server may send no event once it sent one, None for any.
    """

    def __init__(self, fold: Fold, stall_s: float | None = None) -> None:
        self.fold = fold
        self.stall_s = stall_s
        self.has_begun = False
        self.first_token: float | None = None
        self.last_event: float | None = None
        self.fault: UnreadableError | EncodingError | TooLargeError | None = None
        self._events = EventParser()
        self._inflater: Inflater | None = None
        self._left_bytes = 0

    def begin(self, encoding: str, limit_bytes: int) -> None:
        """The reply is a stream, of this Content-Encoding, and may be so large."""
        self.has_begun = True
        self._left_bytes = limit_bytes
        try:
            self._inflater = inflater(encoding)
        except EncodingError as error:
            self.fault = error

    def take(self, data: bytes, received: float) -> bool:
        """Read what was received at that moment. Whether that was the end: of the answer, or of what can be read."""
        if self.fault is None:
            try:
                self._take(data, received)
            except (UnreadableError, EncodingError, TooLargeError) as error:
                self.fault = error
        return self.fault is not None or self.fold.is_over

    def close(self, received: float) -> None:
        """The body has ended."""
        if self.fault is None and not self.fold.is_over:
            try:
                self._add(self._events.close(), received)
            except UnreadableError as error:
                self.fault = error

    def _take(self, data: bytes, received: float) -> None:
        if self._inflater is not None:
            data = self._inflater.feed(data, self._left_bytes + 1)
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise TooLargeError
        self._add(self._events.feed(data), received)

    def _add(self, events: list[Event], received: float) -> None:
        if not events:
            return
        self.last_event = received
        fold = self.fold
        for event in events:
            fold.take(event)
        if self.first_token is None and fold.has_begun:
            self.first_token = received
