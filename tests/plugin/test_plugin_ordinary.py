"""Ordinary tests beside runs: their fixtures live as long as they should, and their marks count."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, by_both, right

FIXTURES = """
import os, pathlib, pytest

def log(word):
    with open(pathlib.Path(__file__).parent / "log.txt", "a") as file:
        print(word, os.environ.get("PYTEST_XDIST_WORKER", "main"), file=file)

@pytest.fixture(scope="session", autouse=True)
def session():
    log("session-up")
    yield
    log("session-down")

@pytest.fixture(scope="module", autouse=True)
def module(session):
    log("module-up")
    yield
    log("module-down")
"""
TESTS = """
import pytest

class TestClass:
    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_in_class(self, n, capsys, caplog):
        assert n

def test_plain(tmp_path):
    pass
"""


@pytest.mark.parametrize("name", ["test_a.py", "zz/test_z.py"])
def test_fixtures_are_set_up_and_torn_down_in_pairs(project: Project, workers: tuple[str, ...], name: str) -> None:
    project.write("conftest.py", FIXTURES)
    project.write(name, TESTS)
    project.suite(*(right(f"add-{number}") for number in range(5)), name="m.yaml")

    result = project.bench(*workers)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 9}
    lines = (project.path / "log.txt").read_text().splitlines()
    for place in {line.split()[1] for line in lines}:
        words = [line.split()[0] for line in lines if line.split()[1] == place]
        assert words[0] == "session-up"
        assert words[-1] == "session-down"
        assert words.count("session-up") == words.count("session-down") == 1
        assert words.count("module-up") == words.count("module-down")
        if not workers:
            assert words == ["session-up", "module-up", "module-down", "session-down"]


def test_a_session_fixture_that_fails_at_its_end_is_reported(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", FIXTURES.replace('log("session-down")', 'raise RuntimeError("the end")'))
    project.write("test_one.py", "def test_one(): pass\n")
    project.suite(right("add"))

    result = project.bench(*workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 2, "errors": 1}
    result.stdout.fnmatch_lines(["E * RuntimeError: the end"])


def test_a_failing_test_counts_beside_runs(project: Project, workers: tuple[str, ...]) -> None:
    project.write("test_one.py", "def test_one(): assert 1 == 2\n")
    project.suite(right("add"))

    result = project.bench(*workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "failed": 1}


@by_both("mark", "skip(reason='closed')", "skipif(True, reason='closed')")
def test_a_mark_that_a_conftest_adds_keeps_the_model_uncalled(
    project: Project, sim: SimServer, workers: tuple[str, ...], mark: str
) -> None:
    adding = f"    for item in items:\n        if 'closed' in item.name: item.add_marker(pytest.mark.{mark})\n"
    project.write("conftest.py", f"import pytest\ndef pytest_collection_modifyitems(items):\n{adding}")
    project.watch(sim.url)
    project.suite(right("open"), right("closed"), models=["watched"])

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"passed": 1, "skipped": 1}
    assert sim.stats()["steady"]["requests"] == 1
