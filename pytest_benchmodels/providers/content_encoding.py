"""Bodies that come compressed, which nobody asked for: gzip and deflate."""

from __future__ import annotations

__all__ = ["EncodingError", "Inflater", "decode", "inflater"]

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
    inflate = inflater(encoding)
    if inflate is None:
        return body
    decoded = inflate.feed(body, limit_bytes + 1)
    if not inflate.is_whole and len(decoded) <= limit_bytes:
        raise EncodingError(f"its {inflate.encoding} breaks off")
    return decoded


def inflater(encoding: str) -> Inflater | None:
    """What takes a `Content-Encoding` off; None where there is none. Raises EncodingError for one that is not known."""
    encoding = encoding.strip().lower()
    if encoding in _PLAIN:
        return None
    if encoding not in _KNOWN:
        # Its name is the server's word, and what a server says may be the key.
        raise EncodingError("its Content-Encoding was not asked for, and is neither gzip nor deflate")
    return Inflater(encoding)


class Inflater:
    """Decodes a body piece by piece, or all at once."""

    def __init__(self, encoding: str) -> None:
        import zlib  # noqa: PLC0415 - servers do as they are asked, but for the odd proxy

        self.encoding = encoding
        self._error = zlib.error
        self._decompressor = zlib.decompressobj(wbits=_EITHER)

    @property
    def is_whole(self) -> bool:
        """Whether its end came."""
        return self._decompressor.eof

    @property
    def left(self) -> bytes:
        """What was fed and is still to be decoded, for it stands for more than was asked for: feed it next."""
        return self._decompressor.unconsumed_tail

    def feed(self, data: bytes, most_bytes: int) -> bytes:
        """What these bytes stand for, no more of it than that many. Raises EncodingError."""
        try:
            return self._decompressor.decompress(data, most_bytes)
        except self._error:
            raise EncodingError(f"it is no {self.encoding}, as its Content-Encoding says") from None
