"""A server on loopback that sends prepared bytes, one reply to each request, and closes the connection after it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.plugin.loopback import Handler, listening

__all__ = ["EVENTS", "ScriptedServer", "document", "events", "scripted"]

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""The head of a stream that ends with its connection."""


def events(*said: object) -> bytes:
    """A stream of these documents; a text goes out as it is."""
    texts = (each if isinstance(each, str) else json.dumps(each) for each in said)
    return EVENTS + "".join(f"data: {text}\n\n" for text in texts).encode()


def document(said: object) -> bytes:
    """One document that is no stream."""
    body = json.dumps(said).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % len(body) + body


class ScriptedServer:
    """`asked` are the path and the document of each request; of the replies the last one is sent again and again."""

    def __init__(self, replies: list[bytes]) -> None:
        self.url = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._replies = replies
        self._lock = threading.Lock()

    def reply(self, path: str, body: bytes) -> bytes:
        with self._lock:
            self.asked.append((path, json.loads(body)))
            return self._replies[min(len(self.asked), len(self._replies)) - 1]


@contextmanager
def scripted(*replies: bytes) -> Iterator[ScriptedServer]:
    """The server while it listens."""
    server = ScriptedServer(list(replies))

    class Replies(Handler):
        def post(self, body: bytes) -> None:
            self.close_connection = True
            self.wfile.write(server.reply(self.path, body))

    with listening(Replies) as server.url:
        yield server
