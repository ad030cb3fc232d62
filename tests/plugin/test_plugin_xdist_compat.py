"""What is taken from xdist is there, and its other ways to distribute work give the same results."""

from __future__ import annotations

import pytest

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
