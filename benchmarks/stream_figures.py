"""What streaming costs, and how near the time to the first token comes to the server's own account."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path

from .contest import Contest, Work
from .figures import Figure, shown
from .latency_figures import Key
from .measure import alternate, median_ratio, slope
from .scale import Scale
from .server import SIGMA, Server
from .table import Row

__all__ = ["STREAM_FIGURES", "differences"]

_GAP_S = 0.01
_FIRST_S = 0.2
_AT_ONCE_GAP_S = 0.02
_AT_ONCE_FIRST_S = 1.0


def stream_cpu(scale: Scale, folder: Path) -> list[Row]:
    """CPU of a run whose answer comes in 200 chunks / of the same in one piece, from a server that takes as long."""
    rows = []
    for gap_s, how in ((_GAP_S, f"one each {_GAP_S * 1000:.0f} ms"), (0.0, "as fast as they are sent")):
        with Server(_FIRST_S, 0.0, scale.chunks, gap_s) as server:
            pairs = alternate(
                lambda server=server: _per_run_s(scale, folder, server, stream=True),  # type: ignore[misc] # bound here
                lambda server=server: _per_run_s(scale, folder, server, stream=False),  # type: ignore[misc] # the same
                scale.pairs,
            )
        ratio, plain_s = median_ratio(pairs), statistics.median(plain for _, plain in pairs)
        what = f"CPU of a run, streamed in {scale.chunks} chunks, {how} / not streamed"
        measured = f"{ratio:.2f} x {plain_s * 1000:.2f} ms"
        rows.append(Row(what, measured, "1.5 x", scale.judge(holds=ratio <= 1.5)))
    return rows


def _per_run_s(scale: Scale, folder: Path, server: Server, *, stream: bool) -> float:
    """The slope between few runs and many: start-up is in both."""
    some, one = (Contest(folder, server, work, stream=stream) for work in (scale.work, Work(1, scale.work.models)))
    return slope((one.work.runs, one.plugin().cost.cpu_s), (some.work.runs, some.plugin().cost.cpu_s))


def stream_ttft(scale: Scale, folder: Path) -> list[Row]:
    """In one process, as many streams at once as there are runs: our time to first token, and the server's."""
    work = Work(scale.streams, 1)
    found = []
    with Server(_AT_ONCE_FIRST_S, SIGMA, scale.chunks, _AT_ONCE_GAP_S) as server:
        contest = Contest(folder, server, work, work.runs, stream=True)
        for _ in range(scale.pairs):
            most = contest.plugin("-p", "no:cacheprovider", "--bench-json=streams.json").seen.most_in_flight
            found.append((differences(contest, server.held()), most))
    middle_ms = statistics.median(statistics.median(each) * 1000 for each, _ in found)
    late_ms = statistics.median(statistics.quantiles(each, n=20)[-1] * 1000 for each, _ in found)
    what = f"time to first token over the server's own of {shown(work)}, up to {max(most for _, most in found)} at once"
    measured = f"{middle_ms:+.1f} ms (p95 {late_ms:+.1f} ms)"
    return [Row(what, measured, "20 ms", scale.judge(holds=abs(middle_ms) <= 20))]


def differences(contest: Contest, held: Mapping[Key, float]) -> list[float]:
    """What was told of each answer less the server's account of it, in seconds; each has to have streamed."""
    results = json.loads((contest.folder / "streams.json").read_text())["results"]
    told = {(each["model"], each["scenario"]): each["response"]["ttft_s"] for each in results}
    prompt = "Question {}: what is six times seven?"
    return [ttft_s - held[model, prompt.format(scenario[1:])] for (model, scenario), ttft_s in told.items()]


STREAM_FIGURES: Mapping[str, Figure] = {"stream_cpu": stream_cpu, "stream_ttft": stream_ttft}
