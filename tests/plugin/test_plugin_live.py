"""The live line: below what pytest writes, in its way nowhere, and gone at the end."""

from __future__ import annotations

import io
import re
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_benchmodels.plugin.session.progress import Live, Progress
from tests.plugin.plugin_parts import Project, right, scenario, wrong
from tests.plugin.plugin_terminal import Screen, bench_in_terminal

BENCH_LINE = re.compile(r"bench: \d+/\d+ done, \d+ in flight, ")


class Terminal:
    """pytest's reporter on a screen, and a Live that shares it; its thread waits longer than any test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, isatty: bool = True, verbose: int = 0) -> None:
        from _pytest._io import TerminalWriter

        monkeypatch.setattr("pytest_benchmodels.plugin.session.progress._REDRAW_S", 3600.0)
        self.file = io.StringIO()
        self.writer = TerminalWriter(self.file)
        self.writer.fullwidth = 60
        self.lines: list[str] = []
        self.hooks: list[Any] = []
        reporter = SimpleNamespace(
            isatty=isatty, _tw=self.writer, ensure_newline=lambda: self.lines.append(""), write_line=self.lines.append
        )
        config: Any = SimpleNamespace(
            pluginmanager=SimpleNamespace(
                getplugin={"terminalreporter": reporter}.get, register=lambda hooks, _: self.hooks.append(hooks)
            ),
            option=SimpleNamespace(verbose=verbose, collectonly=False),
            get_terminal_writer=lambda: self.writer,
        )
        self.progress = Progress()
        self.live = Live(config, self.progress)
        self.live.pytest_sessionstart()

    def begin(self) -> None:
        self.progress.begin(5, lambda: 2)

    def write_a_dot(self) -> None:
        """pytest reports a run."""
        exhaust(self.hooks[0].pytest_runtest_logreport(), lambda: self.writer.write("."))

    @property
    def shown(self) -> list[str]:
        screen = Screen(60, 24)
        screen.feed(self.file.getvalue())
        return screen.lines


def exhaust(wrapper: Generator[None, object, object], inside: Any = lambda: None) -> None:
    """Run a hook wrapper around `inside`."""
    next(wrapper)
    inside()
    with pytest.raises(StopIteration):
        wrapper.send(None)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal(monkeypatch)


def test_nothing_is_drawn_before_the_runs_begin(terminal: Terminal) -> None:
    terminal.live.beat()

    assert terminal.file.getvalue() == ""


def test_the_line_stands_below_pytests_and_pytest_goes_on_where_it_was(terminal: Terminal) -> None:
    terminal.begin()
    terminal.writer.write("suite.yaml ..")
    terminal.live.beat()
    assert terminal.shown == ["suite.yaml ..", "bench: 0/5 done, 2 in flight, 0.0 runs/min, ETA -"]

    terminal.write_a_dot()

    assert terminal.shown == ["suite.yaml ...", ""]


def test_drawing_again_leaves_nothing_of_a_longer_line(terminal: Terminal) -> None:
    terminal.begin()
    terminal.progress.done = 4
    terminal.live.beat()
    terminal.progress.total = terminal.progress.done = 0
    terminal.progress.begin(9, lambda: 0)

    terminal.live.beat()

    assert terminal.shown == ["", "bench: 0/9 done, 0 in flight, 0.0 runs/min, ETA -"]


def test_a_line_longer_than_the_terminal_is_cut(terminal: Terminal) -> None:
    terminal.writer.fullwidth = 30
    terminal.begin()

    terminal.live.beat()

    assert terminal.shown == ["", "bench: 0/5 done, 2 in flight,"]


def test_pytests_line_end_draws_the_line_again_and_the_sessions_end_erases_it_for_good(terminal: Terminal) -> None:
    terminal.begin()
    exhaust(terminal.hooks[1].pytest_runtest_logfinish(), lambda: terminal.writer.write("."))
    assert BENCH_LINE.match(terminal.shown[1])

    exhaust(terminal.hooks[0].pytest_sessionfinish())
    terminal.live.beat()

    assert terminal.shown == [".", ""]


def test_elsewhere_than_on_a_terminal_a_line_of_its_own_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch, isatty=False)
    terminal.live.beat()
    assert terminal.lines == []

    terminal.begin()
    terminal.live.beat()
    terminal.write_a_dot()
    assert len(terminal.hooks) == 1  # no hook that draws it again

    assert terminal.lines == ["", "bench: 0/5 done, 2 in flight, 0.0 runs/min, ETA -"]
    assert terminal.file.getvalue() == "."
    exhaust(terminal.hooks[0].pytest_sessionfinish())


def test_a_dumb_terminal_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal(monkeypatch)
    terminal.begin()

    terminal.live.beat()

    assert (len(terminal.lines), terminal.file.getvalue()) == (2, "")
    exhaust(terminal.hooks[0].pytest_sessionfinish())


def test_the_heartbeat_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr("pytest_benchmodels.plugin.session.progress._HEARTBEAT_S", 0.001)
    terminal = Terminal(monkeypatch, isatty=False)
    beaten = threading.Event()

    def in_flight() -> int:
        beaten.set()
        return 2

    terminal.progress.begin(5, in_flight)

    assert beaten.wait(60)
    exhaust(terminal.hooks[0].pytest_sessionfinish())
    assert BENCH_LINE.match(terminal.lines[1])


def test_quiet_sessions_show_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_benchmodels.plugin.session.progress._HEARTBEAT_S", 0.001)
    terminal = Terminal(monkeypatch, isatty=False, verbose=-1)
    terminal.begin()

    assert terminal.live._thread is None
    assert (terminal.hooks, terminal.lines, terminal.file.getvalue()) == ([], [], "")


@pytest.fixture
def suite(project: Project) -> Project:
    """Twelve runs that end one after the other, one of them failing."""
    quick = [scenario(f"s{number}", {"latency": 0.03 * number, "sigma": 0}) for number in range(10)]
    project.suite(*quick, wrong("bad"), right("last"))
    return project


def test_on_a_terminal_pytests_dots_are_undamaged_and_no_rest_of_the_line_stays(
    suite: Project, workers: tuple[str, ...]
) -> None:
    shown = bench_in_terminal(suite.path, "--tb=no", *workers, environment={})

    assert shown.status == pytest.ExitCode.TESTS_FAILED
    assert BENCH_LINE.search(shown.written), "the line was drawn"
    assert not any("bench: " in line for line in shown.lines)
    (dots,) = (line for line in shown.lines if re.search(r"\[100%\]$", line))
    assert sorted(re.sub(r"suite\.yaml|\[100%\]|\s", "", dots)) == sorted("." * 11 + "F")
    assert len(dots) == 79
    assert "12 scenarios x 1 model = 12 runs in " in "\n".join(shown.lines)


def test_verbose_lines_are_undamaged_too(suite: Project) -> None:
    shown = bench_in_terminal(suite.path, "-v", "--tb=no", width=100, environment={})

    assert BENCH_LINE.search(shown.written)
    assert not any("bench: " in line for line in shown.lines)
    ends = [line for line in shown.lines if re.search(r"\[ *\d+%\]$", line)]
    assert len(ends) == 12
    assert all(re.fullmatch(r"suite\.yaml::\w+\[sim/steady\] (PASSED|FAILED) +\[ *\d+%\]", line) for line in ends)


@pytest.mark.parametrize(
    ("arguments", "term", "width"),
    [(("-q",), "xterm", 80), ((), "dumb", 80), ((), "xterm", 39)],
    ids=["quiet", "dumb", "narrow"],
)
def test_no_line_and_no_cursor_is_moved(suite: Project, arguments: tuple[str, ...], term: str, width: int) -> None:
    shown = bench_in_terminal(suite.path, "--tb=no", *arguments, width=width, environment={"TERM": term})

    assert "bench: " not in shown.written
    assert not re.search(r"\x1b\[\d*[AGJ]", shown.written)
    assert any(line.startswith("makespan ") for line in shown.lines)


def test_a_workers_death_leaves_no_rest_of_the_line(suite: Project) -> None:
    """xdist tells of it between its hooks."""
    suite.write(
        "conftest.py",
        "import os, pytest_benchmodels\n"
        "class Exits(pytest_benchmodels.Grader, frozen=True):\n"
        "    exits: str\n"
        "    def grade(self, response):\n"
        "        os._exit(3)\n"
        "def pytest_bench_graders():\n"
        "    return [Exits]\n",
    )
    suite.suite(scenario("deadly", {"latency": 0.2}, checks=[{"exits": "now"}]), name="deadly.yaml")

    shown = bench_in_terminal(suite.path, "--tb=no", "-n2", environment={})

    assert BENCH_LINE.search(shown.written)
    told = [line for line in shown.lines if "node down" in line or "replacing" in line]
    assert [re.sub("gw[0-9]", "gw", line.lstrip(".F")) for line in told] == [
        "[gw] node down: Not properly terminated",
        "replacing crashed worker gw",
    ]
    assert not any("bench: " in line for line in shown.lines)
