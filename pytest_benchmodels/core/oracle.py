"""What the user would say to a model that asks: written answers, or a model that plays the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["USE_YOUR_JUDGMENT", "Oracle"]

USE_YOUR_JUDGMENT = "Proceed with your best judgment based on the constraints provided."
"""What a model is told whose question is none of those that were foreseen."""

_BEGINNING = 20


@dataclass(frozen=True, slots=True)
class Oracle:
    """Answers to the questions that a model may ask.

    `answers` are found by what is asked, as `answer` has it. With a `model`, which is a name as a user types it, that
    one answers in their place, and `brief` is what it knows: what the user wants, and what they would say.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    brief: str = ""

    def answer(self, question: str) -> str:
        """The answer to the same question, else to one that is in it, else to one that has its first 20 characters.

        Upper and lower case are one; of several that fit the first is taken. `USE_YOUR_JUDGMENT` where none fits.
        """
        asked = question.strip().casefold()
        known = [(key.strip().casefold(), text) for key, text in self.answers.items()]
        beginning = asked[:_BEGINNING]
        rules = (
            (text for key, text in known if key == asked),
            (text for key, text in known if key and key in asked),
            (text for key, text in known if beginning and beginning in key),
        )
        return next((text for fitting in rules for text in fitting), USE_YOUR_JUDGMENT)
