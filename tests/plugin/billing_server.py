"""A provider of three protocols that keeps its own books: what it bills, told apart from what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from tests.plugin.loopback import Handler, listening

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
    with listening(_handler(books)) as books.url:
        try:
            yield books
        finally:
            books.hung.set()


def _handler(books: Books) -> type[Handler]:
    class Billing(Handler):
        def post(self, body: bytes) -> None:
            asked = json.loads(body)
            reply = books.next(_last_text(asked))
            if reply is None:
                books.hung.wait()
                return
            status, said, _ = reply
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)

    return Billing


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
