"""A session's part in a run: it may be the work of several, as where one was interrupted and another finished it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Self

import msgspec

from pytest_benchmodels.core.result import Purpose

__all__ = ["MOST_LANES", "Lanes", "Pool", "Session", "lane_group", "model_of_group"]

MOST_LANES = 1_000_000
"""More runs at once than any machine has connections for: a number that every file can hold, and divides."""

Lanes = Annotated[int, msgspec.Meta(ge=1, le=MOST_LANES)]
"""How many runs of a model may be in flight; a file that says another number is damaged."""


def lane_group(model: str, purpose: Purpose = "answer") -> str:
    """What calls have lanes in common: those for answers of one model, or those for another purpose."""
    return model if purpose == "answer" else f"{model}[{purpose}]"  # no model's id has such brackets


def model_of_group(group: str) -> str:
    """The id of the model whose lanes these are."""
    return group.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Pool:
    """Models that have a maximum in flight in common: what a provider counts together."""

    models: tuple[str, ...]
    most: Lanes


@dataclass(frozen=True, slots=True)
class Session:
    """When a session began, and how many runs of one model it allowed at once.

    `started_at` is in seconds since the epoch. `windows` are the numbers of models that had another than `concurrency`,
    `pools` those that several models had together.
    """

    started_at: float
    concurrency: Lanes
    windows: Mapping[str, Lanes] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()

    @classmethod
    def of(cls, started_at: float, concurrency: int, windows: Mapping[str, int], pools: Collection[Pool] = ()) -> Self:
        """A session whose `windows` are those of all its models."""
        others = {model: min(most, MOST_LANES) for model, most in windows.items() if most != concurrency}
        shared = tuple(replace(pool, most=min(pool.most, MOST_LANES)) for pool in pools)
        return cls(started_at, min(concurrency, MOST_LANES), others, shared)
