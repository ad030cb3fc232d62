"""What the session's figures come to: compared with a baseline, held against gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_benchmodels.core.errors import BenchError, ConfigError
from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.statistics.changes import Conditions
from pytest_benchmodels.statistics.gates import Gate
from pytest_benchmodels.statistics.run_tally import RunTally
from pytest_benchmodels.statistics.ze_scores import ZeModel

if TYPE_CHECKING:
    from pytest_benchmodels.core.run import Pool
    from pytest_benchmodels.plugin.options import Settings
    from pytest_benchmodels.reports.bench_json import BenchDocument
    from pytest_benchmodels.statistics.comparison import Comparison
    from pytest_benchmodels.statistics.metrics import Figures
    from pytest_benchmodels.statistics.outcomes import Coverage
    from pytest_benchmodels.statistics.ranking import Ranking
    from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["Baseline", "Verdicts", "read_baseline"]


class Baseline(NamedTuple):
    """A run to compare with, and its name for a reader."""

    name: str
    tally: RunTally


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
        conditions = Conditions(run.plugin_version, run.shard)
        tally = RunTally(store.results.of(run.id), conditions)
        conditions.expect(store.runs.extent(run).nodeids)
        return Baseline(f"run {run.id}", tally)


def _baseline_file(name: str, document: BenchDocument) -> Baseline:
    conditions = Conditions(document.text("plugin_version"), document.text("shard") or None)
    tally = RunTally(document.results(), conditions)
    conditions.expect(document.not_started)
    return Baseline(name, tally)


class Verdicts:
    """Collects a session's results, and judges them at the end: against gates, and against a baseline.

    `conditions` are empty ones, of this session. They are filled where there is something to compare with. `labels` are
    people's, None where bench.toml names none.
    """

    def __init__(
        self,
        gates: tuple[Gate, ...],
        baseline: Baseline | None,
        conditions: Conditions,
        labels: Labels | None = None,
    ) -> None:
        self._gates = gates
        self._baseline = baseline
        self._results = RunTally(conditions=None if baseline is None else conditions, labels=labels)

    @property
    def decide(self) -> bool:
        """Whether gates decide the exit status, in place of single results."""
        return bool(self._gates)

    def foresee(self, models: Collection[str]) -> None:
        """Raise `ConfigError` where a gate cannot be judged, whatever becomes of these models' runs."""
        if not (self._gates and models):
            return
        from pytest_benchmodels.statistics.verdict import foreseen_fault  # noqa: PLC0415 - only where there are gates

        baseline = self._baseline.tally.measured() if self._baseline else None
        faults = [(gate, foreseen_fault(gate, models, baseline)) for gate in self._gates]
        problems = [f"gate {quote(gate.text, 120)}: {fault}" for gate, fault in faults if fault is not None]
        if problems:
            raise ConfigError("\n".join(problems))

    def add(self, result: Result) -> None:
        """Count a run's end; its answer is not kept."""
        self._results.add(result)

    def figures(self, lanes: int, windows: Mapping[str, int], pools: Iterable[Pool]) -> Figures:
        """The figures so far; see `Tally.figures`."""
        return self._results.tally.figures(lanes, windows, pools)

    @property
    def ze_models(self) -> tuple[ZeModel, ...]:
        """The models' scores over suites of ze-benchmarks; empty where there are none."""
        return self._results.ze.models

    def coverage(self, nodeids: Iterable[str]) -> Coverage:
        """How many runs there were to be; `nodeids` are those that were collected."""
        return self._results.coverage(nodeids)

    def not_started(self, nodeids: Iterable[str]) -> tuple[str, ...]:
        """Those of the collected runs that have no result."""
        return self._results.not_started(nodeids)

    def gates(self, nodeids: Iterable[str]) -> tuple[GateVerdict, ...]:
        """Each gate's verdict; see `RunTally.judged`."""
        if not self._gates:
            return ()
        before = self._baseline.tally if self._baseline else None
        return self._results.judged(self._gates, self.coverage(nodeids), before)

    @property
    def baseline(self) -> str | None:
        """The name of the run to compare with, None if there is none."""
        return self._baseline.name if self._baseline else None

    @cached_property
    def comparison(self) -> Comparison | None:
        """This session against the baseline. To be asked for when all outcomes are in."""
        return None if self._baseline is None else self._results.compared_with(self._baseline.tally)

    @cached_property
    def ranking(self) -> Ranking | None:
        """The models' order, None where there is nothing to rank. To be asked for when all outcomes are in."""
        return self._results.ranking()

    def close(self, nodeids: Iterable[str]) -> None:
        """All outcomes are in; `nodeids` are those that were collected."""
        if self._results.conditions is not None:
            self._results.conditions.expect(nodeids)

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
