"""The body of a reply that was compressed although nobody asked for it."""

from __future__ import annotations

__all__ = ["EncodingError", "decode"]

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
