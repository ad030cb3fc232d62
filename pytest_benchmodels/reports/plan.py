"""What `--bench-plan` says: what would run, what its checks would ask, and what that would cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.reports.units import UNKNOWN, aligned, dollars, duration, full_name, plural, tokens

__all__ = ["AskedPlan", "ModelPlan", "plan_lines"]

_TITLES = ("model", "runs", "stored", "tokens in", "tokens out", "cost", "time")


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One model's share.

    `runs` would call the model; `stored` have an answer in the store. `output_tokens` are the least and the most that
    are to be expected, `cost_usd` the same in US dollars, None where the price is unknown. `known_durations` are the
    seconds that runs of these took before; the others are taken to be like them. `window` is how many run at once.
    """

    model: Model
    runs: int
    stored: int
    input_tokens: int
    output_tokens: tuple[int, int]
    known_durations: tuple[float, ...]
    window: int
    cost_usd: tuple[float, float] | None = None

    @property
    def time_s(self) -> float | None:
        """Seconds at this window and within the model's limits; None where no run's duration is known."""
        if not self.runs:
            return 0.0
        paced = max((self._paced_s(limit.kind, limit.per_minute) for limit in self.model.limits), default=0.0)
        if not self.known_durations:
            return paced or None
        mean = math.fsum(self.known_durations) / len(self.known_durations)
        return max(mean * self.runs / self.window, paced, *self.known_durations)

    def _paced_s(self, kind: str, per_minute: float) -> float:
        amount = self.runs if kind == "rpm" else self.input_tokens + sum(self.output_tokens) / 2
        return amount * 60 / per_minute


@dataclass(frozen=True, slots=True)
class AskedPlan:
    """What checks would ask one model: so many calls at so many runs; `calls` is None where only the checks know.

    `is_user`: it plays the user, and the models of the runs ask it.

    Tokens are the least and the most that are to be expected, None where only the checks know what they ask; `cost_usd`
    the same in US dollars, None where that or the price is unknown.
    """

    model: str
    runs: int
    calls: int | None
    input_tokens: tuple[int, int] | None = None
    output_tokens: tuple[int, int] | None = None
    cost_usd: tuple[float, float] | None = None
    is_user: bool = False


def plan_lines(plans: Sequence[ModelPlan], asked: Sequence[AskedPlan] = ()) -> list[str]:
    """A table with one row for each model, what checks would ask, and what all of it comes to."""
    if not plans:
        return ["nothing would run"]
    times = [plan.time_s for plan in plans]
    costs = [plan.cost_usd for plan in plans]
    known_times = [time_s for time_s in times if time_s is not None]
    unknown = f" and what {plural(costs.count(None), 'model')} of unknown price would cost" if None in costs else ""
    runs = plural(sum(plan.runs for plan in plans), "run")
    partly = " for the models whose durations are known" if known_times and None in times else ""
    longest = duration(max(known_times)) if known_times else "unknown"
    return [
        *aligned(_TITLES, list(map(_plan_row, plans)), frozenset(("model",))),
        f"{runs} would run, {_sum(costs)}{unknown}",
        f"expected time: {longest}{partly}",
        *map(_asked_line, asked),
        *_together(costs, [each.cost_usd for each in asked]),
    ]


_Range = tuple[float, float] | None


def _sum(costs: Sequence[_Range]) -> str:
    """What is known of them, all together."""
    known = [cost for cost in costs if cost is not None]
    return _range(dollars(sum(cost[0] for cost in known)), dollars(sum(cost[1] for cost in known)))


def _asked_line(asked: AskedPlan) -> str:
    name = full_name(asked.model)
    what = f"{name} plays the user" if asked.is_user else f"checks ask {name} too"
    return f"{what}: {_judging(asked)}"


def _judging(asked: AskedPlan) -> str:
    often = "" if asked.calls is None else f"{plural(asked.calls, 'call')} "
    told = f"{often}at {plural(asked.runs, 'run')}"
    if asked.input_tokens is None or asked.output_tokens is None:
        return f"{told}, at a cost that is not known before"
    sent, given = (_range(*map(tokens, ends)) for ends in (asked.input_tokens, asked.output_tokens))
    cost = "at a price that is not known" if asked.cost_usd is None else _range(*map(dollars, asked.cost_usd))
    return f"{told}, tokens {sent} in and {given} out, {cost}"


def _together(answers: Sequence[_Range], asked: Sequence[_Range]) -> Iterator[str]:
    """What answers and checks would cost together, where checks cost anything that is known."""
    if any(cost is not None and cost[1] for cost in asked):
        unknown = " and what is not known" if None in (*answers, *asked) else ""
        yield f"all together: {_sum((*answers, *asked))}{unknown}"


def _plan_row(plan: ModelPlan) -> list[str]:
    cost = plan.cost_usd
    least, most = plan.output_tokens
    return [
        full_name(plan.model.id),
        str(plan.runs),
        str(plan.stored),
        tokens(plan.input_tokens),
        _range(tokens(least), tokens(most)),
        UNKNOWN if cost is None else _range(dollars(cost[0]), dollars(cost[1])),
        UNKNOWN if plan.time_s is None else duration(plan.time_s),
    ]


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least}-{most}"
