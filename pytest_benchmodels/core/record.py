"""A result with the conversation that it rests on: what goes from a run to its report, and into a store."""

from __future__ import annotations

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from pytest_benchmodels.core.exchange import Message, Response
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, Result
from pytest_benchmodels.core.scenario import Scenario

__all__ = ["Record"]


class Record(Struct, frozen=True):
    """One result and what it rests on.

    `answers` are the model's, one for each turn that was answered, each with its own usage and latency; empty where
    there is nothing new to keep. `grade_fingerprint` says by which checks it was judged, empty if it was not. `asked`
    are the messages that each turn added, for readers of the transcript; they may be left out. `calls` are those to
    other models that are new, with question and answer: of all calls, the result itself has summaries.
    """

    result: Result
    answers: tuple[Response, ...] = ()
    grade_fingerprint: str = ""
    asked: tuple[tuple[Message, ...], ...] = ()
    calls: tuple[AnsweredCall, ...] = ()

    @classmethod
    def of(cls, result: Result, asked: tuple[tuple[Message, ...], ...] = ()) -> Self:
        """A result as it came in. An answer that was stored already stays so, with what was asked for it."""
        calls: tuple[AnsweredCall, ...] = ()
        if result.calls:
            calls = tuple([call for call in result.calls if isinstance(call, AnsweredCall)])
        if calls:
            result = replace(result, calls=tuple(map(_summary, result.calls)))
        if result.cached:
            return cls(result, (), result.grade_fingerprint, calls=calls)
        return cls(result, result.all_answers, result.grade_fingerprint, asked, calls)

    @classmethod
    def of_run(cls, scenario: Scenario, result: Result) -> Self:
        """The same of a run of this scenario."""
        return cls.of(result, scenario.asked)


def _summary(call: CallSummary) -> CallSummary:
    return call.summary if isinstance(call, AnsweredCall) else call
