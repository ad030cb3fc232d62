"""How much a measurement runs: the issue's amounts, or few to see that the harness works."""

from __future__ import annotations

from dataclasses import dataclass

from .contest import Work

__all__ = ["FULL", "QUICK", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """`work` is the issue's 387 x 3, `more` thrice as much and `many` the 12,000 runs; `few` keeps workers busy.

    `pairs` is how often two commands alternate that run for long, `short_pairs` is for those that take a second.
    `median_s` is the server's median latency; `long_s` outlasts the start of all workers. `limited_s` is for how long a
    rate limit is kept busy, `load_pairs` how often what takes half a minute alternates, `permits` how many of them a
    process takes. `killed` is how many runs are killed `kills` times each, `compared` what two compared runs hold.
    `huge` is the 100,000 runs, `large` what they are held against, `huge_workers` who shares them; `wide_window` is how
    many runs of a model are in flight at once where the transport is what is measured, `wide_s` how long each of these
    takes.
    `streams` is how many answers stream at once, in `chunks` each. Agents are `agent_speed` times as fast as real ones,
    `outliving` of them try to outlive their limit.
    `judged` says whether the limits apply.
    """

    work: Work
    more: Work
    many: Work
    few: Work
    workers: int
    pairs: int
    short_pairs: int
    median_s: float
    long_s: float
    limited_s: int
    load_pairs: int
    permits: int
    killed: int
    kills: int
    compared: Work
    large: Work
    huge: Work
    huge_workers: int
    wide_window: int
    wide_s: float
    streams: int
    chunks: int
    agent_speed: int
    outliving: int
    judged: bool

    def judge(self, *, holds: bool) -> bool | None:
        """The verdict; None where too little was run for one."""
        return holds if self.judged else None


FULL = Scale(
    work=Work(387, 3),
    more=Work(1161, 3),
    many=Work(4000, 3),
    few=Work(60, 1),
    workers=20,
    pairs=3,
    short_pairs=15,
    median_s=0.5,
    long_s=8.0,
    limited_s=35,
    load_pairs=3,
    permits=1000,
    killed=10,
    kills=5,
    compared=Work(33_334, 3),
    large=Work(10_000, 2, wrong_every=10),
    huge=Work(50_000, 2, wrong_every=10),
    huge_workers=4,
    wide_window=200,
    wide_s=1.0,
    streams=500,
    chunks=200,
    agent_speed=100,
    outliving=1000,
    judged=True,
)
QUICK = Scale(
    work=Work(4, 3),
    more=Work(12, 3),
    many=Work(40, 3),
    few=Work(4, 1),
    workers=2,
    pairs=1,
    short_pairs=1,
    median_s=0.05,
    long_s=0.1,
    limited_s=1,
    load_pairs=1,
    permits=10,
    killed=1,
    kills=1,
    compared=Work(100, 3),
    large=Work(10, 2, wrong_every=10),
    huge=Work(50, 2, wrong_every=10),
    huge_workers=2,
    wide_window=10,
    wide_s=0.05,
    streams=12,
    chunks=20,
    agent_speed=2000,
    outliving=16,
    judged=False,
)
