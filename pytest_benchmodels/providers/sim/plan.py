"""What becomes of one request to a simulated model: decided from its words alone, before a byte is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .answers import own_answer, wrong_answer
from .chance import draws, lognormal

if TYPE_CHECKING:
    from .knobs import Knobs

__all__ = ["Asked", "Fault", "Plan", "decide"]

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
