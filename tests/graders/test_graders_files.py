"""`file` and `pattern` on what somebody hostile left in a workspace. What they take and refuse is in docs/checks.md."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.call import GradingContext, Transcript
from pytest_benchmodels.core.errors import CheckError, ScenarioFileError
from pytest_benchmodels.core.fingerprint import grade_fingerprint
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.graders.files import FileCheck
from tests.graders.workspace_cases import judged, loaded

Judge = Callable[..., CheckResult]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    def of(check: Mapping[str, Any], work: Any, given: Mapping[str, str] | None = None) -> CheckResult:
        return judged(check, work, tmp_path, given)

    return of


def test_what_is_wrong_is_told_with_its_place(judge: Judge) -> None:
    check = {
        "file": "src/app.py",
        "contains": ["import os", "class"],
        "not_contains": "eval(",
        "matches": r"^def main\(",
        "checks": [{"max_words": 2}],
    }

    said = judge(check, {"src/app.py": "import os\r\n\r\nx = eval('1')\n"}).explanation

    assert "'src/app.py': it lacks 'class'; line 3 has 'eval(', which must not be there; " in said
    assert r"/^def main\(/ matches nothing in it; its text: expected at most 2 words" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\nb \n", "line 2: expected 'b', got 'b '"),
        ("a\n", "expected 2 lines, it has 1"),
        ("a\nb\nc\n", "expected 2 lines, it has 3"),
        ("a\n\x1b[31m", "line 2: expected 'b', got '\\x1b[31m'"),
    ],
)
def test_a_text_that_differs_is_told_by_its_line(judge: Judge, text: str, said: str) -> None:
    assert said in judge({"file": "a.txt", "equals": "a\nb"}, {"a.txt": text}).explanation


def test_equals_file_compares_with_a_file_beside_the_scenario(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "expected.txt").write_text("a\nb\n")
    check = {"file": "a.txt", "equals_file": "expected.txt"}

    assert judge(check, {"a.txt": "a\r\nb"}).passed
    assert "line 1: expected 'a', got 'c'" in judge(check, {"a.txt": "c\nb"}).explanation


def test_another_text_to_compare_with_is_another_judgement(tmp_path: Path) -> None:
    seen = set()
    for text in ("a", "b", "a"):
        (tmp_path / "expected.txt").write_text(text)
        seen.add(grade_fingerprint(loaded({"file": "a.txt", "equals_file": "expected.txt"}, {}, tmp_path)))

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../outside.txt", "equals_file '../outside.txt' lies outside the scenario file's folder"),
        ("missing.txt", "equals_file 'missing.txt' cannot be read: No such file or directory"),
        ("folder", "equals_file 'folder' is not a regular file"),
        ("binary", "equals_file 'binary' is no text in UTF-8"),
        ("large", "equals_file 'large' is larger than 2 MB"),
        (".env", "equals_file '.env' is hidden, or in a hidden folder"),
        ("leads", "equals_file 'leads' is hidden, or in a hidden folder"),
    ],
)
def test_an_expected_file_that_cannot_be_read_is_an_error_of_the_scenario(
    judge: Judge, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 2_000_001)
    (tmp_path / ".env").write_text("KEY=secret")
    (tmp_path / "leads").symlink_to(".env")

    with pytest.raises(ScenarioFileError) as caught:
        judge({"file": "a.txt", "equals_file": name}, {})

    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def secret_outside(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "a.txt").symlink_to(folder.parent / "secret.txt")


def folder_outside(folder: Path) -> None:
    (folder / "linked").symlink_to("/etc")


def circle(folder: Path) -> None:
    (folder / "a.txt").symlink_to("b.txt")
    (folder / "b.txt").symlink_to("a.txt")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "a.txt")


def large(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"secret" * 400_000)


def binary(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"secret\0")


def locked_name(folder: Path) -> None:
    (folder / "a.txt").mkdir()


@pytest.mark.parametrize("negate", [False, True])
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (secret_outside, "it is a link out of the workspace"),
        (circle, "it is "),
        (pipe, "it is no regular file (a pipe, a socket or a device)"),
        (large, "it is larger than 2 MB"),
        (binary, "it is binary, no text in UTF-8"),
        (locked_name, "it is a folder"),
    ],
)
def test_what_cannot_be_judged_fails_either_way(
    judge: Judge,
    work: Callable[[Path], None],
    said: str,
    negate: bool,  # noqa: FBT001 - both ways
) -> None:
    verdict = judge({"file": "a.txt", "contains": "secret", "not": negate}, work)

    assert not verdict.passed
    assert said in verdict.explanation
    assert "secret\0" not in verdict.explanation


def test_a_file_behind_a_linked_folder_outside_is_none_of_the_workspace(judge: Judge) -> None:
    assert "found a link out of the workspace" in judge({"file": "linked/passwd"}, folder_outside).explanation
    assert not judge({"file": "linked/passwd", "absent": True}, folder_outside).passed


def test_a_link_within_the_workspace_is_followed(judge: Judge) -> None:
    def work(folder: Path) -> None:
        (folder / "real.txt").write_text("here")
        (folder / "a.txt").symlink_to("real.txt")

    assert judge({"file": "a.txt", "contains": "here"}, work).passed


def test_a_dangling_link_is_neither_there_nor_absent(judge: Judge) -> None:
    def work(folder: Path) -> None:
        (folder / "a.txt").symlink_to("nowhere")

    assert not judge({"file": "a.txt"}, work).passed
    assert not judge({"file": "a.txt", "absent": True}, work).passed


def test_json_that_a_model_fenced_is_no_json_file(judge: Judge) -> None:
    check = {"file": "a.json", "json_path": "$.a", "value": {"number": 1}}

    assert judge(check, {"a.json": '{"a": 1}'}).passed
    assert "it begins with a fence" in judge(check, {"a.json": '```json\n{"a": 1}\n```'}).explanation
    assert "it has nothing at '$.a'" in judge(check, {"a.json": '{"b": 1}'}).explanation
    assert "JSON is read of up to 1,000,000 characters" in judge(check, {"a.json": " " * 1_000_001}).explanation


def test_a_pattern_that_takes_too_long_is_an_error_of_the_check(judge: Judge) -> None:
    evil, work = r"^(a|a|aa)+$", {"a.txt": "a" * 5_000 + "b"}

    with pytest.raises(CheckError, match=r"took more than 0\.05 s on this answer"):
        judge({"file": "a.txt", "matches": evil, "timeout": 0.05}, work)
    with pytest.raises(CheckError, match=r"took more than 0\.05 s in these files"):
        judge({"pattern": evil, "timeout": 0.05}, work)


def test_long_texts_fail_checks_that_do_not_read_them(judge: Judge) -> None:
    work = {"a.txt": "word\n" * 101_000}

    assert "at most 500,000 characters" in judge({"file": "a.txt", "matches": "word"}, work).explanation
    assert "checks inside read up to 200,000" in judge({"file": "a.txt", "checks": ["word"]}, work).explanation
    assert "Markdown is read of up to" in judge({"file": "a.txt", "section_header": "A"}, work).explanation
    assert judge({"file": "a.txt", "contains": "word"}, work).passed


def test_a_pattern_is_told_with_file_and_line(judge: Judge) -> None:
    work = {"src/a.py": "x\r\n# TODO one\n\n# TODO two\n", "b.py": "# TODO", "c.txt": "TODO\n" * 9}

    found = judge({"pattern": "TODO", "files": ["src/**", "*.py"], "count": 3}, work)

    assert found.passed
    assert found.explanation == "/TODO/ was found in b.py:1, src/a.py:2, src/a.py:4"
    denied = judge({"pattern": "^TODO$", "absent": True}, work)
    assert (denied.passed, denied.explanation) == (
        False,
        "/^TODO$/ was found in c.txt:1, c.txt:2, c.txt:3, c.txt:4, c.txt:5; it must not be there",
    )


def test_where_nothing_fits_the_files_it_is_said(judge: Judge) -> None:
    nowhere = judge({"pattern": "x", "files": "src/*.py"}, {"a.py": "x"})

    assert nowhere.explanation == "/x/ was found nowhere: no file fits 'src/*.py'; expected at least 1"
    assert judge({"pattern": "x", "files": "src/*.py", "absent": True}, {"a.py": "x"}).passed


def test_files_that_were_not_searched_leave_it_open(judge: Judge) -> None:
    def work(folder: Path) -> None:
        (folder / "big.txt").write_text("x" * 2_000_001)
        (folder / "long.txt").write_text("x" * 500_001)
        (folder / "image.png").write_bytes(b"\0TODO")
        (folder / "b.txt").write_text("TODO")

    assert judge({"pattern": "TODO"}, work).passed
    assert not judge({"pattern": "TODO", "count": 1}, work).passed
    for check in ({"pattern": "no", "absent": True}, {"pattern": "no"}, {"pattern": "no", "not": True}):
        verdict = judge(check, work)
        assert not verdict.passed
        assert "not searched: 'big.txt' is larger than 2 MB, 'long.txt' has more than 500,000" in verdict.explanation
    assert judge({"pattern": "TODO", "files": "*.png", "absent": True}, work).passed


def test_names_of_files_are_hostile(judge: Judge) -> None:
    work = {"a\x1b[31m\n::error::.py": "TODO"}

    said = judge({"pattern": "TODO"}, work).explanation

    assert "\x1b" not in said
    assert "\n" not in said


def test_matches_of_nothing_end(judge: Judge) -> None:
    assert judge({"pattern": "x*", "count": {"least": 6}}, {"a.txt": "axa\nb"}).passed


def test_thousands_of_files_are_searched(judge: Judge) -> None:
    def work(folder: Path) -> None:
        for number in range(20):
            (folder / f"d{number}").mkdir()
            for other in range(100):
                (folder / f"d{number}" / f"{other}.txt").write_text("a line\n")

    verdict = judge({"pattern": "TODO", "absent": True}, work)

    assert verdict.explanation == "/TODO/ was not found in 2,000 files that fit '**'"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"file": "/etc/passwd"}, "'/etc/passwd' is no path in the workspace"),
        ({"file": "../a"}, "'../a' is no path in the workspace"),
        ({"file": "src/"}, "'src/' is a folder: name a file in it"),
        ({"file": "*.py"}, "`file` is about one file; for all that fit use `pattern`"),
        ({"file": "a", "absent": True, "contains": "x"}, "a file that is absent has no content"),
        ({"file": "a", "exists": False, "equals": ""}, "a file that is absent has no content"),
        ({"file": "a", "value": 1}, "`value` is that at a `json_path`"),
        ({"file": "a", "json_path": "nowhere["}, "is no JSONPath"),
        ({"file": "a", "matches": "("}, "is no pattern that can be compiled"),
        ({"file": "a", "checks": ["x", {"contain": "x"}]}, "'contain' is no check, did you mean 'contains'?"),
        ({"file": "a", "checks": [{"other": "x"}]}, "checks: write a text, or a check such as {contains: Paris}"),
        ({"file": "a", "checks": [{"judge": "Is it good?"}]}, "check 'judge' judges answers"),
        ({"file": "a", "contains": ""}, "contains must not be empty"),
        ({"file": "a", "timeout": 0}, "timeout"),
        ({"file": "a", "extract": "last_number"}, "judges what is in the workspace, and `extract` takes a part"),
        ({"pattern": "x", "absent": True, "count": 1}, "`absent: true` is a count of 0: leave `count` out"),
        ({"pattern": "x", "count": {"least": 2, "most": 1}}, "at least 2 and at most 1 cannot both hold"),
        ({"pattern": "x", "count": {}}, "any number is at least 0"),
        ({"pattern": "x", "count": 100_000}, "up to 99,999 are counted"),
        ({"pattern": "x", "files": []}, "files: the list is empty"),
        ({"pattern": "x", "files": "../**"}, "'../**' is no path in the workspace"),
        ({"pattern": "(a{1000}){1000}"}, "repeats 1,000,000 times"),
    ],
)
def test_what_cannot_be_a_check_is_an_error_of_the_scenario(tmp_path: Path, check: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(check, {}, tmp_path)

    assert said in str(caught.value)


def test_without_a_workspace_it_cannot_judge() -> None:
    context = GradingContext(Response("x"), Transcript(()), Scenario("a", "a.yaml:1", ()))

    with pytest.raises(CheckError, match="this run has no workspace"):
        FileCheck("a.txt").grade(context)
