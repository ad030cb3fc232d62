"""`benchmodels list`: the runs of a store."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from typing import NamedTuple

from pytest_benchmodels.cli.commands import add_store, count
from pytest_benchmodels.cli.evaluation import TimedTally
from pytest_benchmodels.cli.output import Output, moment, plain_run
from pytest_benchmodels.cli.source import read_store
from pytest_benchmodels.reports.units import aligned, dollars, one_line
from pytest_benchmodels.statistics.metrics import Figures
from pytest_benchmodels.store import Store, StoredRun

__all__ = ["add_arguments", "run"]

_SHOWN = 20
_TITLES = ("run", "began", "state", "results", "passed", "failed", "timeout", "error", "skipped", "cost", "models")
_LEFT = frozenset(("run", "began", "state", "models", "command"))
_TEXT_LIMIT = 60


class _Entry(NamedTuple):
    run: StoredRun
    figures: Figures

    @property
    def models(self) -> list[str]:
        return [model.model for model in self.figures.models]

    @property
    def cost_usd(self) -> float | None:
        """US dollars; None if the cost of any model is unknown."""
        costs = [model.cost_usd for model in self.figures.models]
        known = [cost for cost in costs if cost is not None]
        unpriced = any(model.unpriced for model in self.figures.models)
        return sum(known) if known and not unpriced else None

    @property
    def known_cost_usd(self) -> float:
        """US dollars that are known to be spent."""
        return sum(model.known_cost_usd for model in self.figures.models)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-n", "--newest", type=count, default=_SHOWN, metavar="N", help="only the newest N (default: 20, 0 for all)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    with read_store(arguments.store) as store:
        runs = store.runs.newest_first()
        shown = runs[: arguments.newest or None]
        entries = [_entry(store, run) for run in shown]
    if arguments.json:
        output.document(list(map(_plain, entries)))
    elif not entries:
        output.line("this store has no runs; `pytest --bench` makes them")
    else:
        _write(output, entries)
        if len(runs) > len(shown):
            output.line(f"and {len(runs) - len(shown)} older; --newest 0 shows all")
    return 0


def _entry(store: Store, run: StoredRun) -> _Entry:
    return _Entry(run, TimedTally(store.results.of(run.id), run.sessions).figures())


def _write(output: Output, entries: list[_Entry]) -> None:
    titles, *lines = aligned((*_TITLES, "command"), list(map(_row, entries)), _LEFT)
    output.line(titles, "title")
    for line, entry in zip(lines, entries, strict=True):
        output.line(line, "bad" if entry.run.state == "interrupted" else None)


def _row(entry: _Entry) -> list[str]:
    run = entry.run
    shard = f" {run.shard}" if run.shard else ""
    return [
        one_line(run.id, _TEXT_LIMIT),
        moment(run.started_at),
        one_line(f"{run.state}{shard}", _TEXT_LIMIT),
        str(entry.figures.runs) if run.total is None else f"{entry.figures.runs}/{run.total}",
        *map(str, entry.figures.statuses.values()),
        dollars(entry.cost_usd, entry.known_cost_usd),
        one_line(", ".join(entry.models), _TEXT_LIMIT) or "-",
        one_line(shlex.join(run.command), _TEXT_LIMIT),
    ]


def _plain(entry: _Entry) -> dict[str, object]:
    return {
        **plain_run(entry.run),
        "results": entry.figures.runs,
        "statuses": entry.figures.statuses,
        "models": entry.models,
        "cost_usd": entry.cost_usd,
        "known_cost_usd": entry.known_cost_usd,
    }
