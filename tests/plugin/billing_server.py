"""A provider of three protocols that keeps its own books: what it bills, told apart from what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, Any] | bytes, Fraction]
"""Status, body, and what is billed for it, in US dollars."""


class Books:
    """What was billed, by prompt; `plan` has for each prompt what becomes of its attempts, one after another."""

    def __init__(self, plan: dict[str, list[Reply | None]]) -> None:
        self.url = ""
        self.billed: dict[str, Fraction] = {}
        self.requests = 0
        self.hung = threading.Event()
        self._plan = {prompt: iter(replies) for prompt, replies in plan.items()}
        self._lock = threading.Lock()

    @property
    def total(self) -> float:
        return float(sum(self.billed.values()))

    def next(self, prompt: str) -> Reply | None:
        with self._lock:
            self.requests += 1
            reply = next(self._plan[prompt])
            self.billed[prompt] = self.billed.get(prompt, Fraction(0)) + (reply[2] if reply else 0)
            return reply


@contextmanager
def billing(plan: dict[str, list[Reply | None]]) -> Iterator[Books]:
    """Serve on loopback. None in the plan is a request that is taken and never answered."""
    books = Books(plan)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(books))
    server.daemon_threads = True
    books.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield books
    finally:
        books.hung.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(books: Books) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = books.next(_last_text(asked))
            if reply is None:
                books.hung.wait()
                return
            status, body, _ = reply
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    return Handler


def _last_text(asked: dict[str, Any]) -> str:
    if "contents" in asked:
        return str(asked["contents"][-1]["parts"][0]["text"])
    return str(asked["messages"][-1]["content"])


def openai(usage: dict[str, Any] | None, text: str = "4") -> dict[str, Any]:
    told = {} if usage is None else {"usage": usage}
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], **told}


def anthropic(usage: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "4"}], "stop_reason": "end_turn", "usage": usage}


def google(usage: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": "4"}]}, "finishReason": "STOP"}], "usageMetadata": usage}
