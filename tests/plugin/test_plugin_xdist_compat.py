"""What is taken from xdist is there, and its other ways to distribute work give the same results."""

from __future__ import annotations

import pytest

from pytest_benchmodels.plugin.compat import is_known
from tests.plugin.plugin_parts import Project, right, wrong


@pytest.mark.parametrize(
    ("arguments", "times"),
    [(("-n2", f"--dist={dist}"), 1) for dist in ("load", "worksteal", "loadfile", "loadscope", "loadgroup")]
    + [(("--dist=each", "--tx=2*popen"), 2)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_each_way_to_distribute_gives_the_same_results(
    project: Project, arguments: tuple[str, ...], times: int
) -> None:
    project.write("test_one.py", "def test_one(): pass\n")
    project.suite(right("add"), wrong("bad"), right("more"))

    result = project.bench(*arguments)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 3 * times, "failed": times}


def test_workers_run_many_at_once(project: Project) -> None:
    """No warning: the interactor is as this package knows it, else each worker would do one run at a time."""
    project.suite(right("add"))

    project.bench("-n2").stdout.no_fnmatch_line("*this pytest-xdist is not as pytest-benchmodels knows it*")


UNKNOWN = """
import xdist.remote
del xdist.remote.WorkerInteractor.run_one_test
xdist.remote.WorkerInteractor.pytest_runtestloop = OTHER
"""
OTHER_LOOP = """
def OTHER(self, session):
    # A later xdist's own way: take what is sent, one after the other.
    from xdist.remote import Marker
    self.channel.setcallback(self.handle_command, endmarker=Marker.SHUTDOWN)
    while (index := self.torun.get()) is not Marker.SHUTDOWN:
        self.item_index = index
        item = session.items[index]
        self.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        self.sendevent("runtest_protocol_complete", item_index=index, duration=0)
    return True
"""


def test_another_xdist_runs_in_its_own_way_with_a_warning(project: Project) -> None:
    """Both the controller and the workers see what they do not know, and none waits for the other."""
    project.write("conftest.py", OTHER_LOOP + UNKNOWN)
    project.suite(right("add"), wrong("bad"), right("more"))

    result = project.bench_process("-n2", "-Wdefault")

    assert result.parseoutcomes()["passed"] == 2
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*this pytest-xdist is not as pytest-benchmodels knows it*"])


def test_this_xdist_is_known() -> None:
    assert is_known()
