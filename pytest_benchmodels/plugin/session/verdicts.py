"""What the session's figures come to: compared with a baseline, held against gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels.core.errors import BenchError, ConfigError
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.statistics.changes import Conditions
from pytest_benchmodels.statistics.gates import Gate
from pytest_benchmodels.statistics.metrics import Tally
from pytest_benchmodels.statistics.outcomes import (
    Coverage,
    CoverageTally,
    Outcome,
    graded_scenarios,
    is_ranked,
    not_started,
)

if TYPE_CHECKING:
    from pytest_benchmodels.plugin.options import Settings
    from pytest_benchmodels.reports.bench_json import BenchDocument
    from pytest_benchmodels.statistics.comparison import Comparison
    from pytest_benchmodels.statistics.verdict import GateVerdict, Measured, Ranking

__all__ = ["Baseline", "Verdicts", "read_baseline"]


class Baseline:
    """A run to compare with: its name for a reader, its figures, its outcomes, and the conditions they came from."""

    def __init__(self, name: str, results: Iterable[Result], conditions: Conditions) -> None:
        self.name = name
        self.conditions = conditions
        self.tally = Tally()
        self.coverage = CoverageTally()
        for result in results:
            self.tally.add(result)
            self.coverage.add(result)
            conditions.add(result)

    @property
    def outcomes(self) -> list[Outcome]:
        return self.conditions.outcomes


def read_baseline(settings: Settings, folder: Path) -> Baseline | None:
    """The run that `--bench-compare` names; raise `pytest.UsageError` if there is none."""
    name = settings.compare
    if name is None:
        return None
    file = folder / name
    try:
        if file.is_file():
            from pytest_benchmodels.reports.bench_json import read_bench_json  # noqa: PLC0415 - rare

            return _baseline_file(name, read_bench_json(file))
        return _stored_baseline(settings.store, name)
    except BenchError as error:
        raise pytest.UsageError(f"--bench-compare: {error}") from None


def _stored_baseline(path: Path | None, name: str) -> Baseline:
    from pytest_benchmodels.store import Store  # noqa: PLC0415 - rare

    if path is None or not path.exists():
        raise pytest.UsageError(f"--bench-compare: there is no file {name!r}, and no store to look for a run")
    with Store.open_to_read(path) as store:
        run = store.runs.find(name)
        baseline = Baseline(f"run {run.id}", store.results.of(run.id), Conditions(run.plugin_version, run.shard))
        baseline.conditions.expect(store.runs.extent(run).nodeids)
        return baseline


def _conditions(document: BenchDocument) -> Conditions:
    return Conditions(document.text("plugin_version"), document.text("shard") or None)


def _baseline_file(name: str, document: BenchDocument) -> Baseline:
    baseline = Baseline(name, document.results(), _conditions(document))
    baseline.conditions.expect(document.not_started)
    return baseline


class Verdicts:
    """Collects outcomes, and judges them at the end.

    `conditions` are empty ones, of this session. They are filled where there is something to compare with.
    """

    def __init__(self, gates: tuple[Gate, ...], baseline: Baseline | None, conditions: Conditions) -> None:
        self._gates = gates
        self._baseline = baseline
        self._conditions = conditions
        self._outcomes: list[Outcome] = []
        self._coverage = CoverageTally()

    @property
    def decide(self) -> bool:
        """Whether gates decide the exit status, in place of single results."""
        return bool(self._gates)

    def foresee(self, models: Collection[str]) -> None:
        """Raise `ConfigError` where a gate cannot be judged, whatever becomes of these models' runs."""
        if not (self._gates and models):
            return
        from pytest_benchmodels.statistics.verdict import foreseen_fault  # noqa: PLC0415 - only where there are gates

        baseline = self._measured_baseline
        faults = [(gate, foreseen_fault(gate, models, baseline)) for gate in self._gates]
        problems = [f"gate {quote(gate.text, 120)}: {fault}" for gate, fault in faults if fault is not None]
        if problems:
            raise ConfigError("\n".join(problems))

    def add(self, result: Result) -> None:
        """Remember what became of a run; its answer is not kept."""
        self._outcomes.append(Outcome.of(result))
        self._coverage.add(result)
        if self._baseline is not None:
            self._conditions.add(result)

    def coverage(self, nodeids: Iterable[str]) -> Coverage:
        """How many runs there were to be; `nodeids` are those that were collected."""
        return self._coverage.coverage(nodeids)

    def not_started(self, nodeids: Iterable[str]) -> tuple[str, ...]:
        """Those of the collected runs that have no result."""
        return not_started(nodeids, self._outcomes)

    def gates(self, tally: Tally, nodeids: Iterable[str]) -> tuple[GateVerdict, ...]:
        """Each gate's verdict, or verdicts where it is asked of each model; and those of what gates imply."""
        if not self._gates:
            return ()
        from pytest_benchmodels.statistics.verdict import judge_all  # noqa: PLC0415 - only where there are gates

        measured = _measured(tally, self.coverage(nodeids), self._outcomes)
        return judge_all(self._gates, measured, self._measured_baseline)

    @property
    def _measured_baseline(self) -> Measured | None:
        before = self._baseline
        return _measured(before.tally, before.coverage.coverage(), before.outcomes) if before else None

    @property
    def baseline(self) -> str | None:
        """The name of the run to compare with, None if there is none."""
        return self._baseline.name if self._baseline else None

    @cached_property
    def comparison(self) -> Comparison | None:
        """This session against the baseline. To be asked for when all outcomes are in."""
        if self._baseline is None:
            return None
        from pytest_benchmodels.statistics.comparison import compare_runs  # noqa: PLC0415 - only where there is a baseline

        return compare_runs(self._baseline.conditions, self._conditions)

    @cached_property
    def ranking(self) -> Ranking | None:
        """The models' order, None where there is nothing to rank. To be asked for when all outcomes are in."""
        if not is_ranked(self._outcomes):
            return None
        from pytest_benchmodels.statistics.verdict import rank  # noqa: PLC0415 - only where there is a rank

        return rank(self._outcomes)

    def close(self, nodeids: Iterable[str]) -> None:
        """All outcomes are in; `nodeids` are those that were collected."""
        if self._baseline is not None:
            self._conditions.expect(nodeids)

    def sections(self, gates: Sequence[GateVerdict], width: int) -> Iterator[tuple[str, list[str]]]:
        """What stands before the summary: titles, each with its lines."""
        if self.ranking is not None:
            from pytest_benchmodels.reports.verdicts import ranking_lines  # noqa: PLC0415 - see ranking

            yield "model ranking", ranking_lines(self.ranking, width)
        if self.comparison is not None and self.baseline is not None:
            from pytest_benchmodels.reports.comparison import comparison_lines  # noqa: PLC0415 - see comparison

            yield "comparison", comparison_lines(self.comparison, self.baseline, width)
        if gates:
            from pytest_benchmodels.reports.verdicts import gate_line  # noqa: PLC0415 - see gates

            yield "gates", list(map(gate_line, gates))


def _measured(tally: Tally, coverage: Coverage, outcomes: Iterable[Outcome]) -> Measured:
    from pytest_benchmodels.statistics.verdict import Measured  # noqa: PLC0415 - only where there are gates

    return Measured(tally.overall(), tally.figures(1).models, coverage, graded_scenarios(outcomes))
