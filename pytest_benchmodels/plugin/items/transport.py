"""What crosses from a worker to its controller: results, as a text on a TestReport, and what was collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.plain_result import decode_record, encode_record
from pytest_benchmodels.core.result import Record, Result
from pytest_benchmodels.core.run import file_of, name_in_file
from pytest_benchmodels.plugin.compat import location_name
from pytest_benchmodels.plugin.items.collection import RunItem, asked_models
from pytest_benchmodels.plugin.session.bench import BENCH
from pytest_benchmodels.reports.units import junit_properties, result_properties

if TYPE_CHECKING:
    from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = [
    "WORKER_CRASH",
    "Collected",
    "Reruns",
    "attach",
    "carried_result",
    "complete_crash",
    "decisive_stage",
    "detach",
    "gate_reports",
    "is_of_run",
    "is_rerun",
    "teardown_after",
]

ATTRIBUTE = "bench"
WORKER_CRASH = "worker-crash"
"""The kind of error of a run whose worker died."""
_STAGES: tuple[Literal["call", "teardown"], ...] = ("call", "teardown")


def attach(item: RunItem, report: pytest.TestReport) -> None:
    """Mark a run's report; put the Result and its real times on the one that decides the run's outcome.

    From a worker it travels as a text, for xdist takes plain data apart piece by piece; elsewhere it is taken off again
    in the same process.
    """
    result = item.result
    setattr(report, ATTRIBUTE, None)
    if result is None or report.when != decisive_stage(result):
        return
    report.start, report.stop = result.started_at, result.started_at + result.duration_s
    report.duration = result.duration_s
    record = Record.of_run(item.scenario, result)
    is_worker = item.config.stash[BENCH].worker_config is not None
    setattr(report, ATTRIBUTE, encode_record(record) if is_worker else record)


def decisive_stage(result: Result) -> Literal["setup", "call"]:
    """The stage whose report decides the run's outcome: what has no verdict ends at setup."""
    return "setup" if result.status in ("error", "skipped") else "call"


def is_of_run(report: pytest.TestReport) -> bool:
    """Whether `attach` has seen this report, and `detach` has not."""
    return ATTRIBUTE in report.__dict__


def detach(report: pytest.TestReport) -> Record | None:
    """Take the Result off a report: pytest keeps every report to the end, we keep what we need of it."""
    carried: str | Record | None = report.__dict__.pop(ATTRIBUTE, None)
    if not isinstance(carried, str):
        return carried
    record = decode_record(carried)
    return replace(record, answers=()) if record.result.cached else record  # they are stored already


def is_rerun(report: pytest.TestReport) -> bool:
    """Whether a plugin runs the item again: pytest-rerunfailures marks its report so."""
    return str(report.outcome) == "rerun"


class Reruns:
    """Adds up what runs that a plugin makes again took in all workers.

    A worker's result has the bill of all that this worker made of the run. What a worker that died had made is known
    here only.
    """

    def __init__(self) -> None:
        self._latest: dict[str, Record] = {}  # as they came from a worker
        self._lost: dict[str, Record] = {}  # the last ones of workers that died

    def so_far(self, nodeid: str) -> Record | None:
        """The last one, with the bill of all; None of a run that is made for the first time."""
        latest = self._latest.get(nodeid)
        return None if latest is None else self._whole(latest)

    def add(self, record: Record) -> Record:
        """Take another one, and return it with the bill of all."""
        result = record.result
        before = self._latest.get(result.nodeid)
        # Where no money was left to make the run again, the same result comes once more.
        if before is not None and result.reruns <= before.result.reruns and result != before.result:
            self._lost[result.nodeid] = self._whole(before)
        self._latest[result.nodeid] = record
        return self._whole(record)

    def forget(self, nodeid: str) -> None:
        """The run is over."""
        self._latest.pop(nodeid, None)
        self._lost.pop(nodeid, None)

    def _whole(self, record: Record) -> Record:
        lost = self._lost.get(record.result.nodeid)
        if lost is None:
            return record
        return replace(record, result=record.result.again_after(lost.result), calls=(*lost.calls, *record.calls))


def carried_result(report: pytest.TestReport) -> Result | None:
    """The Result that a worker's report carries; it stays there."""
    carried: str | None = report.__dict__.get(ATTRIBUTE)
    return None if carried is None else decode_record(carried).result


def gate_reports(verdict: GateVerdict) -> Iterator[pytest.TestReport]:
    """A gate as a test case of its own, for JUnit and every other plugin that reads reports.

    JUnit takes a test case's properties from the report of its teardown.
    """
    from pytest_benchmodels.reports.verdicts import gate_case, gate_line  # noqa: PLC0415 - only where there are gates

    text, name = gate_line(verdict), gate_case(verdict)
    for when in _STAGES:
        failed = when == "call" and not verdict.held
        yield pytest.TestReport(
            nodeid=f"gates::{name}",
            location=("gates", None, location_name(name)),
            keywords={},
            outcome="failed" if failed else "passed",
            longrepr=text if failed else None,
            when=when,
            user_properties=[("bench.gate", text)],
        )


def complete_crash(report: pytest.TestReport, result: Result) -> None:
    """Make xdist's report of a crashed worker's run look like that of any run without an answer."""
    report.when = "setup"
    report.location = (file_of(result.nodeid), None, location_name(name_in_file(result.nodeid)))
    report.start, report.stop = result.started_at, result.started_at + result.duration_s
    report.duration = result.duration_s
    report.user_properties = list(junit_properties(result))
    setattr(report, ATTRIBUTE, encode_record(Record(result)))
    extended: Any = report
    extended._json_report_extra = {"metadata": result_properties(result)}  # noqa: SLF001 - how pytest-json-report carries it


def teardown_after(report: pytest.TestReport) -> pytest.TestReport:
    """A report that ends the item of a crashed run as any other's."""
    ending = pytest.TestReport(
        nodeid=report.nodeid,
        location=report.location,
        keywords={},
        outcome="passed",
        longrepr=None,
        when="teardown",
        user_properties=report.user_properties,
    )
    extended: Any = ending
    extended.node = getattr(report, "node", None)
    extended._json_report_extra = getattr(report, "_json_report_extra", {})  # noqa: SLF001 - as in complete_crash
    return ending


_SUFFIX = ".collected"


class Collected(msgspec.Struct, frozen=True):
    """What a worker tells of what it collected: its controller collects nothing, and knows node ids only.

    `files` hold scenarios though the ini `bench_files` names none of them: the conftest.py of a user's format is loaded
    where its file is collected. `asked` are the models that checks ask, each with the node id of a run that wants it.
    """

    files: tuple[str, ...] = ()
    asked: dict[str, str] = {}

    @classmethod
    def of(cls, items: Iterable[pytest.Item], patterns: Sequence[str]) -> Self:
        """What these items bring; `patterns` are those of the ini `bench_files`."""
        runs = [item for item in items if isinstance(item, RunItem)]
        files = {file_of(run.nodeid) for run in runs}
        unnamed = sorted(file for file in files if not any(map(PurePosixPath(file).match, patterns)))
        return cls(tuple(unnamed), asked_models(runs))

    def __bool__(self) -> bool:
        return bool(self.files or self.asked)

    def as_text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        return msgspec.json.decode(text, type=cls)

    def leave(self, marks_path: str) -> None:
        """Leave it beside the worker's marks, for a controller of this machine that cannot be sent it."""
        with suppress(OSError):
            Path(marks_path).with_suffix(_SUFFIX).write_text(self.as_text(), encoding="utf-8")

    @classmethod
    def left(cls, marks_path: Path) -> Self:
        """What the worker with these marks left."""
        path = marks_path.with_suffix(_SUFFIX)
        return cls.from_text(path.read_text(encoding="utf-8")) if path.exists() else cls()
