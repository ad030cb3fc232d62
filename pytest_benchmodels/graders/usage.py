"""Checks of how an answer ended, and of the money and the tokens that the run's answers took."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.call import Call, GradingContext
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response, usual_finish_reason
from pytest_benchmodels.core.model import cost
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.normalization import right, shown, wrong

__all__ = ["CHECKS", "FinishReason", "MaxCost", "MaxOutputTokens"]

_Word = Annotated[str, Meta(min_length=1)]


class FinishReason(Grader, frozen=True):
    """The answer ended for this reason, or one of these.

    `stop`, `length`, `content_filter`, `refusal` and `tool_calls` stand for each API's own word; any other word has to
    be the API's own. Case does not matter.
    """

    finish_reason: _Word | Annotated[tuple[_Word, ...], Meta(min_length=1)]

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Compare the response's finish_reason; where the API told none, neither the check nor its opposite holds."""
        wanted = (self.finish_reason,) if isinstance(self.finish_reason, str) else self.finish_reason
        told = " or ".join(wanted)
        reason = response.finish_reason
        if reason is None:
            return Grade(0.0, passed=False, explanation=f"expected finish_reason {told}, got none", undecided=True)
        said = {word.casefold() for word in (reason, usual_finish_reason(reason) or reason)}
        if any(word.strip().casefold() in said for word in wanted):
            return right(f"finish_reason {shown(reason)}")
        return wrong(f"expected finish_reason {told}, got {shown(reason)}")


class MaxCost(Grader, frozen=True):
    """The run's answers cost at most so many US dollars together.

    Those of all turns and steps count, at the price that the model has now; attempts that failed and what checks ask
    other models do not.
    """

    max_cost: Annotated[float, Meta(ge=0)]

    bounded: ClassVar[bool] = True

    def grade(self, context: GradingContext) -> Grade:
        """Add up the answers' costs. Raises `CheckError` where one is unknown and the others are not too much."""
        answers = [call for call in context.transcript.calls if call.purpose == "answer" and call.response is not None]
        costs = [cost(call.request.model.price, call.response.usage) for call in answers if call.response is not None]
        spent = math.fsum(part.known_usd for part in costs)
        if spent > self.max_cost:
            return wrong(f"expected at most ${self.max_cost:g}, the answers cost ${spent:g}")
        unknown = next((call for call, part in zip(answers, costs, strict=True) if not part.is_whole), None)
        if unknown is not None:
            raise CheckError(_why_unknown(unknown))
        return right(f"cost ${spent:g}")


def _why_unknown(call: Call) -> str:
    """What is missing, and the remedy."""
    if call.request.model.price is None:
        return (
            f"nobody knows what {call.model} costs: write price = {{input = ..., output = ...}}, in USD per million "
            f'tokens, under [model."{call.model}"] in bench.toml'
        )
    return (
        f"what the answer of {call.model} cost is unknown: its provider did not say how many tokens of each kind it "
        "took, or one kind has no price"
    )


class MaxOutputTokens(Grader, frozen=True):
    """The answers of all turns took at most so many output tokens together, thinking among them, as the API counts."""

    max_output_tokens: Annotated[int, Meta(ge=0)]

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Compare the count. Raises `CheckError` where the API told none."""
        count = response.usage.output_tokens
        if count is None:
            raise CheckError(
                "the provider did not say how many output tokens the answer took; `max_words` counts without it"
            )
        if count <= self.max_output_tokens:
            return right(f"took {count:,} output tokens")
        return wrong(f"expected at most {self.max_output_tokens:,} output tokens, took {count:,}")


CHECKS: tuple[type[Grader], ...] = (FinishReason, MaxCost, MaxOutputTokens)
"""The checks of this family, in the order in which they are told."""
