"""What the project promises about speed, measured: each figure is a comparison within one run of this command."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

from .contest import Contest, Work, pytest_command
from .measure import Cost, alternate, measure, median_difference, median_ratio, slope
from .scale import Scale
from .server import Server
from .table import Row

__all__ = ["FIGURES", "Figure", "per_run", "shown"]

Figure = Callable[[Scale, Path], list[Row]]

_NO_CACHE = ("-p", "no:cacheprovider")
_TRIVIAL = "import pytest\n\n\n@pytest.mark.parametrize('number', range({count}))\ndef test_trivial(number): pass\n"


def shown(work: Work) -> str:
    """`1,161 runs (387 x 3)`."""
    return f"{work.runs:,} runs ({work.scenarios:,} x {work.models})"


def wall(scale: Scale, folder: Path) -> list[Row]:
    """The whole command in one process, and a bare loop with the same window; then with durations of last time."""
    with Server(scale.median_s) as server:
        contest = Contest(folder, server, scale.work)
        plain = alternate(
            lambda: contest.plugin(*_NO_CACHE).cost.wall_s, lambda: contest.bare_loop().cost.wall_s, scale.pairs
        )
        contest.plugin()  # leaves the durations
        informed = alternate(
            lambda: contest.plugin().cost.wall_s, lambda: contest.bare_loop().cost.wall_s, max(1, scale.pairs - 1)
        )
    what = f"wall of {shown(scale.work)} in one process / bare loop"
    return [_wall_row(scale, what, plain), _wall_row(scale, f"{what}, durations known", informed)]


def _wall_row(scale: Scale, what: str, pairs: list[tuple[float, float]]) -> Row:
    beyond_s = median_difference((ours, 1.03 * bare) for ours, bare in pairs)
    bare_s = statistics.median(bare for _, bare in pairs)
    measured = f"{median_ratio(pairs):.2f} x {bare_s:.1f} s, that is 1.03 x {beyond_s:+.2f} s"
    return Row(what, measured, "1.03 x + 0.7 s", scale.judge(holds=beyond_s <= 0.7))


def xdist(scale: Scale, folder: Path) -> list[Row]:
    """The whole command through xdist's workers, and a hand-written test file through as many."""
    workers = f"-n{scale.workers}"
    with Server(scale.median_s) as server:
        contest = Contest(folder, server, scale.work)
        pairs = alternate(
            lambda: contest.plugin(workers, *_NO_CACHE).cost.wall_s,
            lambda: contest.handwritten(workers).cost.wall_s,
            scale.pairs,
        )
    ratio, theirs_s = median_ratio(pairs), statistics.median(theirs for _, theirs in pairs)
    what = f"wall of {shown(scale.work)} with -n {scale.workers} / hand-written tests"
    return [Row(what, f"{ratio:.2f} x {theirs_s:.1f} s", "0.5 x", scale.judge(holds=ratio <= 0.5))]


def cpu(scale: Scale, folder: Path) -> list[Row]:
    """CPU per run without latency: the slope between two amounts of work."""
    with Server(0.0) as server:
        less, more = Contest(folder, server, scale.work), Contest(folder, server, scale.more)

        def ours_s() -> float:
            return per_run(less, more, lambda contest: contest.plugin().cost)

        def bare_s() -> float:
            return per_run(less, more, lambda contest: contest.bare_loop().cost)

        pairs = alternate(ours_s, bare_s, scale.pairs)
    ratio, theirs_s = median_ratio(pairs), statistics.median(theirs for _, theirs in pairs)
    measured = f"{ratio:.2f} x {theirs_s * 1000:.2f} ms"
    return [Row("CPU of a run, zero latency / bare loop", measured, "1.5 x", scale.judge(holds=ratio <= 1.5))]


def aiohttp(scale: Scale, folder: Path) -> list[Row]:
    """CPU per run without latency beside both bare loops: the heavy client's, and the light one's."""
    with Server(0.0) as server:
        less, more = Contest(folder, server, scale.work), Contest(folder, server, scale.more)
        sides = [
            (*(per_run(less, more, contender) for contender in _CLIENTS.values()), _per_trivial_test(scale, folder))
            for _ in range(scale.pairs)
        ]
    rows = []
    for side, (name, limit) in enumerate((("httpx", 0.5), ("aiohttp", 2.5)), 1):
        ratio = statistics.median(each[0] / each[side] for each in sides)
        theirs_s = statistics.median(each[side] for each in sides)
        rows.append(
            Row(
                f"CPU of a run, zero latency / bare {name} loop",
                f"{ratio:.2f} x {theirs_s * 1000:.2f} ms",
                f"{limit} x",
                scale.judge(holds=ratio <= limit),
            )
        )
    ratio = statistics.median(ours / (light + test) for ours, _, light, test in sides)
    test_ms = 1000 * statistics.median(test for *_, test in sides)
    what = "the same / a request of the bare aiohttp loop and an empty test of pytest's together"
    return [*rows, Row(what, f"{ratio:.2f} x, an empty test takes {test_ms:.2f} ms")]


def _per_trivial_test(scale: Scale, folder: Path) -> float:
    """CPU, in seconds, that pytest takes for a test which does nothing."""
    counts = scale.work.runs, scale.more.runs
    small, large = (
        measure(pytest_command("-p", "no:benchmodels", *_NO_CACHE), _trivial(folder, count)).cpu_s for count in counts
    )
    return slope((counts[0], small), (counts[1], large))


_CLIENTS: Mapping[str, Callable[[Contest], Cost]] = {
    "ours": lambda contest: contest.plugin().cost,
    "httpx": lambda contest: contest.bare_loop().cost,
    "aiohttp": lambda contest: contest.aiohttp_loop().cost,
}


def workers(scale: Scale, folder: Path) -> list[Row]:
    """CPU per run without latency of two workers and their controller together, beside one process."""
    with Server(0.0) as server:
        less, more = Contest(folder, server, scale.work), Contest(folder, server, scale.more)
        pairs = alternate(
            lambda: per_run(less, more, lambda contest: contest.plugin("-n2").cost),
            lambda: per_run(less, more, lambda contest: contest.plugin().cost),
            scale.pairs,
        )
    ratio, one_s = median_ratio(pairs), statistics.median(one for _, one in pairs)
    measured = f"{ratio:.2f} x {one_s * 1000:.2f} ms"
    return [Row("CPU of a run, zero latency, -n 2 / in one process", measured, "3 x", scale.judge(holds=ratio <= 3))]


def wide(scale: Scale, folder: Path) -> list[Row]:
    """Hundreds of requests in flight, through the whole plugin and through a bare aiohttp loop."""
    with Server(scale.wide_s, sigma=0.0) as server:
        contest = Contest(folder, server, scale.many, scale.wide_window)
        pairs = alternate(
            lambda: contest.plugin(*_NO_CACHE).cost.wall_s,
            lambda: contest.aiohttp_loop().cost.wall_s,
            max(1, scale.pairs - 1),
        )
    ratio, theirs_s = median_ratio(pairs), statistics.median(theirs for _, theirs in pairs)
    in_flight = scale.wide_window * scale.many.models
    what = f"wall of {shown(scale.many)} of {scale.wide_s} s, {in_flight} in flight / bare aiohttp loop"
    return [Row(what, f"{ratio:.2f} x {theirs_s:.1f} s", "1.1 x", scale.judge(holds=ratio <= 1.1))]


def ready(scale: Scale, folder: Path) -> list[Row]:
    """What workers cost a user who asks for many of them: beside one process, and until the first request."""
    workers = f"-n{scale.workers}"
    with Server(scale.median_s, sigma=0.0) as server:
        contest = Contest(folder, server, scale.work)
        sides = [
            (
                contest.plugin(workers, *_NO_CACHE),
                contest.plugin(*_NO_CACHE),
                # One worker that has the same lanes.
                contest.plugin("-n1", *_NO_CACHE),
            )
            for _ in range(scale.pairs)
        ]
    walls = [(many.cost.wall_s, one.cost.wall_s) for many, one, _ in sides]
    firsts = [(many.start_up_s, single.start_up_s) for many, _, single in sides]
    wall, one_s = median_ratio(walls), statistics.median(one for _, one in walls)
    first, single_s = median_ratio(firsts), statistics.median(single for _, single in firsts)
    work = f"{shown(scale.work)} of {scale.median_s} s"
    return [
        Row(
            f"wall of {work} with -n {scale.workers} / in one process",
            f"{wall:.2f} x {one_s:.1f} s",
            "1.35 x",
            scale.judge(holds=wall <= 1.35),
        ),
        Row(
            f"start-up to the first of {work} with -n {scale.workers} / -n 1",
            f"{first:.2f} x {single_s:.2f} s",
            "2.5 x",
            scale.judge(holds=first <= 2.5),
        ),
    ]


def per_run(less: Contest, more: Contest, contender: Callable[[Contest], Cost]) -> float:
    """CPU, in seconds, that a contender takes for a further run."""
    small, large = contender(less), contender(more)
    return slope((less.work.runs, small.cpu_s), (more.work.runs, large.cpu_s))


def startup(scale: Scale, folder: Path) -> list[Row]:
    """From the command's start to the first request on the server's clock, which is the same machine's."""
    with Server(0.0) as server:
        contest = Contest(folder, server, scale.work)
        pairs = alternate(
            lambda: contest.plugin().start_up_s, lambda: contest.bare_loop().start_up_s, max(1, scale.short_pairs // 2)
        )
    ours_s, theirs_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    what = f"start-up to the first of {shown(scale.work)} (bare loop)"
    measured = f"{ours_s:.2f} s ({theirs_s:.2f} s)"
    return [Row(what, measured, "0.7 s", scale.judge(holds=ours_s <= 0.7))]


def import_(scale: Scale, folder: Path) -> list[Row]:
    """`pytest --co -q` in a project that does not use --bench, and the same without the plugin."""
    project = _trivial(folder, 1)
    with_plugin, without = pytest_command("--co"), pytest_command("--co", "-p", "no:benchmodels")
    pairs = alternate(lambda: measure(with_plugin, project), lambda: measure(without, project), scale.short_pairs)
    cpu_ms = 1000 * median_difference((one.cpu_s, two.cpu_s) for one, two in pairs)
    wall_ms = 1000 * median_difference((one.wall_s, two.wall_s) for one, two in pairs)
    base_ms = 1000 * statistics.median(two.cpu_s for _, two in pairs)
    measured = f"{cpu_ms:+.1f} ms CPU on {base_ms:.0f} ms, {wall_ms:+.1f} ms wall"
    return [
        Row("pytest --co -q without --bench / -p no:benchmodels", measured, "+15 ms", scale.judge(holds=cpu_ms <= 15))
    ]


def worker(scale: Scale, folder: Path) -> list[Row]:
    """CPU of a worker that runs scenarios, less that of one that runs trivial tests."""
    rows = []
    for median_s, kind in ((0.0, "zero latency"), (scale.long_s, "every worker busy")):
        with Server(median_s) as server:
            extra_s, base_s = _worker_extra(scale, folder, server)
        measured = f"{extra_s:+.3f} s CPU on {base_s:.2f} s"
        rows.append(
            Row(f"a worker of {scale.workers}, {kind}", measured, "+0.15 s CPU", scale.judge(holds=extra_s <= 0.15))
        )
    return rows


def _worker_extra(scale: Scale, folder: Path, server: Server) -> tuple[float, float]:
    """Seconds of CPU that a worker takes more with the plugin, and without it. The runs' own cost is not taken off."""
    workers = f"-n{scale.workers}"
    contest, project = Contest(folder, server, scale.few), _trivial(folder, scale.few.runs)
    without = pytest_command("-p", "no:benchmodels", workers)
    pairs = alternate(lambda: contest.plugin(workers).cost.cpu_s, lambda: measure(without, project).cpu_s, scale.pairs)
    return median_difference(pairs) / scale.workers, statistics.median(plain for _, plain in pairs) / scale.workers


def large(scale: Scale, folder: Path) -> list[Row]:
    """Whether CPU and memory stay in proportion at 12,000 runs."""
    big, small, start_up = [], [], []
    with Server(0.0) as server:
        many, some, one = (Contest(folder, server, work) for work in (scale.many, scale.work, Work(1, 1)))
        for _ in range(scale.pairs):
            big.append(many.plugin().cost)
            # Short commands vary more, and the figure divides by their difference.
            small += [some.plugin().cost.cpu_s for _ in range(scale.pairs)]
            start_up += [one.plugin().cost.cpu_s for _ in range(scale.pairs)]
    start = (1, statistics.median(start_up))
    big_s = slope(start, (scale.many.runs, statistics.median(cost.cpu_s for cost in big)))
    small_s = slope(start, (scale.work.runs, statistics.median(small)))
    ratio, peak_mb, name = big_s / small_s, max(cost.peak_mb for cost in big), shown(scale.many)
    what, measured = f"CPU of each of {name} / of {scale.work.runs:,}", f"{ratio:.2f} x {small_s * 1000:.2f} ms"
    return [
        Row(what, measured, "1.2 x", scale.judge(holds=ratio <= 1.2)),
        Row(f"peak memory of {name}", f"{peak_mb:.0f} MB", "150 MB", scale.judge(holds=peak_mb < 150)),
    ]


def _trivial(folder: Path, count: int) -> Path:
    project = folder / f"trivial{count}"
    project.mkdir(exist_ok=True)
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_trivial.py").write_text(_TRIVIAL.format(count=count))
    return project


FIGURES: Mapping[str, Figure] = {
    "wall": wall,
    "xdist": xdist,
    "cpu": cpu,
    "aiohttp": aiohttp,
    "workers": workers,
    "wide": wide,
    "ready": ready,
    "startup": startup,
    "import": import_,
    "worker": worker,
    "large": large,
}
