"""A server process that answers the OpenAI chat protocol after a latency that only the model and the prompt decide.

`python -m benchmarks.latency_server MEDIAN SIGMA [CHUNKS GAP]` prints its base URL and serves until its standard input
ends. It does as little as a server can, so that on a small machine it takes little from the contenders. `GET /seen`
tells what came in since the last `GET /seen`, `GET /held` for how long each request was held, by this server's clock,
from its last byte in to its first byte out: `[[model, prompt, seconds], ...]`.

With CHUNKS an answer has so many tokens, GAP seconds apart, the first after the latency: whoever asks for a stream gets
each when it is there, anybody else all of them when the last one is.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import NamedTuple

from pytest_benchmodels.providers.sim.reply import draws, lognormal

__all__ = ["ANSWER", "Seen", "latency_s", "main"]

ANSWER = "The answer is forty-two."
_BACKLOG = 1024


@dataclass(slots=True)
class Seen:
    """Requests since the last look.

    `first_at` is when the first came in, `last_at` when the last answer went out, in seconds since the epoch; 0 if
    there was none.
    """

    requests: int = 0
    most_in_flight: int = 0
    first_at: float = 0.0
    last_at: float = 0.0


def latency_s(median_s: float, sigma: float, model: str, prompt: str) -> float:
    """Seconds until the answer: lognormal over all prompts, always the same for one of them."""
    return lognormal(median_s, sigma, *draws(model, prompt)[:2]) if median_s else 0.0


def _reply(document: object) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _completion(text: str, tokens: int) -> bytes:
    return _reply(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 0,
            "model": "bench",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": _usage(tokens),
        }
    )


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": 12 + tokens}


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _event(data: bytes) -> bytes:
    """An event, as a chunk of HTTP of its own: so all servers send it."""
    text = b"data: %s\n\n" % data
    return b"%x\r\n%s\r\n" % (len(text), text)


def _chunk(choices: list[dict[str, object]], usage: dict[str, int] | None = None) -> bytes:
    """An event with all that OpenAI sends in each."""
    return _event(
        json.dumps(
            {
                "id": "chatcmpl-DgYc1bSXkTNpLZyWvR3fqHmUoJ2aE",
                "object": "chat.completion.chunk",
                "created": 1760000000,
                "model": "bench",
                "service_tier": "default",
                "system_fingerprint": "fp_560af6e559",
                "choices": choices,
                "obfuscation": "kX7bQ2mN",
                "usage": usage,
            },
            separators=(",", ":"),
        ).encode()
    )


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _stream(tokens: list[str]) -> list[bytes]:
    """What goes out with each token: with the first also the head, with the last also the end."""
    sent = [_chunk([_choice({"content": token})]) for token in tokens]
    sent[0] = _STREAM_HEAD + _chunk([_choice({"role": "assistant", "content": ""})]) + sent[0]
    sent[-1] += _chunk([_choice({}, "stop")]) + _chunk([], _usage(len(tokens))) + _event(b"[DONE]") + b"0\r\n\r\n"
    return sent


class _Asked(NamedTuple):
    """A request: what it asks, how long it is to be held in seconds, when it was there, and whether for a stream."""

    model: str
    prompt: str
    delay_s: float
    came_at: float
    is_stream: bool = False


class _Service:
    """What all connections share."""

    def __init__(self, median_s: float, sigma: float, chunks: int, gap_s: float) -> None:
        self._median_s = median_s
        self._sigma = sigma
        tokens = [f"{ANSWER} ", *["more "] * (chunks - 1)] if chunks else [ANSWER]
        self.gap_s = gap_s
        self.streamed = _stream(tokens)
        self.completion = _completion("".join(tokens), len(tokens) if chunks else 6)
        self._seen = Seen()
        self._in_flight = 0
        self._held: list[tuple[str, str, float]] = []

    def told_held(self) -> bytes:
        held, self._held = self._held, []
        return _reply(held)

    def look(self) -> bytes:
        seen, self._seen = self._seen, Seen()
        return _reply(asdict(seen))

    def began(self, body: bytes) -> _Asked:
        """Count a request; return what it is to be held for."""
        self._in_flight += 1
        self._seen.requests += 1
        self._seen.first_at = self._seen.first_at or time.time()
        self._seen.most_in_flight = max(self._seen.most_in_flight, self._in_flight)
        if not self._median_s:
            return _Asked("", "", 0.0, 0.0)
        came_at = time.perf_counter()
        asked = json.loads(body)
        model, prompt = asked["model"], asked["messages"][-1]["content"]
        first_s = latency_s(self._median_s, self._sigma, model, prompt)
        if asked.get("stream"):
            return _Asked(model, prompt, first_s, came_at, is_stream=True)
        return _Asked(model, prompt, first_s + (len(self.streamed) - 1) * self.gap_s, came_at)

    def answers(self, asked: _Asked) -> None:
        """The first byte of an answer is about to go out."""
        if asked.delay_s:
            self._held.append((asked.model, asked.prompt, time.perf_counter() - asked.came_at))

    def ended(self) -> None:
        self._in_flight -= 1
        self._seen.last_at = time.time()


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, for clients that wait for a reply before they send the next request."""

    def __init__(self, service: _Service) -> None:
        self._service = service
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server() hands out; for the types
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if end and len(body) >= _body_bytes(head):
            self._received = b""
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /seen "):
            self._transport.write(self._service.look())
        elif head.startswith(b"GET /held "):
            self._transport.write(self._service.told_held())
        elif (asked := self._service.began(body)).delay_s:
            asyncio.get_running_loop().call_later(asked.delay_s, self._complete, asked)
        else:
            self._complete(asked)

    def _complete(self, asked: _Asked) -> None:
        self._service.answers(asked)
        if asked.is_stream:
            self._stream(asyncio.get_running_loop().time(), 0)
            return
        self._service.ended()
        self._transport.write(self._service.completion)

    def _stream(self, start: float, sent: int) -> None:
        """Send one token, and the next when its time has come, by the loop's clock."""
        self._transport.write(self._service.streamed[sent])
        sent += 1
        if sent == len(self._service.streamed):
            self._service.ended()
        elif not self._transport.is_closing():
            asyncio.get_running_loop().call_at(start + sent * self._service.gap_s, self._stream, start, sent)


def _body_bytes(head: bytes) -> int:
    _, named, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if named else 0


def main(median_s: float, sigma: float, chunks: int = 0, gap_s: float = 0.0) -> None:
    """Serve until standard input ends, as it does when the parent dies."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    loop = asyncio.new_event_loop()
    service = _Service(median_s, sigma, chunks, gap_s)
    loop.run_until_complete(loop.create_server(lambda: _Connection(service), sock=listening, backlog=_BACKLOG))
    loop.add_reader(sys.stdin.fileno(), lambda: os.read(sys.stdin.fileno(), 1) or loop.stop())
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", flush=True)
    loop.run_forever()


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), *map(int, sys.argv[3:4]), *map(float, sys.argv[4:5]))
