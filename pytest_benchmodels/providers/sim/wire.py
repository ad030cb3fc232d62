"""A reply as bytes on the wire, spoiled as its fault wants it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from .reply import Reply

__all__ = ["endless_head", "endless_part", "parts"]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_GARBAGE = b"\x00\xffSSH-2.0-this is no HTTP\r\n\r\n"
_PART_BYTES = 65_536


def parts(reply: Reply, http: h11.Connection) -> Iterator[bytes]:
    """All that is sent for a reply that ends, in parts: a huge one is never there as a whole."""
    if reply.fault == "garbage":
        yield _GARBAGE
        return
    length = len(reply.body) + reply.filler
    declared = length if reply.declared_bytes is None else reply.declared_bytes
    yield _head(reply, http, ("Content-Length", str(declared)))
    left = length - 1 - length // 2 if reply.fault == "truncate" else length
    for piece in _pieces(reply):
        part = piece[:left]
        left -= len(part)
        if part:
            yield part if reply.declared_bytes is not None else http.send(h11.Data(data=part)) or b""
    if reply.fault != "truncate" and reply.declared_bytes is None:
        yield http.send(h11.EndOfMessage()) or b""


def _pieces(reply: Reply) -> Iterator[bytes]:
    """The body, with its filler where that belongs."""
    yield reply.body[: reply.filled_at]
    for start in range(0, reply.filler, _PART_BYTES):
        yield b"x" * min(_PART_BYTES, reply.filler - start)
    yield reply.body[reply.filled_at :]


def endless_head(reply: Reply, http: h11.Connection) -> bytes:
    """The beginning of a reply that never ends."""
    return _head(reply, http, ("Transfer-Encoding", "chunked"))


def endless_part(reply: Reply, http: h11.Connection) -> bytes:
    """What comes next: one byte if the reply drips, else many."""
    return http.send(h11.Data(data=b"x" * (1 if reply.drip_s else _PART_BYTES))) or b""


def _head(reply: Reply, http: h11.Connection, framing: tuple[str, str]) -> bytes:
    interim = h11.InformationalResponse(status_code=102, headers=[], reason="Processing")
    parts = [http.send(interim) or b"" for _ in range(reply.interim)]
    headers = [("Content-Type", "application/json"), framing, *reply.headers]
    head = h11.Response(status_code=reply.status, headers=headers, reason=_PHRASES.get(reply.status, ""))
    return b"".join(parts) + (http.send(head) or b"")
