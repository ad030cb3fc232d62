"""What the project promises under load and faults, measured against what the simulated server enforces."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

from .contest import Work
from .figures import Figure
from .limiter import cost_ms
from .load_session import Load, Session, run_session
from .measure import MeasureError, alternate, median_ratio
from .scale import Scale
from .server import SIGMA
from .table import Row

__all__ = ["LOAD_FIGURES", "goodput"]

_RPM = 600
_WARM_UP_S = 5
_AT_ONCE = 40
_FAULTS = ("rate_429", "rate_500", "reset_rate", "truncate_rate")
_LIMIT_S = 5
_JUDGE_S = 0.5
_JUDGED_AT_ONCE = 60


def rate(scale: Scale, folder: Path) -> list[Row]:
    """Models whose server enforces a rate, told in bench.toml: one process, and workers that share it."""
    knobs = {**_latency(scale), "limit_rpm": _RPM}
    rows = []
    for place, options in (("one process", ()), (f"-n {scale.workers}", (f"-n{scale.workers}",))):
        load = Load(Work(scale.limited_s * _RPM // 60, 3), knobs, {"rpm": _RPM}, ("--bench-concurrency=20", *options))
        session = run_session(folder / place, load)
        share, refused = goodput(session, scale.limited_s), session.refused / session.requests
        measured = f"{share:.1%} of the limit, {refused:.2%} refused"
        what = f"3 models with {_RPM} requests/min each, {place}"
        rows.append(Row(what, measured, ">= 95 %, <= 1 %", scale.judge(holds=share >= 0.95 and refused <= 0.01)))
    return rows


def goodput(session: Session, seconds: int) -> float:
    """The least share of its rate that a model got in the seconds after the first ones, 0 where there are none.

    In the last of `seconds` there is no next request behind each answer any more.
    """
    return min(_share(model["answered_each_second"][_WARM_UP_S : seconds - 1]) for model in session.seen)


def _share(answered: list[int]) -> float:
    return sum(answered) / len(answered) * 60 / _RPM if answered else 0.0


def adaptive(scale: Scale, folder: Path) -> list[Row]:
    """A server that bears few at once and tells nobody: the plugin finds out / the user knows."""
    knobs = {**_latency(scale), "limit_in_flight": _AT_ONCE}
    work, wide = Work(scale.work.runs, 1), ("--bench-concurrency=100",)
    pairs = alternate(
        lambda: run_session(folder / "told", Load(work, knobs, {"max_in_flight": _AT_ONCE}, wide)).makespan_s,
        lambda: run_session(folder / "found-out", Load(work, knobs, {}, wide)).makespan_s,
        scale.load_pairs,
    )
    share, found_s = median_ratio(pairs), statistics.median(found for _, found in pairs)
    what = f"goodput where {_AT_ONCE} at once are allowed, 100 tried / max_in_flight = {_AT_ONCE}"
    return [Row(what, f"{share:.1%} in {found_s:.1f} s", ">= 90 %", scale.judge(holds=share >= 0.9))]


def faults(scale: Scale, folder: Path) -> list[Row]:
    """A tenth of all requests fail, in four ways / none does."""
    ends: set[str] = set()

    def makespan_s(name: str, knobs: Mapping[str, float]) -> float:
        load = Load(scale.work, {**_latency(scale), **knobs}, {}, ("--bench-concurrency=20",))
        session = run_session(folder / name, load)
        ends.update(status for status, count in session.statuses.items() if count)
        return session.makespan_s

    pairs = alternate(
        lambda: makespan_s("faults", dict.fromkeys(_FAULTS, 0.1 / len(_FAULTS))),
        lambda: makespan_s("none", {}),
        scale.load_pairs,
    )
    ratio, plain_s = median_ratio(pairs), statistics.median(plain for _, plain in pairs)
    what = f"makespan of {scale.work.runs:,} runs, 10 % of requests fail / none"
    measured = f"{ratio:.2f} x {plain_s:.1f} s, ends: {', '.join(sorted(ends))}"
    return [Row(what, measured, "1.25 x, all passed", scale.judge(holds=ratio <= 1.25 and ends == {"passed"}))]


def hangs(scale: Scale, folder: Path) -> list[Row]:
    """One request in a hundred is never answered."""
    options = ("--bench-concurrency=20", f"--bench-timeout={_LIMIT_S}")
    session = run_session(folder, Load(scale.work, {**_latency(scale), "hang_rate": 0.01}, {}, options))
    bound_s = 1.05 * session.lower_bound_s + _LIMIT_S
    what = f"makespan of {scale.work.runs:,} runs, 1 % of requests hang, limit {_LIMIT_S} s"
    measured = f"{session.makespan_s:.1f} s, {session.statuses['timeout']} timeouts"
    limit = f"1.05 x {session.lower_bound_s:.1f} s + {_LIMIT_S} s"
    return [Row(what, measured, limit, scale.judge(holds=session.makespan_s <= bound_s))]


def judged(scale: Scale, folder: Path) -> list[Row]:
    """One model judges each answer. The bound is that of the slower stage: the other one has to overlap with it.

    With stages of one length the first answers and the last verdicts have nothing beside them: 1,161 calls of one
    length make 20 rounds of 60, and one round more is 1.09 x the bound at best.
    """
    return [_judged(scale, folder / f"{answer_s}", answer_s) for answer_s in (_JUDGE_S / 2, _JUDGE_S, _JUDGE_S * 2)]


def _judged(scale: Scale, folder: Path, answer_s: float) -> Row:
    options = (f"--bench-concurrency={_JUDGED_AT_ONCE}",)
    limits = {"max_in_flight": _JUDGED_AT_ONCE // scale.work.models}
    load = Load(scale.work, _constant(answer_s), limits, options, judge=_constant(_JUDGE_S))
    sessions = [run_session(folder / f"{number}", load) for number in range(scale.load_pairs)]
    if wrong := [session.statuses for session in sessions if session.statuses["passed"] != scale.work.runs]:
        raise MeasureError(f"{wrong[0]} where each answer is right")
    ratio = statistics.median(session.makespan_s / session.lower_bound_s for session in sessions)
    bound_s = statistics.median(session.lower_bound_s for session in sessions)
    what = (
        f"makespan of {scale.work.runs:,} answers of {answer_s:g} s, each judged in {_JUDGE_S:g} s / the slower stage"
    )
    return Row(what, f"{ratio:.3f} x {bound_s:.1f} s", "1.1 x", scale.judge(holds=ratio <= 1.1))


def _constant(seconds: float) -> dict[str, float]:
    return {"latency": seconds, "sigma": 0.0}


def limiter(scale: Scale, folder: Path) -> list[Row]:
    """CPU that a place in a shared rate limit costs, from reservation to correction."""
    rows = []
    for processes, limit_ms, where in ((1, 0.2, "in one process"), (scale.workers, 1.0, f"{scale.workers} processes")):
        path = None if processes == 1 else folder / "limits.sqlite"
        measured_ms = statistics.median(cost_ms(path, processes, scale.permits) for _ in range(scale.load_pairs))
        what = f"CPU of a permit (rpm and tpm), {where}"
        rows.append(Row(what, f"{measured_ms:.3f} ms", f"{limit_ms} ms", scale.judge(holds=measured_ms <= limit_ms)))
    return rows


def _latency(scale: Scale) -> dict[str, float]:
    return {"latency": scale.median_s, "sigma": SIGMA}


LOAD_FIGURES: Mapping[str, Figure] = {
    "rate": rate,
    "adaptive": adaptive,
    "faults": faults,
    "hangs": hangs,
    "judged": judged,
    "limiter": limiter,
}
