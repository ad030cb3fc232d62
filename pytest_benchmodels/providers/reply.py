"""What comes back over HTTP, before anybody looked into it, and rid of its encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


__all__ = ["EncodingError", "HttpReply", "decode", "named_headers", "origin_of"]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete reply. `headers` has its names in lower case.

    `latency_s` is from the moment in which the request was handed to the socket until the last byte was received;
    `connect_s` (name, TCP, proxy, TLS) stands apart, and is 0.0 on a connection that stood already. In seconds.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_s: float = 0.0
    connect_s: float = 0.0


def named_headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The values by their names in lower case; those of one that came twice are joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for line, content in lines:
        name, value = line.decode("latin-1").lower(), _text(content)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def origin_of(url: str) -> str:
    """`scheme://host:port`: what a message may show of an address, which can hold a password."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.partition("/")[0].partition("?")[0].rpartition("@")[2]


# zlib's window size, plus 32: the header tells whether it is gzip or zlib.
_EITHER = 47


_PLAIN = frozenset({"", "identity"})


_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})


class EncodingError(ValueError):
    """An encoding that is not known, or a body that is not in it; the text says which, and nothing of the server's."""


def decode(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """The body without its `Content-Encoding`; of a longer one, the first `limit_bytes` + 1 bytes.

    gzip and deflate are known, one of them at a time. Raises EncodingError.
    """
    encoding = encoding.strip().lower()
    if encoding in _PLAIN:
        return body
    if encoding not in _KNOWN:
        # Its name is the server's word, and what a server says may be the key.
        raise EncodingError("its Content-Encoding was not asked for, and is neither gzip nor deflate")
    import zlib  # noqa: PLC0415 - servers do as they are asked, but for the odd proxy

    decompressor = zlib.decompressobj(wbits=_EITHER)
    try:
        decoded = decompressor.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise EncodingError(f"it is no {encoding}, as its Content-Encoding says") from None
    if not decompressor.eof and len(decoded) <= limit_bytes:
        raise EncodingError(f"its {encoding} breaks off")
    return decoded
