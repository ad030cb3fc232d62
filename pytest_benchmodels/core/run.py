"""A run and how it is written in a node id; the sessions that a run of the suite is made of."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, NamedTuple, Self

import msgspec

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import Purpose
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.workspace import WorkspaceSpec

__all__ = [
    "COMMAND",
    "MOST_LANES",
    "NO_MODEL",
    "Lanes",
    "Pool",
    "Run",
    "RunName",
    "Session",
    "file_of",
    "lane_group",
    "model_of_group",
    "name_in_file",
    "parse_run_name",
    "run_name",
    "scenario_of",
]

COMMAND = "command"
"""The provider of models that are command-line agents."""

NO_MODEL = "no model"
"""Stands in a node id where nothing names a model: the session then ends with a usage error that says so."""

_NAME = re.compile(r"(?P<scenario>.*)\[(?P<model>[^\[\]]+?)(?:#(?P<trial>\d+))?\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `timeout_s` is its limit in seconds, None for no limit; `trial` counts from 1."""

    nodeid: str
    scenario: Scenario
    model: Model
    trial: int = 1
    timeout_s: float | None = 180.0

    @property
    def workspace(self) -> WorkspaceSpec | None:
        """The workspace that it needs: a model that is a command works in an empty one where the scenario has none."""
        if self.scenario.workspace is None and self.model.provider == COMMAND:
            return WorkspaceSpec()
        return self.scenario.workspace


def file_of(nodeid: str) -> str:
    """`scenarios/maths.yaml` of `scenarios/maths.yaml::add-two[m]`."""
    return nodeid.partition("::")[0]


def scenario_of(nodeid: str) -> str:
    """`scenarios/maths.yaml::add-two` of `scenarios/maths.yaml::add-two[m#2]`: an id is unique in its file only."""
    return nodeid.rpartition("[")[0]


def name_in_file(nodeid: str) -> str:
    """`add-two[m]` of `scenarios/maths.yaml::add-two[m]`."""
    return nodeid.partition("::")[2]


class RunName(NamedTuple):
    scenario: str
    model: str
    trial: int


def run_name(scenario: str, model: str, trial: int | None) -> str:
    """`add-two[openai/gpt-4o-mini]`, or `add-two[openai/gpt-4o-mini#2]` where there are several trials."""
    return f"{scenario}[{model}]" if trial is None else f"{scenario}[{model}#{trial}]"


def parse_run_name(nodeid: str) -> RunName | None:
    """Read back the last part of a node id; None if it has another shape.

    `scenario` keeps the file: `scenarios/maths.yaml::add-two`.
    """
    match = _NAME.fullmatch(nodeid)
    if match is None:
        return None
    return RunName(match["scenario"], match["model"], int(match["trial"] or 1))


MOST_LANES = 1_000_000
"""More runs at once than any machine has connections for: a number that every file can hold, and divides."""

Lanes = Annotated[int, msgspec.Meta(ge=1, le=MOST_LANES)]
"""How many runs of a model may be in flight; a file that says another number is damaged."""


def lane_group(model: str, purpose: Purpose = "answer") -> str:
    """The group of calls that share lanes: the answers of one model, or whatever checks ask it."""
    # A model's id never has such brackets, so groups cannot clash.
    return model if purpose == "answer" else f"{model}[judge]"


def model_of_group(group: str) -> str:
    """The id of the model whose lanes these are."""
    return group.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Pool:
    """Models that share one limit on calls in flight: what a provider counts together."""

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
