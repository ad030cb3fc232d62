"""Templates of ze-benchmarks: JSON5, what they are based on, and which files they have run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.formats.document import MalformedError, SuiteUse
from pytest_benchmodels.formats.ze_benchmarks.json5_text import as_json
from pytest_benchmodels.formats.ze_benchmarks.template import is_template, read_template
from tests.ze_suite import SCENARIO, suite

WALLS = "benchmarks: {test_suites: [{name: 'Walls', path: 'walls', type: 'functional'}]}"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def use(folder: Path, text: str) -> SuiteUse:
    """How the one file of the suite is run."""
    scenario = suite(folder, SCENARIO)
    template = read_template(written(folder, "templates/t.json5", text), "t.json5")
    assert list(template.uses) == [scenario]
    return template.uses[scenario]


def problems(folder: Path, text: str) -> list[str]:
    suite(folder, SCENARIO)
    with pytest.raises(ScenarioFileError) as caught:
        read_template(written(folder, "templates/t.json5", text), "templates/t.json5")
    return list(map(str, caught.value.problems))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, 'b': 2, \"c\": 3, $d_1: 4, null: 5, é: 6}", {"a": 1, "b": 2, "c": 3, "$d_1": 4, "null": 5, "é": 6}),
        ("[1, 2,]", [1, 2]),
        ("{a: [], b: {},}", {"a": [], "b": {}}),
        ("[0x1F, +3, -0x10, .5, 5., -.5e1, 5.e1]", [31, 3, -16, 0.5, 5.0, -5.0, 50.0]),
        (r"""['it\'s "q"', "a\x41\u00e9\ud83d\ude00\v\0", "\q"]""", ['it\'s "q"', "aAé😀\v\0", "q"]),
        ("['one \\\nline', 'and \\\r\nanother']", ["one line", "and another"]),
        ("// c\n[true, /* , ] */ null]// end", [True, None]),
        ("['// no comment', '/* nor this */']", ["// no comment", "/* nor this */"]),
        ("\ufeff\xa0'x'\u2028", "x"),
    ],
)
def test_json5_is_read(text: str, value: object) -> None:
    assert json.loads(as_json(text)) == value


def test_each_part_keeps_its_line() -> None:
    text = "/* 1\n2 */ {a: 'x\\\ny',\n// 4\nb: 1,}"

    assert as_json(text).split("\n")[4].startswith('"b"')


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("{a:\n yes}", 2, "'yes' is no value: write text in quotes"),
        ("[\n\n NaN]", 3, "'NaN' is no value"),
        ("[1,\n'open]", 2, "not readable as JSON5 at"),
        ("[1+3]", 1, "not readable as JSON5 at '1+3]'"),
        ("/* never", 1, "not readable as JSON5"),
        ("\n['\\x4']", 2, "is no escape of JSON5"),
        (f"[0x{'f' * 2000}]", 1, "too long: put it in quotes"),
    ],
)
def test_what_is_no_json5_is_told_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        as_json(text)

    assert caught.value.flaw.line == line
    assert message in caught.value.flaw.message


@pytest.mark.parametrize("text", ["[,]", "{,}", "[1,,]", "{a:,}", "[1 2]", "{a 1}", "[1", "{a: 1, a: 2}"])
def test_what_neither_reads_is_a_problem_of_the_file(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, f"\n{text}")

    assert problem.startswith("templates/t.json5:2: ")


def test_a_template_says_which_models_run_its_suites(tmp_path: Path) -> None:
    told = use(tmp_path, f"{{preferred_models: [{{model: 'a/x'}}, {{model: 'b/y'}}], {WALLS}, persona: {{}}}}")

    assert told == SuiteUse(("a/x", "b/y"), {}, "functional")


def test_without_models_others_name_them(tmp_path: Path) -> None:
    assert use(tmp_path, f"{{{WALLS}}}").models == ()


@pytest.mark.parametrize(
    ("benchmarks", "weight"),
    [("{Walls: 0.5, paint: 0.1}", 0.4), ("{paint: 0.25}", 0.2), ("{Walls: 0}", 0.0), ("{}", 0.8)],
)
def test_a_weight_is_the_models_times_that_of_suite_or_scenario(tmp_path: Path, benchmarks: str, weight: float) -> None:
    models = f"[{{model: 'a/x', weight: 0.8, benchmarks: {benchmarks}}}, {{model: 'b/y'}}]"

    assert use(tmp_path, f"{{preferred_models: {models}, {WALLS}}}").weights == {
        "a/x": pytest.approx(weight),
        "b/y": 1.0,
    }


def test_objects_are_merged_and_lists_replaced(tmp_path: Path) -> None:
    written(tmp_path, "personas/@acme/base.json5", f"{{preferred_models: [{{model: 'a/base'}}], {WALLS}}}")
    written(tmp_path, "templates/mid/m.jsonc", '{"from": "@acme/base", "preferred_models": [{"model": "a/mid"}]}')

    assert use(tmp_path, "{from: './mid/m.jsonc', benchmarks: {other: 1}}").models == ("a/mid",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{\nfrom: 't.json5'}", "2: from: 't.json5' leads back to a template that is based on this one"),
        ("{\nfrom: 'none.json5'}", "2: from: 'none.json5' is no file: it is a path from this file's folder"),
        ("{\nfrom: '@acme/none'}", "2: from: '@acme/none' is no file"),
        ("{\nfrom: '../../x.json5'}", "2: from: '../../x.json5' lies outside of the template's project"),
        ("{\nfrom: '/etc/passwd'}", "2: from: '/etc/passwd' lies outside"),
        ("{\nfrom: '\\0'}", "2: from: '\\x00' cannot be looked up"),
        ("{\nfrom: 5}", "2: from must be text, got 5"),
        ("{preferred_models: [\n{model: 'a', weight: 1.5}]}", "2: weight must be a number <= 1, got 1.5"),
        ("{preferred_models: [\n{weight: 1}]}", "2: this entry of preferred_models lacks 'model'"),
        ("{benchmarks: {test_suites: [\n{name: 'x'}]}}", "2: suite 'x' has no scenarios"),
        ("{benchmarks: {test_suites: [\n{name: 'x', path: '../x'}]}}", "2: suite '../x' lies outside of 'suites'"),
        (
            "{benchmarks: {test_suites: [{name: 'walls'},\n{name: 'x', path: 'walls'}]}}",
            "2: suite 'walls' is named twice: keep one of them",
        ),
        ("[]", "1: a template is an object {...}, got"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text)[0].startswith(f"templates/t.json5:{problem}")


def test_a_problem_of_the_base_is_told_of_the_base(tmp_path: Path) -> None:
    written(tmp_path, "templates/base.json5", "{\n\nfrom: './t.json5'}")
    written(tmp_path, "personas/@a/b.json5", "{benchmarks: {test_suites: [\n\n{name: 'none'}]}}")

    assert problems(tmp_path, "{from: './base.json5'}")[0].startswith("templates/base.json5:3: from: './t.json5' leads")
    assert problems(tmp_path, "{from: '@a/b'}")[0].startswith("personas/@a/b.json5:3: suite 'none'")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.json5", "", True),
        ("a.jsonc", "", True),
        ("a.json", '{"preferred_models": []}', True),
        ("a.json", '{"benchmarks": {}, "id": "x", "prompt": "y"}', False),
        ("a.json", '{"scenarios": []}', False),
        ("a.json", "{", False),
        ("a.yaml", "preferred_models: []", False),
    ],
)
def test_a_template_is_known_by_its_suffix_or_keys(tmp_path: Path, name: str, text: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    assert is_template(written(tmp_path, name, text)) is expected
