"""What the project promises of its store: it costs little, outlives every kill, and answers fast."""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.plain_result import PlainResult, grouped
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.store import Beginning, Record, Store

from .contest import WINDOW, Contest, Work
from .figures import Figure, shown
from .keeping_kills import kill_and_resume
from .measure import Cost, alternate, measure, median_ratio
from .scale import Scale
from .server import Server
from .table import Row

__all__ = ["KEEPING_FIGURES"]

_NO_STORE = "--bench-store=none"


def store(scale: Scale, folder: Path) -> list[Row]:
    """CPU of the whole command with the store, and without."""
    with Server(0.0) as server:
        contest = Contest(folder, server, scale.work)
        pairs = alternate(
            lambda: contest.plugin().cost.cpu_s,
            lambda: contest.plugin(_NO_STORE).cost.cpu_s,
            scale.short_pairs,
        )
    ratio, without_s = median_ratio(pairs), statistics.median(without for _, without in pairs)
    what = f"CPU of {scale.work.runs:,} runs, zero latency, with the store / {_NO_STORE}"
    return [Row(what, f"{ratio:.2f} x {without_s:.2f} s", "1.15 x", scale.judge(holds=ratio <= 1.15))]


def kill(scale: Scale, folder: Path) -> list[Row]:
    """SIGKILL at random moments of a run, which is then resumed until it is done."""
    chance, runs = random.Random(7), scale.work.runs
    killed = [
        kill_and_resume(folder / str(number), scale.work, [chance.randrange(runs) for _ in range(scale.kills)])
        for number in range(scale.killed)
    ]
    more, whole = max(each.more_a_kill for each in killed), sum(each.is_whole for each in killed)
    in_flight, kills = WINDOW * scale.work.models, sum(each.kills for each in killed)
    what = f"{kills} x SIGKILL in {scale.killed} x {shown(scale.work)}: requests more a kill; stores whole"
    holds = more <= in_flight and whole == scale.killed
    return [Row(what, f"{more:.0f}; {whole}", f"{in_flight}; {scale.killed}", scale.judge(holds=holds))]


def regrade(scale: Scale, folder: Path) -> list[Row]:
    """Judging all stored answers again, and only collecting the same runs."""
    with Server(0.0) as server:
        contest = Contest(folder, server, scale.many)
        contest.plugin()
        pairs = alternate(
            lambda: contest.session("--bench-regrade").wall_s,
            lambda: contest.session("--collect-only").wall_s,
            scale.pairs,
        )
        requests = server.seen().requests
    ratio, collecting_s = median_ratio(pairs), statistics.median(collecting for _, collecting in pairs)
    what = f"--bench-regrade of {scale.many.runs:,} runs / --collect-only"
    measured = f"{ratio:.2f} x {collecting_s:.1f} s, {requests} requests"
    return [Row(what, measured, "2 x, 0 requests", scale.judge(holds=ratio <= 2 and requests == 0))]


def compare(scale: Scale, folder: Path) -> list[Row]:
    """`benchmodels compare` of two stored runs."""
    path, chance = folder / "store.sqlite", random.Random(7)
    with Store.open(path) as stored:
        for _ in range(2):
            run_id = stored.runs.begin(Beginning(("--bench",), "0"))
            stored.results.add(run_id, map(Record, _results(scale.compared, chance)))
            stored.runs.finish(run_id)
    costs = [_compared(path) for _ in range(scale.pairs)]
    wall_s, peak_mb = statistics.median(cost.wall_s for cost in costs), max(cost.peak_mb for cost in costs)
    what = f"compare of two runs of {scale.compared.runs:,} results"
    holds = wall_s < 5 and peak_mb < 500
    return [Row(what, f"{wall_s:.1f} s, {peak_mb:.0f} MB", "5 s, 500 MB", scale.judge(holds=holds))]


def _compared(path: Path) -> Cost:
    return measure(
        [sys.executable, "-m", "pytest_benchmodels.cli", "compare", "-2", "-1", f"--store={path}"], path.parent
    )


def _results(work: Work, chance: random.Random) -> Iterator[Result]:
    """As many as the work has runs, nine of ten passed, whichever these are."""
    for number in range(work.runs):
        scenario, model = f"s{number // work.models}", f"m{number % work.models}"
        passed = chance.random() < 0.9
        yield grouped(
            PlainResult(
                nodeid=f"suite.jsonl::{scenario}[{model}]",
                scenario=scenario,
                model=model,
                trial=1,
                status="passed" if passed else "failed",
                started_at=1e9 + number,
                duration_s=0.5,
                latency_s=0.5,
                attempts=1,
                score=float(passed),
                response=Response("The answer is forty-two.", "stop", Usage(12, 6), 0.5),
                fingerprint=f"{number:032x}",
            )
        )


KEEPING_FIGURES: Mapping[str, Figure] = {"store": store, "kill": kill, "regrade": regrade, "compare": compare}
