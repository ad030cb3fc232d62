"""How near a latency comes to what the server took: the plugin's and a bare client's, beside the server's own clock."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .contest import WINDOW, Contest
from .figures import Figure, shown
from .measure import alternate
from .scale import Scale
from .server import Server
from .table import Row

__all__ = ["LATENCY_FIGURES", "Fidelity"]

Key = tuple[str, str]
_HELD_S = 0.2
_FAR_OFF = 0.2


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a client's latencies are of the times for which the server held the requests.

    `median` is the middle of latency / held; `far_off` the share of runs in which they differ by more than a fifth.
    """

    median: float
    far_off: float

    @classmethod
    def of(cls, latencies: Mapping[Key, float], held: Mapping[Key, float]) -> Fidelity:
        """Both in seconds, by model and prompt; a request that only one of them knows is an error."""
        if latencies.keys() != held.keys():
            raise ValueError(f"{len(latencies.keys() ^ held.keys())} requests are not in both accounts")
        ratios = [latency_s / held[key] for key, latency_s in latencies.items()]
        return cls(statistics.median(ratios), sum(abs(ratio - 1) > _FAR_OFF for ratio in ratios) / len(ratios))


def latency(scale: Scale, folder: Path) -> list[Row]:
    """In one process, as many in flight as three models allow, every answer after the same time."""
    with Server(_HELD_S, sigma=0.0) as server:
        contest = Contest(folder, server, scale.work)
        pairs = alternate(lambda: _ours(contest, server), lambda: _bare(contest, server), scale.pairs)
    ours, bare = (_middle(side) for side in zip(*pairs, strict=True))
    what = f"of {shown(scale.work)} at {_HELD_S} s, {WINDOW * scale.work.models} in flight (bare aiohttp)"
    beyond = ours.median - bare.median
    return [
        Row(
            f"median latency over the server's own time {what}",
            f"{ours.median - 1:+.1%} ({bare.median - 1:+.1%})",
            "5 % above it",
            scale.judge(holds=beyond <= 0.05),
        ),
        Row(
            f"share of runs off by more than {_FAR_OFF:.0%} {what}",
            f"{ours.far_off:.1%} ({bare.far_off:.1%})",
            "5 %",
            scale.judge(holds=ours.far_off <= 0.05),
        ),
    ]


def _ours(contest: Contest, server: Server) -> Fidelity:
    contest.plugin("-p", "no:cacheprovider", "--bench-json=latency.json")
    results = json.loads((contest.folder / "latency.json").read_text())["results"]
    prompt = "Question {}: what is six times seven?"
    return Fidelity.of(
        {(each["model"], prompt.format(each["scenario"][1:])): each["latency_s"] for each in results}, server.held()
    )


def _bare(contest: Contest, server: Server) -> Fidelity:
    contest.aiohttp_loop("aiohttp.json")
    seen = json.loads((contest.folder / "aiohttp.json").read_text())
    return Fidelity.of({(model, asked): latency_s for model, asked, latency_s in seen}, server.held())


def _middle(sides: Iterable[Fidelity]) -> Fidelity:
    found = list(sides)
    return Fidelity(statistics.median(each.median for each in found), statistics.median(each.far_off for each in found))


LATENCY_FIGURES: Mapping[str, Figure] = {"latency": latency}
