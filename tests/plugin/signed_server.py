"""A model API in a protocol of its own, on loopback: tokens that run out, and bodies that have to be signed."""

from __future__ import annotations

import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.plugin.loopback import Handler, listening

__all__ = ["CLIENT", "USES", "SignedServer", "served"]

CLIENT = "client-secret-0123456789"
"""Signs bodies, and buys tokens."""
USES = 2
"""A token is good for so many requests."""


class SignedServer:
    """Counts what it answers. `kept` are the headers and documents of all requests that were let in."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: Counter[int] = Counter()
        self.kept: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.tokens: dict[str, int] = {}
        self._lock = threading.Lock()

    def token(self) -> dict[str, object]:
        with self._lock:
            token = f"token-{len(self.tokens) + 1:016d}"
            self.tokens[token] = USES
            return {"token": token, "uses": USES}

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, object]]:
        """401 for a token that is unknown or used up, 403 for a wrong signature."""
        with self._lock:
            token = headers.get("authorization", "").removeprefix("Acme ")
            if self.tokens.get(token, 0) <= 0:
                return 401, {"error": {"message": f"token {token} is not good"}}
            self.tokens[token] -= 1
            if headers.get("x-signature") != hmac.digest(CLIENT.encode(), body, "sha256").hex():
                return 403, {"error": {"message": "the signature is wrong"}}
            document = json.loads(body)
            self.kept.append((headers, document))
        says = document["input"].removeprefix("say ")
        if says == "shape":
            return 200, {"result": "?", "billed": [5, 1]}
        text = f"your token is {token}" if says == "token" else says
        return 200, {"output": text, "billed": [len(document["input"]), 1], "end": "done"}


@contextmanager
def served() -> Iterator[SignedServer]:
    """The server while it listens."""
    server = SignedServer()

    class Signed(Handler):
        def post(self, body: bytes) -> None:
            if self.path == "/token":
                known = self.headers.get("Authorization") == f"Basic {CLIENT}"
                status, document = (200, server.token()) if known else (401, {})
            else:
                status, document = server.answer({name.lower(): value for name, value in self.headers.items()}, body)
                server.statuses[status] += 1
            self.send_document(status, document)

    with listening(Signed) as server.url:
        yield server
