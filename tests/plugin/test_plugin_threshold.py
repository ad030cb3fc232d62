"""Which of the two rules lets a run pass, and that the failure says so."""

from __future__ import annotations

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, Scenario, right, scenario
from tests.plugin.plugin_results import JSON, results

MET, FAILED = {"contains": "4"}, {"contains": "5"}
FOURS = {"sim": {"text": "fours"}}


def four(name: str, **keys: object) -> Scenario:
    """Is answered with `4`, whatever its checks ask for."""
    return scenario(name, {"text": "4"}, **keys)


def weighted(name: str, **keys: object) -> Scenario:
    """Reaches .8 of 1."""
    checks = [{**MET, "weight": 0.1}, {**FAILED, "weight": 0.2}, {**MET, "weight": 0.7}]
    return four(name, checks=checks, **keys)


def test_checks_decide_or_the_score_that_the_author_asks_for(project: Project) -> None:
    project.suite(
        right("near", checks=[{"similar": "four", "min": 0.7}], params=FOURS),
        right("nearer", checks=[{"similar": "four", "min": 0.7}], params=FOURS, threshold=0.9),
        four("informed", checks=[MET, {**FAILED, "weight": 0}]),
        four("unmet", checks=[MET, MET, FAILED]),
        weighted("reached", threshold=0.8),
        weighted("missed", threshold=0.81),
        weighted("without"),
        four("turned", checks=[{**MET, "not": True}]),
        four("known", checks=[FAILED], xfail="too hard"),
    )
    outcome = project.bench(JSON)

    outcome.stdout.fnmatch_lines_random(
        [
            "FAILED *::nearer[[]*[]] - score 0.80 is below the threshold 0.9; only partly met *",
            "FAILED *::unmet[[]*[]] - 1 of 3 checks failed: contains '5' (*",
            "FAILED *::missed[[]*[]] - score 0.80 is below the threshold 0.81; failed contains '5' (*",
            "FAILED *::without[[]*[]] - 1 of 3 checks failed: contains '5' (*",
            "FAILED *::turned[[]*[]] - 1 of 1 check failed: not contains '4' (*",
        ]
    )
    found = {name.partition("[")[0]: result for name, result in results(project).items()}
    told = {name: (result["status"], result["threshold"]) for name, result in found.items()}
    assert told == {
        "near": ("passed", None),
        "nearer": ("failed", 0.9),
        "informed": ("passed", None),
        "unmet": ("failed", None),
        "reached": ("passed", 0.8),
        "missed": ("failed", 0.81),
        "without": ("failed", None),
        "turned": ("failed", None),
        "known": ("failed", None),
    }
    assert found["reached"]["score"] == 0.8


def test_a_threshold_of_the_defaults_decides_for_the_checks_of_all_turns(project: Project) -> None:
    project.write(
        "talk.yaml",
        "defaults: {models: [sim/steady], threshold: 0.5}\n"
        "scenarios:\n"
        "- id: talk\n"
        "  turns:\n"
        "  - {prompt: hello, checks: [contains: nothing of the kind, contains: nor this]}\n"
        "  - {prompt: What is 2 + 2?, checks: [equals: '4']}\n"
        "  params: {sim: {text: '4'}}\n"
        "- id: strict\n"
        "  threshold: 1\n"
        "  prompt: What is 2 + 2?\n"
        "  params: {sim: {text: '4'}}\n"
        "  checks: [contains: '4', contains: '5']\n",
    )
    outcome = project.bench()
    assert outcome.parseoutcomes() == {"failed": 2}
    outcome.stdout.fnmatch_lines_random(
        [
            "FAILED *::talk[[]*[]] - score 0.33 is below the threshold 0.5; failed *",
            "FAILED *::strict[[]*[]] - score 0.50 is below the threshold 1; failed contains '5' *",
        ]
    )


def test_a_reader_of_a_pass_sees_what_failed_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(weighted("reached", threshold=0.8))
    project.bench("--bench-html=b.html")
    told = "score 0.80 reaches the threshold 0.8, though 1 of 3 checks failed"
    assert told in (project.path / "b.html").read_text("utf-8")
    monkeypatch.chdir(project.path)
    capsys.readouterr()
    assert main(["show", "latest", "reached"]) == 0
    assert f"passed, {told}, " in capsys.readouterr().out


def test_a_changed_threshold_judges_stored_answers_afresh(project: Project) -> None:
    project.suite(weighted("a", threshold=0.81), right("b"))
    assert project.bench().parseoutcomes() == {"passed": 1, "failed": 1}
    project.suite(weighted("a", threshold=0.8), right("b"))
    assert project.bench("--bench-regrade").parseoutcomes() == {"passed": 2}
    project.suite(weighted("a"), right("b"))
    assert project.bench("--bench-regrade").parseoutcomes() == {"passed": 1, "failed": 1}
