"""`benchmodels list`: the runs of a store."""

from __future__ import annotations

import math
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from pytest_benchmodels.cli.commands import add_store, count
from pytest_benchmodels.cli.output import Output, moment, plain_run
from pytest_benchmodels.cli.source import read_store
from pytest_benchmodels.core.result import Result, Status
from pytest_benchmodels.reports.units import aligned, dollars, one_line
from pytest_benchmodels.store import Store, StoredRun

__all__ = ["add_arguments", "run"]

_SHOWN = 20
_STATUSES: tuple[Status, ...] = ("passed", "failed", "timeout", "error", "skipped")
_TITLES = ("run", "began", "state", "results", *_STATUSES, "cost", "models")
_LEFT = frozenset(("run", "began", "state", "models", "command"))
_TEXT_LIMIT = 60


class _Entry(NamedTuple):
    """A run with what is listed of its results: the figures of `statistics` would take thrice as long.

    `cost_usd` is in US dollars, None if any part of it is unknown; `known_cost_usd` adds up the parts that are known.
    """

    run: StoredRun
    statuses: Mapping[Status, int]
    models: list[str]
    cost_usd: float | None
    known_cost_usd: float

    @classmethod
    def of(cls, run: StoredRun, results: Iterable[Result]) -> Self:
        statuses: dict[Status, int] = dict.fromkeys(_STATUSES, 0)
        models: set[str] = set()
        costs: list[float] = []
        is_whole = True
        for result in results:
            statuses[result.status] += 1
            models.add(result.model)
            known_usd = result.spent.known_cost_usd
            if result.cost_usd is not None or known_usd:
                costs.append(known_usd)
            is_whole = is_whole and not result.is_unpriced
        known_cost_usd = math.fsum(costs)
        cost_usd = known_cost_usd if costs and is_whole else None
        return cls(run, statuses, sorted(models), cost_usd, known_cost_usd)

    @property
    def results(self) -> int:
        return sum(self.statuses.values())


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
    return _Entry.of(run, store.results.of(run.id))


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
        str(entry.results) if run.total is None else f"{entry.results}/{run.total}",
        *map(str, entry.statuses.values()),
        dollars(entry.cost_usd, entry.known_cost_usd),
        one_line(", ".join(entry.models), _TEXT_LIMIT) or "-",
        one_line(shlex.join(run.command), _TEXT_LIMIT),
    ]


def _plain(entry: _Entry) -> dict[str, object]:
    return {
        **plain_run(entry.run),
        "results": entry.results,
        "statuses": dict(entry.statuses),
        "models": entry.models,
        "cost_usd": entry.cost_usd,
        "known_cost_usd": entry.known_cost_usd,
    }
