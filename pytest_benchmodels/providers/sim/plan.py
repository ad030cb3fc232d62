"""What becomes of one request to a simulated model: decided from its words alone, before a byte is sent."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_benchmodels.providers.sim.knobs import Knobs

__all__ = ["Asked", "Fault", "Plan", "decide", "draws", "lognormal", "own_answer", "wrong_answer"]

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


Fault = Literal["429", "500", "hang", "reset", "truncate", "malformed", "garbage", "endless"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `prompt` is the whole conversation, `last` its last message; `answer` the right one, if known."""

    prompt: str
    last: str
    answer: str | None = None
    trial: int = 1
    attempt: int = 1


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
        ("reset", knobs.reset_rate),
        ("truncate", knobs.truncate_rate),
        ("malformed", knobs.malformed_rate),
    )
    for fault, rate in rates:
        if draw < rate or rate == 1:
            return fault
        draw -= rate
    return None
