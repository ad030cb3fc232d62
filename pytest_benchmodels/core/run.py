"""Run: scenario x model x trial, and how it is written in a node id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.scenario import Scenario

__all__ = ["NO_MODEL", "Run", "RunName", "file_of", "name_in_file", "parse_run_name", "run_name", "scenario_of"]

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
