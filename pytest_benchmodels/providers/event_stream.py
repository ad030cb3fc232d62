"""Answers that come as a stream of server-sent events, read as they come.

Events: https://html.spec.whatwg.org/multipage/server-sent-events.html. What they add up to is the API's own: a `Fold`
makes of them the document that the same API sends to whoever does not ask for a stream. So an answer is read in one
place (`Dialect.read`), however it came.
"""

from __future__ import annotations

import json
import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import msgspec

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.providers.dialect import BlockedError, FailedError, UnreadableError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

__all__ = [
    "EventParser",
    "Fold",
    "Growing",
    "StalledError",
    "StreamForm",
    "StreamReader",
    "StreamWatch",
    "add_parts",
    "grown",
    "joined",
    "paired",
    "read_event",
    "stream_form",
]

T = TypeVar("T")
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":", b"error:")
_FAULTS = (BlockedError, FailedError, ProviderError, UnreadableError)


_IN_FRONT = b"\xef\xbb\xbf \t\r\n"
_DOCUMENTS = (b"{", b"[", b"<")


def _is_document(data: bytes) -> bool | None:
    """Whether a body that begins so is JSON or a page, and no stream; None where that is not to be seen yet.

    Its `Content-Type` does not tell: gateways call a stream plain text or JSON, and a document a stream.
    """
    begun = data.lstrip(_IN_FRONT)
    return begun.startswith(_DOCUMENTS) if begun else None


class EventParser:
    """Cuts bytes into the data of events, wherever the network cut them before.

    The names of events are left out: each API that gives them repeats them in the data.
    """

    def __init__(self) -> None:
        # In pieces, as they came: of one large event each would else be looked at again with every piece that follows.
        self._rest: list[bytes] = []
        self._held = b""
        self._is_first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that are whole with these bytes.

        Comments, by which servers keep a connection alive, are no events.
        """
        if self._held or b"\r" in data:
            data = self._with_plain_ends(data)
        rest = self._rest
        if b"\n\n" not in data and not (rest and data.startswith(b"\n") and rest[-1].endswith(b"\n")):
            if data:
                rest.append(data)
            return []
        text = self._joined(data)
        end = text.rindex(b"\n\n")
        self._rest = [text[end + 2 :]] if end + 2 < len(text) else []
        return _events(text[:end])

    def close(self) -> list[bytes]:
        """The last event, where the stream ended without the empty line that should follow it."""
        content = _data(self._joined(b"").rstrip(b"\n"))
        self._rest = []
        return [] if content is None else [content]

    @property
    def rest(self) -> bytes:
        """What came and is no whole event yet."""
        return self._joined(b"")

    def _with_plain_ends(self, data: bytes) -> bytes:
        data = self._held + data
        # The second half of a line's end may be on its way.
        self._held = b"\r" if data.endswith(b"\r") else b""
        return data[: len(data) - len(self._held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _joined(self, data: bytes) -> bytes:
        text = b"".join([*self._rest, data]) if self._rest else data
        if self._is_first:
            self._is_first = False
            return text.removeprefix(b"\xef\xbb\xbf")
        return text


def _events(text: bytes) -> list[bytes]:
    """The data of the events of a text that ends with one."""
    if text.startswith(b"data: "):
        # An answer has hundreds of events, nearly always of one line each: then nothing else is between them.
        events = text[6:].split(b"\n\ndata: ")
        if b"\n" not in b"".join(events) and all(events):
            return events
    return [data for block in text.split(b"\n\n") if (data := _data(block)) is not None]


def _data(block: bytes) -> bytes | None:
    """The data of an event; None for what has none."""
    name, _, content = block.partition(b"\ndata: ")
    if name.startswith(b"event:") and content and b"\n" not in name and b"\n" not in content:
        return content
    lines = [line.partition(b":") for line in block.split(b"\n")]
    data = [value.removeprefix(b" ") for field, _, value in lines if field == b"data"]
    if not any(data) and lines[0][0] == b"error" and lines[0][2].lstrip().startswith(b"{"):
        return b'{"error":%s}' % lines[0][2]  # a field of llama.cpp's own, where a stream fails
    return b"\n".join(data) or None


class Fold(Protocol):
    """Adds up the events of one answer.

    `has_begun`: a part of the answer came. `is_whole`: the model has ended. `is_over`: the stream has said so.
    """

    has_begun: bool
    is_whole: bool
    is_over: bool

    def take(self, data: bytes) -> None:
        """Add the data of one event; raises UnreadableError for one in a shape that the API does not have.

        What adds up a user's protocol also raises the other errors of `Dialect.read`, and ProviderError.
        """

    def document(self) -> Mapping[str, object]:
        """What the API would have sent without streaming, as far as it came."""


def read_event(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """An event's data as the decoder has it; raises UnreadableError."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        try:
            # Its reader takes half a surrogate pair, as servers that count in UTF-16 cut a text, and NaN.
            return msgspec.convert(json.loads(data), decoder.type)
        except (ValueError, RecursionError):
            raise UnreadableError(f"an event of its stream cannot be read ({error})") from None


def paired(text: str) -> str:
    """The text with halves of surrogate pairs, which came in two events, put together."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_GROWING = ("text", "thinking", "reasoning", "summary", "content")
_SAME = ("type", "thought", "index")


class Growing:
    """A text of which more comes: its pieces are put together once. Each would else copy all that is before it."""

    __slots__ = ("pieces",)

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)


def grown(before: object, more: str) -> Growing:
    """The text that came before, if any did, with more of it."""
    if isinstance(before, Growing):
        before.pieces.append(more)
        return before
    return Growing(before, more) if isinstance(before, str) else Growing(more)


def joined(value: Any, depth: int = 4) -> Any:
    """The value with all texts put together that grew in it: they stand no deeper than so many levels."""
    if isinstance(value, Growing):
        return "".join(value.pieces)
    if isinstance(value, list) and depth:
        return [joined(each, depth - 1) for each in value]
    return (
        {name: joined(each, depth - 1) for name, each in value.items()} if isinstance(value, dict) and depth else value
    )


def add_parts(parts: list[Any], more: list[Any]) -> None:
    """Put parts behind parts: one that goes on where the last one ended is a part of that. `joined` ends it."""
    for part in more:
        if not parts or not _grow(parts[-1], part):
            parts.append(part)


def _grow(part: object, more: object) -> bool:
    """Add to a part what goes on with it. Whether it does."""
    if not isinstance(part, dict) or not isinstance(more, dict):
        return False
    grows = [name for name in _GROWING if _goes_on(part.get(name), more.get(name))]
    if not grows or any(part.get(name) != more.get(name) for name in _SAME):
        return False
    for name, value in more.items():
        if name not in grows:
            part[name] = value
        elif isinstance(value, str):
            part[name] = grown(part[name], value)
        else:
            part[name].extend(value)
    return True


def _goes_on(before: object, after: object) -> bool:
    if isinstance(after, str):
        return isinstance(before, str | Growing)
    return isinstance(after, list) and isinstance(before, list)


class StreamForm(NamedTuple):
    """How an API is asked to stream: the address and the body made of the usual ones, and what adds up its events."""

    url: Callable[[str], str]
    body: Callable[[Mapping[str, object]], dict[str, object]]
    fold: Callable[[], Fold]


def stream_form(dialect: object) -> StreamForm | None:
    """How an API of this dialect streams; None if it does not."""
    form = getattr(dialect, "stream", None)
    return form if isinstance(form, StreamForm) else None


# An event says much that is in each: of so many of its bytes the limit counts only these few.
_FREE_BYTES, _COUNTED_BYTES = 512, 64


class StreamReader:
    """Takes the body of one reply while it comes. All moments are seconds of the monotonic clock.

    `has_begun`: the reply is a stream of events, as far as one knows: a server may send a document in place of one,
    which is then `body`. `first_token` is when the first part of the answer was received, None until then, `last_event`
    the same of the latest event, `count` how many came. `fault` is what could not be read.
    `stall_s` is for how many seconds the server may send no event once it sent one, None for any, `last_word_s` the
    same once the answer is whole: the count of tokens comes behind it, if at all.
    """

    last_word_s = 1.0

    def __init__(self, fold: Fold, stall_s: float | None = None) -> None:
        self.fold = fold
        self.stall_s = stall_s
        self.has_begun = False
        self.body = b""
        self.first_token: float | None = None
        self.last_event: float | None = None
        self.fault: Exception | None = None
        self.is_too_large = False
        self.count = 0
        self._events = EventParser()
        self._left_bytes = 0
        self._is_document: bool | None = None
        self._pieces: list[bytes] = []

    def begin(self, limit_bytes: int) -> None:
        """The reply is a stream, and may be so large: of an event of usual size only an eighth or less counts."""
        self.has_begun = True
        self._left_bytes = limit_bytes

    def take(self, data: bytes, received: float) -> bool:
        """Read what was received at that moment. Whether that was the end: of the answer, or of what can be read."""
        if self._is_document is None:
            self._is_document = _is_document(data)
        if self._is_document:
            self._pieces.append(data)
            self._left_bytes -= len(data)
            self.is_too_large = self._left_bytes < 0
        elif self.fault is None and not self.is_too_large:
            events = self._events.feed(data)
            count = len(events)
            self._left_bytes -= max(len(data) - count * (_FREE_BYTES - _COUNTED_BYTES), count * _COUNTED_BYTES)
            self.is_too_large = self._left_bytes < 0
            self.count += count
            self._add(events, received)
        return self.is_too_large or self.fault is not None or self.fold.is_over

    def close(self, received: float) -> None:
        """The body has ended."""
        if self.fault is not None or self.is_too_large or self.fold.is_over:
            return
        if self.last_event is None:
            body = b"".join([self._events.rest, *self._pieces]).strip()
            if body and not body.startswith(_FIELDS):
                self.has_begun = False
                self.body = body
                return
        self._add(self._events.close(), received)

    def _add(self, events: list[bytes], received: float) -> None:
        if not events:
            return
        self.last_event = received
        fold = self.fold
        try:
            for data in events:
                if fold.is_over:  # what a server may say after the end is no part of the answer
                    break
                fold.take(data)
        except _FAULTS as error:
            self.fault = error
        if self.first_token is None and fold.has_begun:
            self.first_token = received


class StalledError(Exception):
    """A stream that had begun sends nothing more."""


class StreamWatch:
    """Ends a stream that stands still, by `fail`: for too long, or behind a whole answer, where no end need come."""

    def __init__(self, reader: StreamReader, loop: AbstractEventLoop, fail: Callable[[Exception], None]) -> None:
        self._reader = reader
        self._loop = loop
        self._fail = fail
        self._timer = loop.call_later(self._limit_s(), self._look)

    def end(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    def _limit_s(self) -> float:
        """For how long it is not looked at: it may be whole a moment from now."""
        return min(self._reader.last_word_s, math.inf if self._reader.stall_s is None else self._reader.stall_s)

    def _look(self) -> None:
        last, whole = self._reader.last_event, self._reader.fold.is_whole
        allowed_s = self._limit_s() if whole else self._reader.stall_s
        left_s = math.inf if last is None or allowed_s is None else last + allowed_s - perf_counter()
        if left_s <= 0:
            self._fail(StalledError())
        else:
            self._timer = self._loop.call_later(min(left_s, self._limit_s()), self._look)
