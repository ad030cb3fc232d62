"""What the simulated provider answers, when, and with which faults."""

from __future__ import annotations

import json
import math
import re
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pytest_benchmodels.providers.sim.knobs import Knobs, Refusal

__all__ = [
    "Asked",
    "Fault",
    "Plan",
    "Reply",
    "Tally",
    "decide",
    "draws",
    "error_reply",
    "json_reply",
    "lognormal",
    "own_answer",
    "own_verdict",
    "planned_reply",
    "refusing_reply",
    "wrong_answer",
]

_FOUR = struct.Struct(">4Q")
_RANGE = 2.0**64


def draws(*words: object) -> tuple[float, float, float, float]:
    """Four independent draws, each evenly spread over [0, 1]."""
    digest = blake2b("\0".join(map(str, words)).encode("utf-8", "replace"), digest_size=_FOUR.size).digest()
    one, two, three, four = _FOUR.unpack(digest)
    return one / _RANGE, two / _RANGE, three / _RANGE, four / _RANGE


def lognormal(median: float, sigma: float, one: float, two: float) -> float:
    """A lognormal figure made of two even draws (Box-Muller)."""
    normal = math.sqrt(-2.0 * math.log(max(one, 1e-300))) * math.cos(2.0 * math.pi * two)
    return median * math.exp(sigma * normal)


_NUMBER = re.compile(r"-?\d{1,15}(?!.*\d)", re.DOTALL)
_SUM = re.compile(r"(-?\d{1,9})\s*([-+*/x×])\s*(-?\d{1,9})")  # noqa: RUF001 - people do write the sign for "times"
_SENTENCE = "This is a simulated answer."
_DOUBTS = (
    "I am not sure about that.",
    "That cannot be told from the question.",
    "There are several views on this.",
    "I would have to look that up.",
)
_OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_LETTERS = "ABCD"


def own_answer(prompt: str) -> str:
    """The result where the prompt asks for simple arithmetic (`2 + 2`), else a fixed sentence."""
    found = _SUM.search(prompt)
    if found is None:
        return _SENTENCE
    left, sign, right = int(found[1]), found[2], int(found[3])
    if sign == "+":
        return str(left + right)
    if sign == "-":
        return str(left - right)
    if sign == "/":
        return f"{left / right:.12g}" if right else "Division by zero has no result."
    return str(left * right)


_JUDGED = re.compile(r"<(answer|first|second|reference|file(?:_\d+)?)-([0-9a-f]{6,})>\n(.*?)\n</\1-\2>", re.DOTALL)
_SCHEMA = re.compile(r"^\{\"type\": \"object\".*\}\Z", re.MULTILINE)


def own_verdict(prompt: str, accuracy: float, draw: float) -> str | None:
    """What `sim/judge` says of an answer, in the form that the prompt asks for; None where the prompt is no judge's.

    Right is an answer that has the reference in it, and without a reference any that has a word and none of a simulated
    model's doubts. Of a pair the right one is better. The verdict is another one where the draw says that it errs.
    """
    blocks = {name: text for name, _, text in _JUDGED.findall(prompt)}
    form = _SCHEMA.search(prompt)
    shown = [blocks[name] for name in ("answer", "first", "second") if name in blocks]
    if "answer" in blocks:  # a file that it is shown may have it as well
        shown = ["\n".join((*shown, *(text for name, text in blocks.items() if name.startswith("file"))))]
    if not shown or form is None:
        return None
    right = [_is_right(text, blocks.get("reference")) for text in shown]
    place = 1 if right == [right[0]] * 2 else 0 if right[0] else -1
    if draw >= accuracy and accuracy < 1:
        place = -1 if place == 0 else 0
    reasons = f"The answer is {'right' if right[0] else 'wrong'} for all that a simulated judge can tell."
    return _dump(_filled_in(json.loads(form[0]), reasons, place))


def _is_right(answer: str, reference: str | None) -> bool:
    answer = " ".join(answer.split()).casefold()
    if reference is None:
        return bool(re.search(r"\w", answer)) and not any(doubt.casefold() in answer for doubt in _DOUBTS)
    return " ".join(reference.split()).casefold() in answer


def _filled_in(schema: Mapping[str, Any], reasons: str, place: int) -> dict[str, object]:
    """The judge's form, with the word at that place of a list: 0 has the best verdict, -1 the worst."""

    def value(name: str, part: Mapping[str, Any]) -> object:
        if part.get("type") == "object":
            return {key: value(key, each) for key, each in part["properties"].items()}
        if "enum" in part:
            return part["enum"][place]
        if name == "confidence":
            return 0.9
        return reasons if part.get("type") == "string" else part["minimum" if place else "maximum"]

    return {name: value(name, part) for name, part in schema["properties"].items()}


def wrong_answer(right: str, draw: float) -> str:
    """A plausible answer that is not `right`; `draw`, from 0 to 1, chooses which."""
    bare = right.strip()
    if bare.upper() in _LETTERS and len(bare) == 1:
        step = 1 + int(draw * 0.999 * (len(_LETTERS) - 1))
        return _LETTERS[(_LETTERS.index(bare.upper()) + step) % len(_LETTERS)]
    if bare.lower() in _OPPOSITES:
        return _OPPOSITES[bare.lower()]
    if bare[:1] not in "{[" and (number := _NUMBER.search(bare)):
        return bare[: number.start()] + _other_number(number[0], draw) + bare[number.end() :]
    return _DOUBTS[int(draw * 0.999 * len(_DOUBTS))]


def _other_number(right: str, draw: float) -> str:
    """A number near `right` whose digits do not hold it: 10 would satisfy a check for 1."""
    first = int(draw * 9)
    near = (str(int(right) + 1 + (first + step) % 9) for step in range(9))
    return next((wrong for wrong in near if right not in wrong), "no number")


Fault = Literal["429", "500", "hang", "stall", "reset", "truncate", "malformed", "garbage", "endless"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `prompt` is the whole conversation, `last` its last message; `answer` the right one, if known.

    `calls` are the tools to call in place of an answer, in the `step`-th answer since the user's last message.
    """

    prompt: str
    last: str
    answer: str | None = None
    trial: int = 1
    attempt: int = 1
    calls: tuple[Mapping[str, object], ...] = ()
    step: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Say `text` after `delay_s` seconds, unless `fault` comes between."""

    delay_s: float
    text: str
    fault: Fault | None


def decide(asked: Asked, knobs: Knobs) -> Plan:
    """Plan the reply. What a trial knows stays the same over its attempts; its faults and delays do not."""
    once = draws(knobs.seed, asked.trial, asked.prompt)
    each = draws(knobs.seed, asked.trial, asked.attempt, asked.prompt)
    delay_s = lognormal(knobs.latency, knobs.sigma, each[0], each[1])
    struck = knobs.recover_after is None or asked.attempt <= knobs.recover_after
    return Plan(delay_s, _text(asked, knobs, once), _fault(knobs, each[2]) if struck else None)


def _text(asked: Asked, knobs: Knobs, once: tuple[float, ...]) -> str:
    if knobs.text is not None:
        return knobs.text
    if knobs.judges and (verdict := own_verdict(asked.last, knobs.accuracy, once[0])) is not None:
        return verdict
    right = own_answer(asked.last) if asked.answer is None else asked.answer
    return right if once[0] < knobs.accuracy or knobs.accuracy == 1 else wrong_answer(right, once[1])


def _fault(knobs: Knobs, draw: float) -> Fault | None:
    if knobs.garbage:
        return "garbage"
    if knobs.endless:
        return "endless"
    rates: tuple[tuple[Fault, float], ...] = (
        ("429", knobs.rate_429),
        ("500", knobs.rate_500),
        ("hang", knobs.hang_rate),
        ("stall", knobs.stall_rate),
        ("reset", knobs.reset_rate),
        ("truncate", knobs.truncate_rate),
        ("malformed", knobs.malformed_rate),
    )
    for fault, rate in rates:
        if draw < rate or rate == 1:
            return fault
        draw -= rate
    return None


_MOST_SECONDS = 86_400


@dataclass(slots=True)
class Tally:
    """Counts of one model. `sent` has a status or a fault (`200`, `429`, `reset`) to its count.

    `refused` counts the requests beyond a limit; they were never in flight. `abandoned` counts those whose connection
    the client closed before the reply was out. `answered_each_second` counts the replies with status 200 by the second
    since the first request, for one day at most.
    """

    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    refused: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    abandoned: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    answered_each_second: list[int] = field(default_factory=list)
    _first_s: float | None = None

    def began(self) -> None:
        """A request was let in."""
        self._asked()
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def refuse(self) -> None:
        """A request was turned away at the door."""
        self._asked()
        self.refused += 1
        self.sent["429"] += 1

    def ended(self, outcome: str) -> None:
        """A reply is out."""
        self.in_flight -= 1
        self.sent[outcome] += 1
        if outcome == "200":
            self._answered()

    def left(self) -> None:
        """The client did not wait for the reply."""
        self.in_flight -= 1
        self.abandoned += 1

    def as_dict(self) -> dict[str, object]:
        """The counts as JSON holds them."""
        return {
            "requests": self.requests,
            "refused": self.refused,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "abandoned": self.abandoned,
            "sent": dict(self.sent),
            "answered_each_second": self.answered_each_second,
        }

    def _asked(self) -> None:
        self.requests += 1
        if self._first_s is None:
            self._first_s = self.clock()

    def _answered(self) -> None:
        second = int(self.clock() - (self._first_s or 0.0))
        if second < _MOST_SECONDS:
            self.answered_each_second += [0] * (second + 1 - len(self.answered_each_second))
            self.answered_each_second[second] += 1


_BODILESS = {204, 304}
_AFTER_TEXT = b'"},"finish_reason"'  # within the text, its quotes would be escaped
_PART_BYTES = 65_536

_dump = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` under `status`, after `delay_s` seconds and `interim` informational ones; `fault` spoils it.

    `filler` bytes of `x` stand in the body at `filled_at`, and are made when they are sent. `drip_s` seconds pass
    before each byte. `events` are sent in place of the body, `pace_s` seconds apart; the last `unpaced` of them, which
    are no tokens, go with the one before. `declared_bytes` is the Content-Length that is told, if not the true one.
    `tokens` is what the answer costs. `tally` is that of the model whose request this answers, None for any other.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    drip_s: float = 0.0
    interim: int = 0
    declared_bytes: int | None = None
    fault: Fault | None = None
    tokens: int = 0
    tally: Tally | None = None
    filler: int = 0
    filled_at: int = 0
    events: tuple[bytes, ...] = ()
    unpaced: int = 0
    pace_s: float = 0.0

    @property
    def outcome(self) -> str:
        """The word that it is counted under."""
        return self.fault or str(self.status)

    @property
    def is_last(self) -> bool:
        """Whether its connection carries no other."""
        return self.fault in ("truncate", "garbage") or self.declared_bytes is not None


def json_reply(status: int, document: object) -> Reply:
    """Any document."""
    return Reply(status, _dump(document).encode())


def error_reply(status: int, message: str) -> Reply:
    """A failure, in OpenAI's shape."""
    return json_reply(status, {"error": {"message": message, "type": "simulated", "code": status}})


def refusing_reply(refusal: Refusal, knobs: Knobs) -> Reply:
    """429 for a request beyond a limit."""
    body = error_reply(429, f"simulated limit of {refusal.what} reached").body
    wait_s = refusal.wait_s if knobs.retry_after is None else knobs.retry_after
    return Reply(429, body, () if wait_s is None else _retry_after(wait_s))


def planned_reply(name: str, asked: Asked, knobs: Knobs, plan: Plan) -> Reply:
    """What a model says, or the fault that comes between."""
    status = knobs.status or (307 if knobs.redirect else 200)
    if plan.fault in ("429", "500"):
        status = int(plan.fault)
    tokens = filler = filled_at = 0
    if status == 200:
        filler = _filler(plan, knobs)
        body, tokens = _completion(name, asked, plan, knobs)
        filled_at = body.rindex(_AFTER_TEXT) if filler else 0
    else:
        body = b"" if status in _BODILESS else error_reply(status, f"simulated status {status}: {plan.text}").body
    if plan.fault == "malformed":
        body = body[:-2]
    if knobs.gzip:
        body, filler = _compressed(body, filler, filled_at), 0
    return Reply(
        status=status,
        body=body,
        filler=filler,
        filled_at=filled_at,
        headers=_headers(knobs, status),
        delay_s=plan.delay_s,
        drip_s=knobs.drip,
        interim=knobs.interim,
        declared_bytes=knobs.declared_bytes,
        fault=plan.fault,
        tokens=tokens,
    )


def _headers(knobs: Knobs, status: int) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    if knobs.redirect:
        headers.append(("Location", knobs.redirect.encode("unicode_escape").decode().strip()))
    if knobs.gzip:
        headers.append(("Content-Encoding", "gzip"))
    if knobs.header_bytes:
        headers.append(("X-Padding", "x" * knobs.header_bytes))
    if knobs.retry_after is not None and status >= 400:
        headers += _retry_after(knobs.retry_after)
    return tuple(headers)


def _retry_after(seconds: float) -> tuple[tuple[str, str], ...]:
    # The one header knows whole seconds only; the other is how OpenAI's API says it more exactly.
    return (("Retry-After", str(math.ceil(seconds))), ("Retry-After-Ms", f"{seconds * 1000:g}"))


def _compressed(body: bytes, filler: int, filled_at: int) -> bytes:
    import zlib  # noqa: PLC0415 - for one knob

    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: with gzip's header, without a time in it
    packed = [packer.compress(body[:filled_at])]
    parts = (b"x" * min(_PART_BYTES, filler - start) for start in range(0, filler, _PART_BYTES))
    packed.extend(map(packer.compress, parts))
    return b"".join([*packed, packer.compress(body[filled_at:]), packer.flush()])


def _filler(plan: Plan, knobs: Knobs) -> int:
    """How many bytes the text lacks."""
    return max(0, knobs.huge - len(plan.text))


def _completion(name: str, asked: Asked, plan: Plan, knobs: Knobs) -> tuple[bytes, int]:
    """The body, without its filler, and the tokens that it counts."""
    sent, said = max(1, len(asked.prompt) // 4), max(1, (len(plan.text) + _filler(plan, knobs)) // 4)
    thinking: dict[str, str] = {}
    counted: dict[str, object] = {}
    calls = [_call(call, f"call_sim_{asked.step}_{number}") for number, call in enumerate(asked.calls)]
    if calls:
        said = sum(max(1, len(_dump(call)) // 4) for call in calls)
    if knobs.thinking is not None:
        thinking = {"reasoning_content": knobs.thinking}
        thought = max(1, len(knobs.thinking) // 4) if knobs.thinking else 0
        said += thought
        counted = {"completion_tokens_details": {"reasoning_tokens": thought}}
    spoken = {"content": None, "tool_calls": calls} if calls else {"content": plan.text}
    message = {"role": "assistant", **thinking, **spoken}
    reason = knobs.finish_reason or ("tool_calls" if calls else "stop")
    choice = {"index": 0, "message": message, "finish_reason": reason}
    document = {
        "id": f"chatcmpl-sim-{asked.trial}-{asked.attempt}",
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [choice],
        "usage": {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said, **counted},
    }
    return _dump(document).encode(), sent + said


def _call(call: Mapping[str, object], id_: str) -> dict[str, object]:
    arguments = call.get("arguments")
    written = arguments if isinstance(arguments, str) else _dump(arguments or {})
    return {"id": id_, "type": "function", "function": {"name": call["name"], "arguments": written}}
