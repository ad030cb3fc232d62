"""What comes back over HTTP, before anybody looked into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["HttpReply", "origin_of"]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete reply. `headers` finds its names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def origin_of(url: str) -> str:
    """`scheme://host:port`: what a message may show of an address, which can hold a password."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
