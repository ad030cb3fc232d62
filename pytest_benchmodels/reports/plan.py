"""What a session would take, before it begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.reports.units import UNKNOWN, aligned, dollars, duration, full_name, plural, tokens

__all__ = ["ModelPlan", "plan_lines"]

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


def plan_lines(plans: Sequence[ModelPlan], asked: Mapping[str, int] | None = None) -> list[str]:
    """A table with one row for each model, and what all of it comes to.

    `asked` are the models that checks ask, and by how many runs: how often, and for how much, the checks alone know.
    """
    if not plans:
        return ["nothing would run"]
    times = [plan.time_s for plan in plans]
    costs = [plan.cost_usd for plan in plans]
    total = [cost for cost in costs if cost is not None]
    known_times = [time_s for time_s in times if time_s is not None]
    least, most = sum(cost[0] for cost in total), sum(cost[1] for cost in total)
    unknown = (
        f" and what {plural(len(costs) - len(total), 'model')} of unknown price would cost" if None in costs else ""
    )
    runs = plural(sum(plan.runs for plan in plans), "run")
    partly = " for the models whose durations are known" if known_times and None in times else ""
    longest = duration(max(known_times)) if known_times else "unknown"
    return [
        *aligned(_TITLES, list(map(_row, plans)), frozenset(("model",))),
        f"{runs} would run, {_range(dollars(least), dollars(most))}{unknown}",
        f"expected time: {longest}{partly}",
        *(f"checks ask {full_name(name)} too: {_judging(count)}" for name, count in (asked or {}).items()),
    ]


def _judging(count: int) -> str:
    return f"at {plural(count, 'run')}, at a cost that is not known before"


def _row(plan: ModelPlan) -> list[str]:
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
