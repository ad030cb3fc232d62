from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.content_encoding import EncodingError, decode

NEITHER = "its Content-Encoding was not asked for, and is neither gzip nor deflate"


@given(st.binary(max_size=2000))
def test_what_was_compressed_is_read(body: bytes) -> None:
    assert decode(gzip.compress(body, mtime=0), "gzip", 2000) == body
    assert decode(gzip.compress(body, mtime=0), " X-GZIP ", 2000) == body
    assert decode(zlib.compress(body), "deflate", 2000) == body
    assert decode(body, "", 2000) == body
    assert decode(body, "identity", 2000) == body


def test_a_bomb_is_unpacked_up_to_the_limit() -> None:
    bomb = gzip.compress(b"x" * 10_000_000, mtime=0)

    assert len(bomb) < 20_000
    assert decode(bomb, "gzip", 1000) == b"x" * 1001


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (b"{}", "br", NEITHER),
        (b"{}", "gzip, gzip", NEITHER),
        (b"{}", "gzip", "it is no gzip, as its Content-Encoding says"),
        (gzip.compress(b"some text", mtime=0)[:-6], "gzip", "its gzip breaks off"),
        (b"", "deflate", "its deflate breaks off"),
    ],
)
def test_what_cannot_be_decoded_is_told(body: bytes, encoding: str, message: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode(body, encoding, 1000)

    assert str(caught.value) == message
