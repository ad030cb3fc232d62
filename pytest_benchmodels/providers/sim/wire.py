"""A reply as bytes on the wire, spoiled as its fault wants it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from .reply import Reply

__all__ = ["endless_head", "endless_part", "whole"]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_GARBAGE = b"\x00\xffSSH-2.0-this is no HTTP\r\n\r\n"
_PART_BYTES = 65_536


def whole(reply: Reply, http: h11.Connection) -> bytes:
    """All that is sent for a reply that ends."""
    if reply.fault == "garbage":
        return _GARBAGE
    if reply.declared_bytes is not None:
        return _head(reply, http, ("Content-Length", str(reply.declared_bytes))) + reply.body
    head = _head(reply, http, ("Content-Length", str(len(reply.body))))
    body = http.send(h11.Data(data=reply.body)) or b""
    wire = head + body + (http.send(h11.EndOfMessage()) or b"")
    return wire[: -1 - len(reply.body) // 2] if reply.fault == "truncate" else wire


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
