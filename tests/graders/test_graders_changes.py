"""`changed_only`: which files a run changed, and how much of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.call import GradingContext, Transcript
from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Scenario
from pytest_benchmodels.core.workspace import FileChange
from pytest_benchmodels.graders.changes import ChangedOnly
from tests.graders.workspace_cases import loaded


def graded(check: ChangedOnly, *changes: FileChange) -> Grade:
    context = GradingContext(Response("", changes=changes), Transcript(()), Scenario("a", "a.yaml:1", ()))
    return check.grade(context)


def added(path: str, lines: int = 1) -> FileChange:
    diff = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n" + "+++ a line\n" * lines
    return FileChange(path, "added", diff, size=lines * 7, digest="d")


def test_the_score_is_the_share_of_what_may_be_changed() -> None:
    grade = graded(ChangedOnly("src/**"), added("src/a"), added("src/b"), added("setup.py"), added("x/src/c"))

    assert grade == Grade(0.5, passed=False, explanation="only 'src/**' may be changed, not 'setup.py', 'x/src/c'")


def test_what_has_to_change_counts_too() -> None:
    check = ChangedOnly(("src/**", "tests/**"), required=("tests/**", "src/a"))

    assert graded(check, added("src/a"), added("tests/b")).passed
    missing = graded(check, added("src/a"))
    assert (missing.score, missing.explanation) == (0.5, "expected a change of 'tests/**'")
    assert graded(check).explanation == "nothing was changed; expected a change of 'tests/**' and of 'src/a'"


def test_files_and_lines_are_counted() -> None:
    changed = FileChange(
        "a", "modified", "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n x\n--- y\n+++ z\n@@ -9 +9 @@\n-\n", 9, "d"
    )

    assert graded(ChangedOnly("**", max_files=1, max_lines=3), changed).passed
    assert graded(ChangedOnly("**", max_lines=2), changed) == Grade(0.0, False, "3 lines were changed, 2 may be")  # noqa: FBT003 - as above
    assert graded(ChangedOnly("**", max_files=0), changed).explanation == "1 files were changed, 0 may be"
    assert graded(ChangedOnly("**", max_lines=0), FileChange("a", "added")).passed
    assert graded(ChangedOnly("**", max_lines=0), FileChange("a", "modified", size=9, mode=0o755)).passed


@pytest.mark.parametrize("change", [FileChange("a.png", "modified", size=9, digest="d"), FileChange("a", "deleted")])
def test_lines_that_nobody_can_count_leave_it_open(change: FileChange) -> None:
    grade = graded(ChangedOnly("**", max_lines=100), change)

    assert (grade.passed, grade.undecided) == (False, True)
    assert "cannot be counted" in grade.explanation


def test_nothing_may_be_changed() -> None:
    assert graded(ChangedOnly(())).passed
    assert graded(ChangedOnly(()), added("a")).explanation == "only nothing may be changed, not 'a'"


def test_hostile_names_and_many_of_them_are_told_in_short() -> None:
    grade = graded(ChangedOnly("src/**"), *(added(f"\x1b[3{number}m\n") for number in range(1_000)))

    assert grade.score == 0
    assert "\x1b" not in grade.explanation
    assert grade.explanation.endswith(" and 995 more")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"changed_only": "/src"}, "'/src' is no path in the workspace"),
        ({"changed_only": ["src/**"], "required": ["../x"]}, "'../x' is no path in the workspace"),
        ({"changed_only": [], "required": "a"}, "nothing may be changed, and `required` asks for it"),
        ({"changed_only": "**", "max_files": -1}, "max_files"),
    ],
)
def test_what_cannot_be_a_check_is_an_error_of_the_scenario(tmp_path: Path, check: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(check, {}, tmp_path)

    assert said in str(caught.value)
