"""`benchmodels gate`: whether a run holds to rules."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pytest_benchmodels.cli.commands import add_labels, add_run, add_store, completes_runs
from pytest_benchmodels.cli.evaluation import TimedTally, find_labels
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.source import open_source
from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.reports.verdicts import gate_line, gate_plain
from pytest_benchmodels.statistics.gates import parse_gates
from pytest_benchmodels.statistics.verdict import Measured, judge_all

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("rules", nargs="+", metavar="EXPR", help="a rule as --bench-gate takes it: 'pass_rate >= 0.9'")
    completes_runs(
        parser.add_argument("--baseline", metavar="RUN", help="what `baseline` in a rule means: a run or a file")
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_labels(parser)
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    gates = parse_gates(arguments.rules, "--baseline" if arguments.baseline is None else None)
    measured = _measured(arguments.run_name, arguments.store, find_labels(arguments.labels))
    baseline = None if arguments.baseline is None else _measured(arguments.baseline, arguments.store)
    verdicts = judge_all(gates, measured, baseline)
    held = all(verdict.held for verdict in verdicts)
    if arguments.json:
        output.document({"held": held, "gates": list(map(gate_plain, verdicts))})
    else:
        for verdict in verdicts:
            output.line(gate_line(verdict), "good" if verdict.held else "bad")
    return int(not held)


def _measured(name: str, store: str | None, labels: Labels | None = None) -> Measured:
    with open_source(name, store) as source:
        tally = TimedTally(source.results(), source.run.sessions, labels=labels)
        return tally.measured(source.coverage(tally))
