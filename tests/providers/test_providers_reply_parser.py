"""Replies as servers send them: sound, odd, and none at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.providers.connection import ReplyError, ReplyParser

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"


def parse(wire: bytes, *cuts: int, closed: bool = False) -> ReplyParser:
    reply = ReplyParser()
    for start, end in zip((0, *cuts), (*cuts, len(wire)), strict=True):
        left = wire[start:end]
        while left:
            left = reply.feed(left)
    if closed:
        reply.feed_eof()
    return reply


SOUND = {
    "a length": (OK + b"Content-Length: 2\r\n\r\nok", False),
    "nothing": (OK + b"Content-Length: 0\r\n\r\n", False),
    "chunks": (CHUNKED + b"\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", False),
    "an extension of a chunk": (CHUNKED + b"\r\n2;a=b\r\nok\r\n0\r\n\r\n", False),
    "trailers": (CHUNKED + b"\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", False),
    "chunks beside a length": (CHUNKED + b"Content-Length: 7\r\n\r\n2\r\nok\r\n0\r\n\r\n", False),
    "until the end": (OK + b"\r\nok", True),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nok", True),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", False),
    "interim replies": (INTERIM + OK + b"Content-Length: 2\r\n\r\nok", False),
    "a folded header": (OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok", False),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", False),
    "no body for a 204": (b"HTTP/1.1 204 No\r\n\r\n", False),
}


@pytest.mark.parametrize(("wire", "closed"), SOUND.values(), ids=SOUND)
def test_a_reply_is_read(wire: bytes, *, closed: bool) -> None:
    reply = parse(wire, closed=closed)

    assert (reply.complete, reply.surplus) == (True, False)
    assert (reply.status, bytes(reply.body)) in {(200, b"ok"), (200, b""), (204, b"")}
    assert all(name not in {b"A", b"X-Sum"} for name, _ in reply.headers)


@given(st.sampled_from([wire for wire, _ in SOUND.values()]), st.data())
def test_a_reply_is_the_same_however_it_is_cut(wire: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(1, len(wire) - 1), max_size=6)))
    whole, pieces = parse(wire), parse(wire, *cuts)

    assert (whole.status, whole.headers, whole.body) == (pieces.status, pieces.headers, pieces.body)
    assert (whole.complete, whole.keep_alive, whole.surplus) == (pieces.complete, pieces.keep_alive, pieces.surplus)


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_reply_or_a_reply_error(wire: bytes) -> None:
    for begun in (b"", OK, CHUNKED + b"\r\n"):
        reply = ReplyParser()
        with suppress(ReplyError):
            reply.feed(begun + wire)
            reply.feed_eof()
            assert reply.complete


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"", "Server disconnected without sending a response"),
        (b"HTTP/1.1 20", "Server disconnected within its head"),
        (b"SSH-2.0-OpenSSH\r\n", "what came is no HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "what came is no HTTP"),
        (b"HTTP/1.1 000 X\r\n\r\n", "its status is no number"),
        (b"HTTP/1.1 101 X\r\nUpgrade: w\r\nConnection: upgrade\r\n\r\n", "changed to another protocol"),
        (OK + b"Content-Length: -5\r\n\r\n", "Content-Length"),
        (OK + b"Content-Length: 9\r\n\r\nhalf", "closed before its end"),
        (CHUNKED + b"\r\n2\r\nok\r\n", "closed before its end"),
        (CHUNKED + b"\r\nzz\r\n", "chunk size"),
        (CHUNKED + b"\r\nFFFFFFFFFFFFFFFFFF\r\n", "Chunk size overflow"),
        (OK + b"X: " + b"a" * 200_000, "its head is larger than 102400 bytes"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 5000, "its head is larger than 102400 bytes"),
        (CHUNKED + b"\r\n1\r\nx\r\n5;" + b"a" * 200_000, "its trailer or an extension of a chunk is larger"),
        (CHUNKED + b"\r\n1\r\nx\r\n0\r\n" + b"X-A: b\r\n" * 30_000, "its trailer or an extension of a chunk is larger"),
    ],
)
def test_what_is_no_reply_is_told_without_its_words(wire: bytes, why: str) -> None:
    with pytest.raises(ReplyError, match=why):
        parse(wire, closed=True)
