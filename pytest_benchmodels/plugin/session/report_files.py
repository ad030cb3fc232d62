"""The files that a session leaves: reports, and how long each run took."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.plugin.options import Shard

if TYPE_CHECKING:
    from pytest_benchmodels.plugin.options import Output
    from pytest_benchmodels.reports.bench_json import Evaluation
    from pytest_benchmodels.reports.own_report import Report

__all__ = ["check_outputs", "read_durations", "reports_for", "shard_of", "write_durations", "write_reports"]


def check_outputs(outputs: Iterable[Output]) -> None:
    """Raise one `ConfigError` for all report files that could not be written."""
    problems: list[str] = []
    for output in outputs:
        from pytest_benchmodels.reports.files import check_writable  # noqa: PLC0415 - if one was asked for

        try:
            check_writable(output.path, output.option)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))


def reports_for(outputs: Iterable[Output], found: Callable[[], Iterable[object]]) -> Mapping[str, Report]:
    """The reports that outputs ask for, by name; `found` asks the hooks of users. Raises `ConfigError`."""
    names = [output.report for output in outputs]
    if not names:
        return {}
    from pytest_benchmodels.reports.own_report import BUILTIN, find_reports  # noqa: PLC0415 - if one was asked for

    return BUILTIN if all(name in BUILTIN for name in names) else find_reports(names, found())


def write_reports(
    outputs: Iterable[Output], reports: Mapping[str, Report], evaluation: Evaluation
) -> Iterator[ConfigError]:
    """Write each file that was asked for; yield what kept one from being written, and go on with the others."""
    for output in outputs:
        try:
            reports[output.report](output.path, output.option, evaluation)
        except ConfigError as error:
            yield error


KEY = "benchmodels/durations"
_MOST = 100_000


def read_durations(config: pytest.Config) -> dict[str, float]:
    """Seconds by node id; empty where there is no cache, or one that somebody damaged."""
    cache = getattr(config, "cache", None)
    stored = cache.get(KEY, {}) if cache is not None else {}
    if not isinstance(stored, dict):
        return {}
    return {nodeid: seconds for nodeid, seconds in stored.items() if isinstance(seconds, (int, float))}


def write_durations(config: pytest.Config, latest: Mapping[str, float]) -> None:
    """Add this session's durations to those of other runs, if the cache can be written: pytest itself says if not."""
    cache = getattr(config, "cache", None)
    if cache is None or not latest:
        return
    merged = {**read_durations(config), **latest}
    with warnings.catch_warnings():
        # Outside of pytest's own look-out for warnings, one would break into its progress, or under -Werror end all.
        warnings.simplefilter("ignore", pytest.PytestCacheWarning)
        cache.set(KEY, dict(list(merged.items())[-_MOST:]))


def shard_of(nodeids: Sequence[str], durations: Mapping[str, float], shard: Shard) -> set[str]:
    """The shard's node ids: longest first, each to the part that has the least so far.

    A run whose duration, in seconds, nobody knows counts as the mean of the others. All parts come out the same in
    every session that knows the same durations, in whatever order it collected.
    """
    known = [durations[nodeid] for nodeid in nodeids if nodeid in durations]
    usual = sum(known) / len(known) if known else 1.0
    longest_first = sorted(nodeids, key=lambda nodeid: (-durations.get(nodeid, usual), nodeid))
    # Parts beyond the number of runs stay empty: they need no load.
    loads = [(0.0, number) for number in range(1, min(shard.of, len(nodeids)) + 1)]
    mine = set()
    for nodeid in longest_first:
        load, number = heapq.heappop(loads)
        if number == shard.number:
            mine.add(nodeid)
        heapq.heappush(loads, (load + durations.get(nodeid, usual), number))
    return mine
