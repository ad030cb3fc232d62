"""What comes back over HTTP, before anybody looked into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["HttpReply", "origin_of"]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete reply. `headers` finds its names in any case.

    `latency_s` is from the moment in which the request was handed to the socket until the last byte was received;
    `connect_s` (name, TCP, proxy, TLS) stands apart, and is 0.0 on a connection that stood already. In seconds.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_s: float = 0.0
    connect_s: float = 0.0


def origin_of(url: str) -> str:
    """`scheme://host:port`: what a message may show of an address, which can hold a password."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
