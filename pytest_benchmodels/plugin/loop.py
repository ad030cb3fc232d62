"""The loop of the one process: ordinary tests first, then runs in the order in which they end."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from pytest_benchmodels.core.run import Run
from pytest_benchmodels.engine.dispatch import Dispatch
from pytest_benchmodels.engine.grading import Watch, unwatched
from pytest_benchmodels.engine.lanes import Job, Lanes

from .arrivals import Arrivals
from .assembly import assemble
from .bench import Bench
from .collect import RunItem
from .compat import is_skipped
from .durations import read_durations
from .idle import IdleItem, idle_item
from .interrupts import gentle_interrupts
from .overdue import may_hold
from .protocol import Protocol

__all__ = ["run_session"]


def run_session(session: pytest.Session, bench: Bench) -> None:
    """Run every item of the session; raise pytest's own Failed or Interrupted where it is to stop.

    A skipped run is reported without the engine: it must not call its model.
    """
    ordinary, skipped, runs = _sorted_out(session.items)
    models = bench.prepare((item.model, item.nodeid) for item in runs)
    bench.progress.expect(item.nodeid for item in (*skipped, *runs))
    _leave_paths_out(session.config, (*skipped, *runs))
    idle = idle_item(session)
    protocol = Protocol(session.config)
    for number, item in enumerate(ordinary, 1):
        following = ordinary[number] if number < len(ordinary) else idle if skipped or runs else None
        _report(protocol, item, following)
    for left, skipped_run in zip(reversed(range(len(skipped))), skipped, strict=True):
        _report(protocol, skipped_run, idle if left or runs else None)
    if runs:
        _run_lanes(runs, bench, bench.dispatch(models.values()), idle, protocol)


def _leave_paths_out(config: pytest.Config, runs: Sequence[RunItem]) -> None:
    """Let pytest write plain dots, as with xdist, where runs of several files are going to end in any order.

    It would begin a line with the file's path whenever that is another than the one before.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and config.option.verbose <= 0 and len({item.path for item in runs}) > 1:
        reporter.ensure_newline()
        reporter.showfspath = False


def _report(protocol: Protocol, item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Report one item, and stop the session if that was enough (`-x`, `--maxfail`, `--sw`)."""
    protocol.run(item, nextitem)
    session = item.session
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


def _sorted_out(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[RunItem], list[RunItem]]:
    ordinary: list[pytest.Item] = []
    skipped: list[RunItem] = []
    runs: list[RunItem] = []
    for item in items:
        if not isinstance(item, RunItem):
            ordinary.append(item)
        elif is_skipped(item):
            skipped.append(item)
        else:
            runs.append(item)
    return ordinary, skipped, runs


def _run_lanes(
    runs: Sequence[RunItem], bench: Bench, dispatch: Dispatch[RunItem], idle: IdleItem, protocol: Protocol
) -> None:
    """Report runs as they end; in their own order for `--sw`, which then has them started in it too."""
    config = runs[0].config
    stepwise = bool(getattr(config.option, "stepwise", False))
    arrivals = Arrivals(runs if stepwise else (), bench.keep_ahead)
    durations = {} if stepwise else read_durations(config)
    to_do = [Job(item, item.run(), durations.get(item.nodeid)) for item in runs]
    with _watch(bench, config, [job.run for job in to_do]) as watch:
        executor, close = assemble(bench, watch)
        lanes = Lanes(executor, dispatch, arrivals.put, close)
        with gentle_interrupts(arrivals.interrupt), lanes:
            bench.progress.begin(bench.progress.total, lambda: lanes.in_flight)
            start = lanes.recall if bench.settings.reuse else lanes.submit
            start(to_do)
            for left in reversed(range(len(runs))):
                item, result = arrivals.take()
                item.take(result)
                _report(protocol, item, idle if left else None)
                lanes.reported(item)


def _watch(bench: Bench, config: pytest.Config, runs: Sequence[Run]) -> AbstractContextManager[Watch]:
    """Let another process look for checks that hold the interpreter, where there may be one."""
    if not any(map(may_hold, runs)):
        return nullcontext(unwatched)
    from .helper import looked_after  # noqa: PLC0415 - where checks are not ours

    stored = bench.settings.store is not None
    words = [*map(str, config.invocation_params.args), "--bench-resume"]
    # A command that resumed a run already names it.
    command = shlex.join(dict.fromkeys(words))
    return looked_after(f"Its results so far are in the store; the others: pytest {command}" if stored else "")
