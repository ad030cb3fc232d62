"""`extract`, `all_of`, `any_of` and `none_of` in a session: with judges inside, in one process and with workers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, by_both, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

REFUND = {"judge": "Does the answer offer a refund?", "reference": "refund", "model": "sim/judge"}


def answering(text: str, *checks: dict[str, Any], **keys: object) -> dict[str, object]:
    return scenario("a", {"text": text, "latency": 0}, checks=list(checks), **keys)


def test_a_judge_inside_is_asked_with_an_account_of_its_own(project: Project, workers: tuple[str, ...]) -> None:
    nested = {"any_of": [{"equals": "no"}, REFUND]}
    project.suite(
        answering("A refund. Answer: 4", {"all_of": [nested, {"equals": "4", "extract": {"after": "Answer:"}}]})
    )

    result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=1)
    (run,) = results(project).values()
    assert [call["purpose"] for call in run["calls"]] == ["answer", "judge"]
    (check,) = run["checks"]
    assert check["score"] == 1
    told = check["explanation"].splitlines()
    assert told[0] == "2 of 2 passed, all asked for, score 1.00"
    assert told[1].startswith("passed  any_of (equals 'no'; judge 'Does the answer offer a refund?'")
    assert told[2].startswith("  failed  equals 'no': expected 'no', got ")
    assert "sim/judge said yes" in told[3]
    assert told[4] == "passed  equals '4' in the text after 'Answer:': got '4'"


def test_a_failure_tells_of_each_check_inside(project: Project, workers: tuple[str, ...]) -> None:
    checks = [{"contains": "x", "weight": 3}, {"none_of": [{"contains": "4"}]}, {"contains": "4", "name": "four"}]
    project.suite(answering("4", {"all_of": checks, "threshold": 0.5, "name": "good"}))

    result = project.bench(JSON, *workers)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  failed  good: all_of (*) (threshold=0.5) (score 0.20): 1 of 3 passed, a score of 0.5 asked for*",
            "    failed contains 'x' (weight 3): expected 'x' somewhere in '4'",
            "    failed none_of (contains '4'): 1 of 1 passed, none may",
            "      passed contains '4': found '4'",
            "    passed four: contains '4': found '4'",
        ]
    )
    (run,) = results(project).values()
    assert run["score"] == pytest.approx(0.2)


def test_show_and_html_tell_of_the_checks_inside(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.suite(answering("4 <b>", {"any_of": [{"equals": "5"}, {"contains": "<i>"}]}))
    project.bench("--bench-html=report.html").assert_outcomes(failed=1)

    assert main(["show", "latest", "a", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    shown = capsys.readouterr().out
    assert "0 of 2 passed, one asked for\n" in shown
    assert "\n  failed  equals '5' (score 0.00): expected '5', got '4 <b>'\n" in shown
    assert "\n  failed  contains '<i>' (score 0.00): expected '<i>' somewhere in '4 <b>'\n" in shown
    page = (project.path / "report.html").read_text("utf-8")
    assert "0 of 2 passed, one asked for" in page
    assert r"expected '5', got '4 \u003cb\u003e'" in page


NESTED = {"all_of": [{"any_of": [{"equals": "no"}, REFUND], "name": "offer"}, {"contains": "4", "not": True}]}


def test_results_have_the_checks_inside_as_a_tree(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(answering("A refund. 4", {**NESTED, "not": True}))

    project.bench(JSON, *workers).assert_outcomes(passed=1)

    (run,) = results(project).values()
    (check,) = run["checks"]
    offer, four = check["checks"]
    assert (check["name"], check["passed"], offer["name"], offer["passed"]) == ("all_of", True, "offer", True)
    assert (four["name"], four["passed"], four["summary"]) == ("contains", False, "not contains '4'")
    equals, refund = offer["checks"]
    assert (equals["score"], equals["passed"], equals["checks"]) == (0.0, False, [])
    assert (refund["name"], refund["score"], refund["passed"]) == ("judge", 1.0, True)
    assert [vote["judge"] for vote in refund["votes"]] == ["sim/judge"]
    capsys.readouterr()
    store = str(project.path / ".benchmodels" / "store.sqlite")
    assert main(["show", "latest", "a", "--json", "--store", store]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert stored["checks"] == run["checks"]


def test_where_nothing_is_found_to_judge_the_checks_inside_are_not_asked(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.suite(answering("4", {**NESTED, "extract": {"after": "Answer:"}}))

    project.bench(JSON, *workers).assert_outcomes(failed=1)

    (run,) = results(project).values()
    assert run["checks"][0]["checks"] == []
    assert run["calls"] == [run["calls"][0]], "no judge was asked"


def test_idle_checks_inside_of_others_are_told_by_their_place(project: Project, workers: tuple[str, ...]) -> None:
    checks = [{"any_of": [{"equals": "never"}, {"contains": "4", "name": "four"}]}]
    project.suite(*[scenario(f"s{number}", {"text": "4"}, checks=checks) for number in range(20)])

    result = project.bench("-v", *workers)

    result.assert_outcomes(passed=20)
    result.stdout.fnmatch_lines(
        [
            "tells nothing: never failed in 20 runs: any_of/2 four (suite.yaml)",
            "tells nothing: never passed in 20 runs: any_of/1 equals 'never' (suite.yaml)",
        ]
    )


def test_people_label_what_a_combination_asks_not_what_a_judge_inside_is_asked(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(answering("A refund.", {"none_of": [REFUND]}))
    project.bench(*workers).assert_outcomes(failed=1)
    capsys.readouterr()

    store = str(project.path / ".benchmodels" / "store.sqlite")
    assert main(["label", "latest", "--check", "none_of", "--format", "jsonl", "--store", store]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    row = json.loads(line)
    assert row["asked"].startswith("none_of (judge 'Does the answer offer a refund?'")
    assert row["answer"] == "A refund."


@by_both(
    "checks,said",
    ([{"equals": "4", "extract": {"behind": "x"}}], "unknown key 'behind' in extract*"),
    (
        [{"any_of": [{"equals": "4"}, {"judge": "Is it so?", "reference": True, "model": "sim/judge"}]}],
        "check 'judge' of scenario 'a' judges by the scenario's target, and it has none: write `target:`, or *",
    ),
    ([REFUND | {"min": 0.5}], "unknown key 'min' in check 'judge'; write `at_least:`"),
    ([REFUND | {"threshold": 0.5}], "unknown key 'threshold' in check 'judge'; write `at_least:`"),
    ([{"rouge_l": "a", "at_least": 0.5}], "unknown key 'at_least' in check 'rouge_l'; write `min:`"),
    ([{"all_of": [{"contains": "a"}], "min": 0.5}], "unknown key 'min' in check 'all_of'; write `threshold:`"),
    ([{"all_of": [{"equal": "4"}]}], "unknown check 'equal'; did you mean 'equals'?*"),
    ([{"any_of": []}], "any_of must not be empty*"),
    ([{"none_of": [{"contains": "x", "weight": 0}]}], "*each of its checks has weight 0: at least one has to count*"),
    ([{"all_of": [{"regex": "("}]}], "*is no pattern that can be compiled*"),
    ([{"equals": "4", "extract": {"json_path": "$["}}], "extract: '$[[]' is no JSONPath*"),
)
def test_what_is_wrong_inside_is_told_with_its_line(
    project: Project, workers: tuple[str, ...], checks: list[dict[str, Any]], said: str
) -> None:
    project.suite(answering("4", *checks))

    result = project.bench(*workers)

    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*suite.yaml:*: {said}"])


def test_values_of_a_dataset_stand_inside_too(project: Project, workers: tuple[str, ...]) -> None:
    project.write("data.jsonl", '{"id": "x", "right": "4"}\n{"id": "y", "right": "5"}')
    inside = [{"equals": "{{ right }}", "extract": {"after": "{{ right }} is"}}, {"equals": "4 is {{ right }}"}]
    project.suite(answering("4 is 4", {"any_of": inside}, dataset="data.jsonl"))

    result = project.bench(*workers)

    result.assert_outcomes(passed=1, failed=1)


def test_a_stored_answer_is_judged_again_without_asking(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.write("bench.toml", f'[model.one]\nprovider = "sim"\nname = "steady"\nbase_url = "{sim.url}"\n')
    project.suite(answering("Answer: 4", {"all_of": [{"equals": "4"}]}), models=["one"])
    project.bench(*workers).assert_outcomes(failed=1)
    project.suite(answering("Answer: 4", {"all_of": [{"equals": "4", "extract": "last_number"}]}), models=["one"])

    project.bench("--bench-regrade", *workers).assert_outcomes(passed=1)

    assert seen_by(sim)["steady"]["requests"] == 1


def test_checks_of_form_judge_in_a_session(project: Project, workers: tuple[str, ...]) -> None:
    text = '# Sum\n\n- a\n- b\n\n```json\n{"sum": [4, 5]}\n```'
    checks: list[dict[str, Any]] = [
        {"markdown": ["list", "code"], "headings": ["Sum"]},
        {"same_as_reference_set": ["a", "b"]},
        {"json_path": "$.sum[*]", "value": {"number": 4, "tolerance": 1}},
        {"valid": "json", "extract": {"code_block": "json"}},
        {"valid": "html", "name": "page", "weight": 0},
    ]
    project.suite(answering(text, *checks))

    result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=1)
    (run,) = results(project).values()
    assert [(check["name"], check["passed"]) for check in run["checks"]] == [
        ("markdown", True),
        ("same_as_reference_set", True),
        ("json_path", True),
        ("valid", True),
        ("page", False),
    ]
