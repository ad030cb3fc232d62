"""What the project promises of 100,000 runs, a tenth of them wrong: that nothing grows faster than their number."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pytest_benchmodels.store import Store

from .contest import Contest, Done, Work
from .figures import Figure, per_run, shown
from .measure import measure, slope
from .scale import Scale
from .server import Server
from .table import Row

__all__ = ["MANY_FIGURES", "Growth"]

_AFTER_S = 5.0
_RUN_KB = 8.0
_COMMAND_S = 20.0
_RATIO = 1.2
_MAKESPAN = re.compile(r"makespan [\d.]+ s, lower bound [\d.]+ s \(\d+%\)")


@dataclass(frozen=True, slots=True)
class Growth:
    """What each further run costs, from sessions of one, of some and of many runs.

    `each_kb` (10**3 bytes) is of the largest process, `together_kb` of all. `cpu_ratio` is the CPU of a run between
    some and many, over that of one between one and some.
    """

    each_kb: float
    together_kb: float
    cpu_ms: float
    cpu_ratio: float

    @classmethod
    def of(cls, one: tuple[int, Done], some: tuple[int, Done], many: tuple[int, Done]) -> Growth:
        """Each with its number of runs."""
        (least, first), (less, second), (more, third) = one, some, many
        early_s = slope((least, first.cost.cpu_s), (less, second.cost.cpu_s))
        late_s = slope((less, second.cost.cpu_s), (more, third.cost.cpu_s))
        return cls(
            each_kb=1000 * slope((less, second.cost.peak_mb), (more, third.cost.peak_mb)),
            together_kb=1000 * slope((less, second.cost.together_mb), (more, third.cost.together_mb)),
            cpu_ms=1000 * late_s,
            cpu_ratio=late_s / early_s,
        )


def many(scale: Scale, folder: Path) -> list[Row]:
    """Sessions of many runs in one process and with workers; then what reads the store that the first one left."""
    with Server(0.0) as server:
        one, some, most = (
            Contest(folder, server, work) for work in (Work(1, scale.huge.models), scale.large, scale.huge)
        )
        rows: list[Row] = []
        workers = scale.huge_workers
        for place, options in (("one process", ()), (f"-n {workers}", (f"-n{workers}",))):
            done = [contest.watched(*options) for contest in (one, some, most)]
            rows += _session_rows(scale, place, done)
            if not options:
                rows += _command_rows(scale, most, server)
        rows.append(_hour_row(*(Contest(folder, server, work) for work in (scale.work, scale.more))))
    return rows


def _hour_row(less: Contest, more: Contest) -> Row:
    """How fast the machine is in this hour: the limits in seconds are of one in which this took 1.7 ms."""
    bare_s = per_run(less, more, lambda contest: contest.bare_loop().cost)
    return Row("CPU of a request of the bare httpx loop, in the same hour", f"{1000 * bare_s:.2f} ms")


def _session_rows(scale: Scale, place: str, done: list[Done]) -> Iterator[Row]:
    runs = (scale.huge.models, scale.large.runs, scale.huge.runs)
    growth, last = Growth.of(*zip(runs, done, strict=True)), done[-1]
    name = f"{shown(scale.huge)}, {scale.huge.failed:,} wrong, {place}"
    made = _MAKESPAN.search(last.cost.output)
    yield Row(
        f"from the last answer to the end of {name}",
        f"{last.after_s:.1f} s of {last.cost.wall_s:.0f} s; {made.group() if made else 'no makespan'}",
        f"{_AFTER_S:.0f} s",
        scale.judge(holds=last.after_s <= _AFTER_S),
    )
    yield Row(
        f"memory of each further run, {place}: largest process (all)",
        f"{growth.each_kb:.1f} kB ({growth.together_kb:.1f} kB), in the end {last.cost.peak_mb:.0f} MB "
        f"({last.cost.together_mb:.0f} MB)",
        f"{_RUN_KB:.0f} kB",
        scale.judge(holds=growth.each_kb <= _RUN_KB),
    )
    yield Row(
        f"CPU of each run beyond {scale.large.runs:,} / up to there, {place}",
        f"{growth.cpu_ratio:.2f} x {growth.cpu_ms / growth.cpu_ratio:.2f} ms",
        f"{_RATIO} x",
        scale.judge(holds=growth.cpu_ratio <= _RATIO),
    )


def _command_rows(scale: Scale, contest: Contest, server: Server) -> Iterator[Row]:
    """How long each command takes that reads the whole store; none may ask a model anything."""
    path = contest.folder / ".benchmodels" / "store.sqlite"
    failed = 1 if contest.work.failed else 0
    _leave_unfinished(path)
    resume = measure(contest.plugin_command("--bench-resume"), contest.folder, status=failed)
    # It leaves a second run, so that there is something to compare.
    regrade = measure(contest.plugin_command("--bench-regrade"), contest.folder, status=failed)
    seconds = {"--bench-resume, all runs there": resume.wall_s, "--bench-regrade": regrade.wall_s}
    for words in (["list"], ["show", "-1"], ["compare", "-2", "-1"], ["report", "-1", "--html=report.html"]):
        command = [sys.executable, "-m", "pytest_benchmodels.cli", *words, f"--store={path}"]
        seconds[f"benchmodels {words[0]}"] = measure(command, contest.folder).wall_s
    requests = server.seen().requests
    for name, wall_s in seconds.items():
        yield Row(
            f"{name} with {scale.huge.runs:,} stored runs",
            f"{wall_s:.1f} s, {requests} requests",
            f"{_COMMAND_S:.0f} s, 0 requests",
            scale.judge(holds=wall_s <= _COMMAND_S and not requests),
        )


def _leave_unfinished(path: Path) -> None:
    """As if the newest run's process had been killed after its last result."""
    with closing(Store.open(path)) as store:
        run_id = store.runs.find("latest").id
        store.runs.resume(run_id)
        store.runs.interrupt(run_id)


MANY_FIGURES: Mapping[str, Figure] = {"many": many}
