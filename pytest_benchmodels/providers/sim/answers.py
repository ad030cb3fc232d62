"""What a simulated model says: the right answer, a wrong one that looks like it, or something of its own."""

from __future__ import annotations

import re

__all__ = ["own_answer", "wrong_answer"]

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
