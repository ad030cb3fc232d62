"""What a report is given of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pytest_benchmodels.core.comparison import Comparison
from pytest_benchmodels.core.coverage import Coverage
from pytest_benchmodels.core.metrics import Figures
from pytest_benchmodels.core.ranking import Ranking
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.verdict import GateVerdict

from .bench_json import BenchRun

__all__ = ["Evaluation"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run, its figures, and what they were held against.

    `figures` are those of exactly the results that are written with them. `baseline` names the run of the
    `comparison`; both are None where there is none, and so is `ranking` where there is nothing to rank. `coverage` says
    how many runs there were to be, None where nobody knows; `not_started` names those without a result, as far as that
    is known. `results` gives the runs' last results, one after another, anew each time that it is called.
    """

    run: BenchRun
    figures: Figures
    gates: tuple[GateVerdict, ...] = ()
    ranking: Ranking | None = None
    comparison: Comparison | None = None
    baseline: str | None = None
    coverage: Coverage | None = None
    not_started: tuple[str, ...] = ()
    results: Callable[[], Iterable[Result]] = tuple
