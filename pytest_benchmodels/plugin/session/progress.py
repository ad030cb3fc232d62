"""While it runs: a line at the bottom of a terminal, or a line every 30 s elsewhere."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.plugin.compat import terminal_file
from pytest_benchmodels.plugin.items.audience import REDRAWING
from pytest_benchmodels.reports.units import duration

__all__ = ["Live", "Progress", "progress_line"]


@dataclass(slots=True)
class Progress:
    """The session's progress at this moment.

    `nodeids` and `total` are known once all is collected; `done` counts ends, whatever they were. `answered` counts the
    runs whose model did its work: an error or a skip is none. `start` is on the clock of `time.perf_counter`.
    """

    total: int = 0
    done: int = 0
    answered: int = 0
    in_flight: Callable[[], int] = field(default=lambda: 0)
    start: float = field(default_factory=time.perf_counter)
    nodeids: tuple[str, ...] = ()
    _ended: Counter[str] = field(default_factory=Counter)
    _missing: list[str] | None = None  # looked for again when either changed: with 100,000 runs it takes a while

    def expect(self, nodeids: Iterable[str]) -> None:
        """These are going to be run."""
        self.nodeids = tuple(nodeids)
        self._missing = None
        self.total = len(self.nodeids)

    def begin(self, total: int, in_flight: Callable[[], int]) -> None:
        """The runs start now."""
        self.total, self.in_flight, self.start = total, in_flight, time.perf_counter()

    def count(self, result: Result) -> None:
        """A run ended."""
        self.done += 1
        self._ended[result.nodeid] += 1
        self._missing = None
        self.answered += result.status not in ("error", "skipped")

    def missing(self) -> list[str]:
        """The node ids that were expected and have not ended, each as often as it lacks a result."""
        if self._missing is None:
            self._missing = list((Counter(self.nodeids) - self._ended).elements())
        return self._missing

    def elapsed_s(self) -> float:
        return time.perf_counter() - self.start

    def runs_per_min(self) -> float:
        """Answered runs a minute, so far."""
        return self.answered / max(self.elapsed_s(), 1e-9) * 60

    def eta_s(self) -> float | None:
        """Seconds to the end at the pace so far; None where nothing has ended yet."""
        return self.elapsed_s() / self.done * (self.total - self.done) if self.done else None


_HEARTBEAT_S = 30.0
_REDRAW_S = 0.5
_LEAST_REDRAW_S = 0.005
_LEAST_COLUMNS = 40
_ERASE_BELOW = "\x1b[J"


def progress_line(progress: Progress) -> str:
    """`bench: 120/1161 done, 60 in flight, 362.8 runs/min, ETA 2.9min`."""
    eta = progress.eta_s()
    return (
        f"bench: {progress.done}/{progress.total} done, {progress.in_flight()} in flight, "
        f"{progress.runs_per_min():.1f} runs/min, ETA {'-' if eta is None else duration(eta)}"
    )


class Live:
    """The plugin object that shows progress.

    pytest writes dots and lines whenever a run ends. On a terminal our line stands below pytest's; it is erased while
    pytest writes and drawn again after that, and by a thread where nothing ends. Both hold the same lock.
    """

    def __init__(self, config: pytest.Config, progress: Progress) -> None:
        self._config = config
        self._progress = progress
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._reporter: Any = None
        self._in_place = False
        self._is_drawn = False
        self._drawn_at = 0.0

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None or self._config.option.verbose < 0 or self._config.option.collectonly:
            return
        self._reporter = reporter
        self._in_place = bool(reporter.isatty) and os.environ.get("TERM") != "dumb" and _is_wide_enough()
        self._config.pluginmanager.register(_Turns(self), "benchmodels-live-turns")
        if self._in_place:
            self._config.pluginmanager.register(_Redrawing(self), REDRAWING)
        self._thread = threading.Thread(target=self._tick, name="benchmodels-live", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Show nothing any more."""
        self._over.set()

    def beat_if_due(self) -> None:
        """On a terminal, right after pytest wrote of a run's end, but not oftener than anybody sees."""
        if self._in_place and time.perf_counter() - self._drawn_at > _LEAST_REDRAW_S:
            self.beat()

    def beat(self) -> None:
        """Show how far the session is; nothing before the runs have begun."""
        if not self._progress.total:
            return
        with self._lock:
            # Asked under the lock: else the thread might draw once more when the end has erased the line.
            if self._over.is_set():
                return
            if self._in_place:
                self._draw()
            else:
                self._reporter.ensure_newline()
                writer = self._config.get_terminal_writer()
                if writer.width_of_current_line:  # dots without a path: for pytest that is no line to end
                    writer.line()
                self._reporter.write_line(progress_line(self._progress))

    def _tick(self) -> None:
        while not self._over.wait(_REDRAW_S if self._in_place else _HEARTBEAT_S):
            self.beat()

    def while_pytest_writes(self) -> Generator[None, object, object]:
        """Take the line away, and keep others from drawing it, until this is left."""
        with self._lock:
            if self._is_drawn:
                terminal_file(self._reporter).write(_ERASE_BELOW)
                self._is_drawn = False
            return (yield)

    def _draw(self) -> None:
        """One line below pytest's, then back to where pytest goes on."""
        writer = self._config.get_terminal_writer()
        line = progress_line(self._progress)[: writer.fullwidth - 1]
        file = terminal_file(self._reporter)
        file.write(f"\n\r{line}{_ERASE_BELOW}\x1b[A\x1b[{writer.width_of_current_line + 1}G")
        file.flush()
        self._is_drawn, self._drawn_at = True, time.perf_counter()


class _Turns:
    """The hooks in which pytest writes: a plugin of its own, so that a session without a display pays nothing."""

    def __init__(self, live: Live) -> None:
        self._live = live

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, object, object]:
        return (yield from self._live.while_pytest_writes())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, object, object]:
        return (yield from self._live.while_pytest_writes())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None, object, object]:
        return (yield from self._live.while_pytest_writes())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        self._live.finish()
        return (yield from self._live.while_pytest_writes())

    @pytest.hookimpl(wrapper=True, tryfirst=True, optionalhook=True)
    def pytest_testnodedown(self) -> Generator[None, object, object]:
        """Here xdist tells of it, and right after that of the worker's replacement."""
        return (yield from self._live.while_pytest_writes())


class _Redrawing:
    """The hook after which the line is drawn again. After a report would be too early: xdist tells of more to it."""

    def __init__(self, live: Live) -> None:
        self._live = live

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None, object, object]:
        result = yield
        self._live.beat_if_due()
        return result


def _is_wide_enough() -> bool:
    """A narrower terminal pytest takes for one of 80 columns, and then is not where it believes itself to be."""
    return shutil.get_terminal_size().columns >= _LEAST_COLUMNS
