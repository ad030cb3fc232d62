"""`--bench-keep`: which workspaces are left to be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.plugin_agents import ALLOW, agents, task
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ((), {"bad", "broken", "late"}),
        (("--bench-keep=failed",), {"bad", "broken", "late"}),
        (("--bench-keep=all",), {"good", "bad", "broken", "late"}),
        (("--bench-keep=none",), set()),
    ],
    ids=["default", "failed", "all", "none"],
)
def test_those_of_these_runs_are_kept(
    project: Project, workers: tuple[str, ...], options: tuple[str, ...], kept: set[str]
) -> None:
    agents(project)
    project.suite(
        task("good", "touch new", "true"),
        task("bad", "touch new", "false"),
        task("broken", "true", "true", setup="touch new; exit 1"),
        task("late", "touch new; sleep 600", "true", timeout=1),
    )

    result = project.bench(ALLOW, JSON, *options, *workers)

    result.assert_outcomes(passed=1, failed=2, errors=1)
    places = {name.partition("[")[0]: each["work"].get("kept", "") for name, each in results(project).items()}
    assert {name for name, place in places.items() if place} == kept
    for place in filter(None, places.values()):
        assert (Path(place) / "new").exists()
        assert (Path(place) / "a.txt").exists()
    above = project.path / ".benchmodels" / "workspaces"
    assert {path.name for path in above.iterdir()} == {".gitignore", "kept"} if kept else not above.exists()


def test_they_are_told_with_v(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("a", "true", "false"), task("b", "true", "false"))

    result = project.bench(ALLOW, "-v", *workers)

    result.stdout.fnmatch_lines(["2 workspaces kept in */workspaces/kept*", "  *a-my-agent-1-*", "  *b-my-agent-1-*"])


def test_what_is_kept_is_collected_by_no_later_session(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    (project.path / "fixture" / "test_own.py").write_text("def test_own(): pass\n", "utf-8")
    project.suite(task("a", "true", "false"))
    project.bench(ALLOW, "suite.yaml", *workers).assert_outcomes(failed=1)

    project.bench(ALLOW, "suite.yaml", ".benchmodels/..", "--ignore=fixture", *workers).assert_outcomes(failed=1)


def test_another_word_is_refused(project: Project) -> None:
    agents(project)
    project.suite(task("a", "true", "true"))

    result = project.bench(ALLOW, "--bench-keep=some")

    assert result.ret != 0
    result.stderr.fnmatch_lines(["*--bench-keep: invalid choice: 'some'*"])
