"""The simulated provider: from a request to what is answered, in its own dialect."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from pytest_benchmodels.core.message import ToolCall
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.providers.dialect import at
from pytest_benchmodels.providers.openai import OpenAI
from pytest_benchmodels.providers.sim import agent
from pytest_benchmodels.providers.sim.embedding import embeddings_reply
from pytest_benchmodels.providers.sim.knobs import PRESETS, KnobError, Knobs, Limits, turn
from pytest_benchmodels.providers.sim.reply import (
    Asked,
    Tally,
    decide,
    error_reply,
    json_reply,
    planned_reply,
    refusing_reply,
)
from pytest_benchmodels.providers.sim.structured import as_json, fitted, wants_json

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.scenario import Check
    from pytest_benchmodels.providers.sim.reply import Reply

__all__ = ["ExampleAnswer", "Service", "Sim"]

ExampleAnswer = Callable[[tuple["Check", ...], str | None], str | None]
"""Makes an answer that the checks accept, given the target; None where it cannot tell one."""

_REMEMBERED = 1024


class Sim(OpenAI):
    """`params: {sim: {...}}` of a request are the knobs of the simulated model."""

    def __init__(self, example_answer: ExampleAnswer | None = None) -> None:
        self._example_answer = example_answer
        self._answers: dict[tuple[int, str | None], tuple[tuple[Check, ...], str | None]] = {}

    def body(self, request: Request) -> dict[str, object]:
        knobs = request.params.get("sim", {})
        if not isinstance(knobs, Mapping):
            return {**super().body(request), "sim": knobs}  # which the server refuses in its own words
        extension = {**knobs, "trial": request.trial, "attempt": request.attempt}
        if request.script is not None and request.model.name == agent.NAME:
            part = agent.part_of(request)
            answer, calls = self._answer(request) if part.text is None else part.text, part.calls
        else:
            answer, calls = self._answer(request), _right_calls(request) if request.tools else []
        if answer is not None:
            extension["answer"] = answer
        if calls and "tool_calls" not in knobs:
            extension["tool_calls"] = calls
        return {**super().body(request), "sim": extension}

    def _answer(self, request: Request) -> str | None:
        """Ask for an exemplar once per scenario: its trials, attempts and models share it."""
        if self._example_answer is None:
            return None
        # By identity, for a check may hold what cannot be hashed; the checks are kept, so that no other takes their id.
        key = (id(request.checks), request.target)
        if key not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.pop(next(iter(self._answers)))
            self._answers[key] = (request.checks, self._example_answer(request.checks, request.target))
        return self._answers[key][1]


_WRITES = "write_file"
"""Of its calls each writes another file; of another tool's, those with the most arguments serve all checks."""
_THOUGHT = "This is what a simulated model thinks before it answers."


def _right_calls(request: Request) -> list[object]:
    """The calls that the checks ask for, each in a step of its own, with the arguments that the tools ask for.

    The first is the one that the scenario forces, or forced: other answers of its turn know that by the calls so far.
    """
    asking = [check.grader for check in request.checks if not check.negate and hasattr(check.grader, "example_calls")]
    examples = sorted((grader.example_calls() for grader in asking), key=len, reverse=True)
    parameters = {tool.name: tool.parameters for tool in request.tools}
    files = [call for calls in examples for call in calls if call["name"] == _WRITES]
    files += agent.files_of(request) if request.model.name == agent.NAME else []
    files = files if _WRITES in parameters else []
    examples = [[call for call in calls if call["name"] != _WRITES] for calls in examples]
    arguments = {call["name"]: call["arguments"] for calls in examples for call in calls if call["arguments"]}
    names: list[str] = []
    for calls in examples:  # what one check asks for serves the others, too
        wanted = Counter(call["name"] for call in calls)
        names += (wanted - Counter(names)).elements()
    first = _first_call(request)
    is_forced = first in parameters and not (files and first == _WRITES)
    if is_forced:
        names = [first, *(name for place, name in enumerate(names) if name != first or place != names.index(first))]
    called = [{"name": name, "arguments": arguments.get(name, {})} for name in names]
    written = [call for number, call in enumerate(files) if call not in files[:number]]
    return [
        {"name": call["name"], "arguments": fitted(call["arguments"], parameters.get(call["name"], {}))}
        for call in (*called[:is_forced], *written, *called[is_forced:])
    ]


def _first_call(request: Request) -> str:
    """The tool that was called first since the user spoke last, or has to be; empty where that is for the checks."""
    first = request.tool_choice or ""
    for message in reversed(request.messages):
        if message.role == "user":
            break
        parts = () if isinstance(message.content, str) else message.content
        called = [part.name for part in parts if isinstance(part, ToolCall)]
        first = called[0] if called else first
    return first


class _BadRequestError(ValueError):
    pass


@dataclass(slots=True)
class _Account:
    """What one model did under one bucket, and may do."""

    tally: Tally
    limits: Limits = field(default_factory=Limits)


class Service:
    """The OpenAI chat protocol, spoken by models that know the answers. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[tuple[str, str | None], _Account] = {}

    def reply(self, method: str, target: str, body: bytes) -> Reply:
        """Answer one request. `target` is the path with its query."""
        path = target.partition("?")[0]
        if (method, path) == ("POST", "/v1/chat/completions"):
            return self._chat(body)
        if (method, path) == ("POST", "/v1/embeddings"):
            return self._embeddings(body)
        if (method, path) == ("GET", "/v1/models"):
            listed = [{"id": name, "object": "model", "owned_by": "sim"} for name in PRESETS]
            return json_reply(200, {"object": "list", "data": listed})
        if (method, path) == ("GET", "/stats"):
            return json_reply(200, self._stats())
        return error_reply(
            404,
            f"no {method} {quote(path)} here: this simulated server knows POST /v1/chat/completions, "
            "POST /v1/embeddings, GET /v1/models and GET /stats",
        )

    def _stats(self) -> dict[str, dict[str, object]]:
        return {
            model if bucket is None else f"{model}/{bucket}": account.tally.as_dict()
            for (model, bucket), account in self._accounts.items()
        }

    def _chat(self, body: bytes) -> Reply:
        try:
            document = _read(body)
            name = document.get("model")
            if not isinstance(name, str) or name not in PRESETS:
                return _unknown(name)
            asked, knobs = _asked(document, PRESETS[name])
            if document.get("stream") and (refused := _refusal(knobs)):
                return error_reply(400, refused)
        except (_BadRequestError, KnobError) as error:
            return error_reply(400, str(error))
        plan = decide(asked, knobs)
        if wants_json(document) and knobs.text is None and not asked.calls:
            plan = replace(plan, text=as_json(plan.text, document))
        reply = planned_reply(name, asked, knobs, plan)
        if document.get("stream"):
            options = document.get("stream_options")
            reply = _streamed(reply, knobs, with_usage=isinstance(options, dict) and bool(options.get("include_usage")))
        return self._admitted(name, knobs, reply)

    def _embeddings(self, body: bytes) -> Reply:
        """The embeddings of texts, with the delays, faults and limits that the model's knobs ask for."""
        try:
            document = _read(body)
            name, given = document.get("model"), document.get("input")
            if not isinstance(name, str) or name not in PRESETS:
                return _unknown(name)
            texts = _texts(given)
            messages = [{"role": "user", "content": text} for text in texts]
            asked, knobs = _asked({"messages": messages, "sim": document.get("sim", {})}, PRESETS[name])
        except (_BadRequestError, KnobError) as error:
            return error_reply(400, str(error))
        reply = planned_reply(name, asked, knobs, decide(asked, knobs))
        if reply.status == 200 and reply.fault is None:
            reply = embeddings_reply(name, texts, reply)
        return self._admitted(name, knobs, reply)

    def _admitted(self, name: str, knobs: Knobs, reply: Reply) -> Reply:
        """The reply, unless a limit of its model and bucket speaks against it."""
        key = name, knobs.bucket
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account(Tally(self._clock))
        now_s = self._clock()
        refusal = account.limits.admit(knobs, reply.tokens, account.tally.in_flight, now_s)
        if refusal is None:
            account.tally.began()
            reply = replace(reply, tally=account.tally)
        else:
            account.tally.refuse()
            reply = refusing_reply(refusal, knobs)
        if knobs.quota_headers:
            reply = replace(reply, headers=reply.headers + account.limits.headers(now_s))
        return reply


def _unknown(name: object) -> Reply:
    hint = nearest(name, PRESETS) if isinstance(name, str) else ""
    return error_reply(404, f"unknown simulated model {quote(name)}{hint} (known: {', '.join(PRESETS)})")


def _read(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _BadRequestError(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise _BadRequestError(f"the body has to be a JSON object, not {quote(document)}")
    return document


def _texts(given: object) -> list[str]:
    listed = given if isinstance(given, list) else [given]
    texts = [text for text in listed if isinstance(text, str) and text]
    if not texts or len(texts) < len(listed):
        raise _BadRequestError("`input` has to be a text, or a list of texts, none of them empty")
    return texts


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
    prompt = "\0".join(f"{message.get('role')}\0{_said(message.get('content'))}" for message in messages)
    knobs, last, step = turn(preset, given), _said(messages[-1].get("content")), _step(messages)
    calls: tuple[Mapping[str, object], ...] = ()
    if document.get("tools") and document.get("tool_choice") != "none" and step < len(knobs.tool_calls):
        together: Any = knobs.tool_calls[step]
        calls = tuple(together if isinstance(together, list) else (together,))
    else:
        calls = _forced_call(document)
    if answer is None and messages[-1].get("role") == "tool":
        answer = last  # what it was told, it tells
    # A model that is asked to think does, and says so as open models' servers do.
    if document.get("reasoning_effort") not in (None, "none") and knobs.thinking is None:
        knobs = replace(knobs, thinking=_THOUGHT)
    return Asked(prompt, last, answer, trial, attempt, calls, step), knobs


def _forced_call(document: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """A call of the tool that `tool_choice` names, or of the first where any will do; none where it forces none."""
    tools, choice = document.get("tools"), document.get("tool_choice")
    declared = [at(tool, "function") for tool in tools] if isinstance(tools, list) else []
    named = at(choice, "function", "name")
    wanted = [each for each in declared if choice == "required" or (named is not None and at(each, "name") == named)]
    name, parameters = at(wanted[:1], 0, "name"), at(wanted[:1], 0, "parameters")
    if not isinstance(name, str):
        return ()
    return ({"name": name, "arguments": fitted({}, parameters if isinstance(parameters, dict) else {})},)


def _step(messages: list[dict[str, Any]]) -> int:
    """How many answers there were since the user spoke last."""
    roles = [message.get("role") for message in messages]
    since = len(roles) - roles[::-1].index("user") if "user" in roles else 0
    return roles[since:].count("assistant")


def _said(content: object) -> str:
    """What a message says. Of its parts the texts; a picture is none, and only told apart from others."""
    if not isinstance(content, list):
        return str(content)
    return "".join(map(_said_in_part, content))


def _said_in_part(part: object) -> str:
    if isinstance(part, dict) and isinstance(text := part.get("text"), str):
        return text
    return f"[{blake2b(repr(part).encode('utf-8', 'replace'), digest_size=8).hexdigest()}]"


_CHARACTERS_A_TOKEN = 4
_DONE = b"data: [DONE]\n\n"
_NOT_STREAMED = ("huge", "gzip", "declared_bytes")

_dump = json.JSONEncoder(separators=(",", ":")).encode


def _refusal(knobs: Knobs) -> str:
    """Why such a model does not stream; empty if it does."""
    given = [name for name in _NOT_STREAMED if getattr(knobs, name)]
    return f"sim knob '{given[0]}' does not go with a stream: leave one of the two out" if given else ""


def _streamed(reply: Reply, knobs: Knobs, *, with_usage: bool) -> Reply:
    """The same answer in events. After `delay_s` comes the first; one token comes every `1 / pace` seconds."""
    if reply.status != 200 or reply.fault in {"garbage", "endless"}:
        return reply
    if reply.fault == "malformed":
        return replace(reply, events=(b"data: {\n\n",))
    events = tuple(_events(json.loads(reply.body), with_usage=with_usage))
    # Why it ended, what it took, and that it is over, come with the last token, as at any server.
    unpaced = 3 if with_usage else 2
    if reply.fault == "truncate":
        events, unpaced = events[: len(events) // 2], 0
    return replace(reply, events=events, unpaced=unpaced, pace_s=1 / knobs.pace if knobs.pace else 0.0)


def _events(document: Mapping[str, Any], *, with_usage: bool) -> Iterator[bytes]:
    choice = document["choices"][0]
    shared = {name: document[name] for name in document if name not in ("object", "choices", "usage")}

    def event(choices: list[dict[str, Any]], **more: object) -> bytes:
        chunk = {**shared, "object": "chat.completion.chunk", "choices": choices, **more}
        return b"data: " + _dump(chunk).encode() + b"\n\n"

    def said(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        return event([{"index": 0, "delta": delta, "finish_reason": reason}])

    for delta in _deltas(choice["message"]):
        yield said(delta)
    yield said({}, choice["finish_reason"])
    if with_usage:
        yield event([], usage=document["usage"])
    yield _DONE


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What is new in each event: who speaks, thinking, the text, a token at a time, and the calls of tools."""
    opening: dict[str, Any] = {"role": message["role"]}
    for name in ("reasoning_content", "content"):
        for piece in _pieces(message.get(name) or ""):
            yield {**opening, name: piece}
            opening = {}
    for number, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        yield {**opening, "tool_calls": [{**call, "index": number, "function": {**function, "arguments": ""}}]}
        opening = {}
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
    if opening:
        yield {**opening, "content": ""}


def _pieces(text: str) -> Iterator[str]:
    """The tokens of a text, as many as the usage counts: of what is left over the last one is longer."""
    count = max(1, len(text) // _CHARACTERS_A_TOKEN) if text else 0
    for number in range(count):
        start = number * _CHARACTERS_A_TOKEN
        yield text[start : start + _CHARACTERS_A_TOKEN] if number < count - 1 else text[start:]
