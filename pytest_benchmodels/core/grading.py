"""How an answer is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import msgspec

__all__ = ["Grade", "Grader"]


@dataclass(frozen=True, slots=True)
class Grade:
    """A grader's verdict. `score` is from 0 to 1; `explanation` is for a reader and says expected and actual.

    `undecided`: what the check looks for is there, but not as it asks (`17 or 18` where 18 is asked for). Such an
    answer satisfies neither the check nor its `not`.
    """

    score: float
    passed: bool
    explanation: str = ""
    undecided: bool = False

    @classmethod
    def of(cls, passed: bool, explanation: str = "") -> Self:  # noqa: FBT001 - the verdict is the one thing it takes
        """A verdict with nothing between right and wrong."""
        return cls(1.0 if passed else 0.0, passed, explanation)


class Grader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code behind a check: a subclass declares the check's options as fields and judges in `grade`.

    The first field gives the check its name and holds its value: `class Contains(Grader): contains: str` is what
    `- contains: Paris` in a file becomes. Field types, `msgspec.Meta` bounds and defaults are what the loader checks
    and what the JSON Schema shows.

    `grade` may take a `context` instead of the `response`: a `GradingContext`, which has the response, the transcript,
    and the scenario. It may be `async`.

    `bounded` promises that `grade` takes time linear in the answer's length and never blocks: such a grader runs on
    the event loop, any other in a thread that the run's time limit can abandon.
    """

    bounded: ClassVar[bool] = False

    @classmethod
    def kind(cls) -> str:
        """The check's name in a file."""
        return cls.__struct_fields__[0]

    def grade(self, *subject: Any, **_: Any) -> Any:  # noqa: ARG002 - so that type checkers take each of the forms above
        """Judge one answer: a Grade, or one to be awaited. Whatever it raises is the run's error, never a score."""
        raise TypeError(f"{type(self).__name__} has no grade() method: a Grader has to judge")

    def asked_models(self) -> Iterable[str]:
        """The models that `grade` asks, by `await context.ask(...)`, as the user names them; other than the judged one.

        The session makes ready for them before its first call: their keys, prices and limits are known by then.
        """
        return ()

    def example(self) -> str | None:
        """An answer that this check accepts, if one can be told: it is how `sim/*` answers rightly."""
        return None
