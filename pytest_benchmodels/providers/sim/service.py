"""From an HTTP request to what is to be sent, and when: no sockets, no clock."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ...core.text import nearest, quote
from .knobs import PRESETS, KnobError, Knobs, turn
from .plan import Asked, Fault, Plan, decide
from .tally import Tally

__all__ = ["Reply", "Service"]

_BODILESS = {204, 304}

_dump = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` under `status`, after `delay_s` seconds; `drip_s` seconds before each byte; `fault` spoils it.

    `tally` is that of the model whose request this answers, None for any other request.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    drip_s: float = 0.0
    fault: Fault | None = None
    tally: Tally | None = None


class _BadRequestError(ValueError):
    pass


class Service:
    """The OpenAI chat protocol, spoken by models that know the answers."""

    def __init__(self) -> None:
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)

    def reply(self, method: str, target: str, body: bytes) -> Reply:
        """Answer one request. `target` is the path with its query."""
        path = target.partition("?")[0]
        if (method, path) == ("POST", "/v1/chat/completions"):
            return self._chat(body)
        if (method, path) == ("GET", "/v1/models"):
            listed = [{"id": name, "object": "model", "owned_by": "sim"} for name in PRESETS]
            return _json(200, {"object": "list", "data": listed})
        if (method, path) == ("GET", "/stats"):
            return _json(200, {name: tally.as_dict() for name, tally in self._tallies.items()})
        return _error(
            404,
            f"no {method} {quote(path)} here: this simulated server knows POST /v1/chat/completions, "
            "GET /v1/models and GET /stats",
        )

    def _chat(self, body: bytes) -> Reply:
        try:
            document = _read(body)
            name = document.get("model")
            if not isinstance(name, str) or name not in PRESETS:
                known = ", ".join(PRESETS)
                hint = nearest(name, PRESETS) if isinstance(name, str) else ""
                return _error(404, f"unknown simulated model {quote(name)}{hint} (known: {known})")
            asked, knobs = _asked(document, PRESETS[name])
        except (_BadRequestError, KnobError) as error:
            return _error(400, str(error))
        tally = self._tallies[name]
        tally.began()
        return _planned(name, asked, knobs, tally)


def _read(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _BadRequestError(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise _BadRequestError(f"the body has to be a JSON object, not {quote(document)}")
    if document.get("stream"):
        raise _BadRequestError("simulated models do not stream: leave `stream` out")
    return document


def _asked(document: Mapping[str, object], preset: Knobs) -> tuple[Asked, Knobs]:
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise _BadRequestError("`messages` has to be a list of at least one message, each an object")
    extension = document.get("sim", {})
    if not isinstance(extension, dict):
        raise _BadRequestError(f"`sim` has to be an object of knobs, not {quote(extension)}")
    given = dict(extension)
    answer, trial, attempt = given.pop("answer", None), given.pop("trial", 1), given.pop("attempt", 1)
    if not isinstance(answer, str | None) or type(trial) is not int or type(attempt) is not int:
        raise _BadRequestError("`sim.answer` has to be a text, `sim.trial` and `sim.attempt` whole numbers")
    prompt = "\0".join(f"{message.get('role')}\0{message.get('content')}" for message in messages)
    return Asked(prompt, str(messages[-1].get("content")), answer, trial, attempt), turn(preset, given)


def _planned(name: str, asked: Asked, knobs: Knobs, tally: Tally) -> Reply:
    plan = decide(asked, knobs)
    status = knobs.status or (307 if knobs.redirect else 200)
    if plan.fault in ("429", "500"):
        status = int(plan.fault)
    if status == 200:
        body = _completion(name, asked, plan, knobs.huge)
    else:
        body = b"" if status in _BODILESS else _error(status, f"simulated status {status}: {plan.text}").body
    return Reply(
        status,
        body[:-2] if plan.fault == "malformed" else body,
        _headers(knobs, status),
        plan.delay_s,
        knobs.drip,
        plan.fault,
        tally,
    )


def _headers(knobs: Knobs, status: int) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    if knobs.redirect:
        headers.append(("Location", knobs.redirect.encode("unicode_escape").decode().strip()))
    if knobs.retry_after is not None and status >= 400:
        # The header knows whole seconds only; the other is how OpenAI's API says it more exactly.
        headers.append(("Retry-After", str(math.ceil(knobs.retry_after))))
        headers.append(("Retry-After-Ms", f"{knobs.retry_after * 1000:g}"))
    return tuple(headers)


def _completion(name: str, asked: Asked, plan: Plan, least_bytes: int) -> bytes:
    text = plan.text
    if least_bytes > len(text):
        text += "x" * (least_bytes - len(text))
    sent, said = max(1, len(asked.prompt) // 4), max(1, len(text) // 4)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    document = {
        "id": f"chatcmpl-sim-{asked.trial}-{asked.attempt}",
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [choice],
        "usage": {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said},
    }
    return _dump(document).encode()


def _json(status: int, document: object) -> Reply:
    return Reply(status, _dump(document).encode())


def _error(status: int, message: str) -> Reply:
    return _json(status, {"error": {"message": message, "type": "simulated", "code": status}})
