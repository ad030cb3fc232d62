"""Workers start one after another, while the first one works, and only as long as there is something to begin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from execnet import XSpec

from pytest_benchmodels.plugin.compat import WorkerBoot
from tests.plugin.plugin_parts import Project, right
from tests.plugin.plugin_workers import Desk

# Boots are meant here, and a fork is none.
pytestmark = pytest.mark.usefixtures("real_processes")

STARTED = """
import pathlib, time
from pytest_benchmodels import Grade, Grader

HERE = pathlib.Path(__file__).parent

def pytest_configure_node(node):
    with open(HERE / "started.txt", "a") as file:
        file.write(f"{node.gateway.id}\\n")

class Started(Grader):
    started: int

    def grade(self, response):
        while len((HERE / "started.txt").read_text().split()) < self.started:
            time.sleep(0.005)  # in a thread of its own, ended by the run's limit
        return Grade.of(True)

def pytest_bench_graders():
    return [Started]
"""


class Session:
    """xdist's, as far as workers are started by it."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.shuttingdown = self.shouldstop = False
        self.queue = SimpleNamespace(put=None)
        self.nodemanager = self
        self._active_nodes: set[str] = set()

    def setup_node(self, spec: Any, _: object) -> str:
        self.started.append(str(spec))
        return str(spec)


def a_boot(monkeypatch: pytest.MonkeyPatch, *specs: str, processors: int = 2) -> tuple[WorkerBoot, Session, list[Any]]:
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    session, left = Session(), [XSpec(spec) for spec in specs]
    plugins = {"dsession": session, "terminaldistreporter": SimpleNamespace()}
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.__getitem__))
    return WorkerBoot(config, left), session, left


def test_the_first_starts_at_once_and_each_other_when_one_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    boot, session, left = a_boot(monkeypatch, "popen//id=a", "popen//id=b", "popen//id=c")
    assert list(map(str, left)) == ["popen//id=a"]
    boot.go_on()
    assert session.started == [], "the first is booting"
    for expected in (["b"], ["b", "c"], ["b", "c"]):
        boot.came_up()
        boot.go_on()
        assert session.started == [f"popen//id={name}" for name in expected]


def test_as_many_boot_at_a_time_as_there_are_processors_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    boot, session, _ = a_boot(monkeypatch, *(f"popen//id={n}" for n in range(9)), processors=4)
    boot.came_up()
    boot.go_on()
    assert len(session.started) == 3
    boot.came_up()
    boot.go_on()
    assert len(session.started) == 4


def test_those_of_other_machines_start_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, left = a_boot(monkeypatch, "popen//id=a", "ssh=host//id=b", "popen//id=c")
    assert list(map(str, left)) == ["popen//id=a", "ssh=host//id=b"]


@pytest.mark.parametrize("attribute", ["shuttingdown", "shouldstop"])
def test_none_starts_where_the_session_ends(monkeypatch: pytest.MonkeyPatch, attribute: str) -> None:
    boot, session, _ = a_boot(monkeypatch, "popen//id=a", "popen//id=b")
    setattr(session, attribute, True)
    boot.came_up()
    boot.go_on()
    assert session.started == []


def test_none_is_asked_for_where_nothing_is_left_to_begin() -> None:
    desk = Desk(2, dict.fromkeys(range(2), "a"), {"a": 4})
    desk.join("gw0")
    assert desk.wanted == 0
    more = Desk(5, dict.fromkeys(range(5), "a"), {"a": 4})
    more.join("gw0")
    assert more.wanted == 1


def test_a_small_session_starts_one_worker(project: Project) -> None:
    project.write("conftest.py", STARTED)
    project.suite(right("a"))

    assert project.bench("-n3").parseoutcomes() == {"passed": 1}

    assert len((project.path / "started.txt").read_text().split()) == 1


def test_all_start_while_the_first_one_works(project: Project) -> None:
    project.write("conftest.py", STARTED)
    project.suite(*(right(name, checks=[{"started": 3}]) for name in "abcdef"))

    result = project.bench("-n3", "--bench-concurrency=1")

    assert result.parseoutcomes() == {"passed": 6}
    assert sorted((project.path / "started.txt").read_text().split()) == ["gw0", "gw1", "gw2"]
