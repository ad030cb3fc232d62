"""--bench-json: the whole outcome for programs, wherever it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.plugin_parts import Project, broken, hanging, json_report, right, scenario, wrong

FIELDS = {
    "nodeid",
    "scenario",
    "model",
    "trial",
    "status",
    "score",
    "checks",
    "response",
    "latency_s",
    "attempts",
    "wait_s",
    "cost_usd",
    "error",
    "started_at",
    "cached",
    "fingerprint",
}
"""What the contract promises of each result; there may be more."""
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def document(project: Project, name: str = "b.json") -> dict[str, Any]:
    return json_report(project.path / name)


def by_scenario(project: Project) -> dict[str, dict[str, Any]]:
    found = document(project)["results"]
    return {result["scenario"]: result for result in found}


@pytest.fixture
def told(project: Project, request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """A result of each status; a test's indirect parameter is further arguments."""
    workers: tuple[str, ...] = getattr(request, "param", ())
    weighted = [{"equals": "4", "name": "exactly", "weight": 3}, {"contains": "5"}]
    project.suite(
        right("good"),
        scenario("half", checks=weighted, threshold=0.9),
        wrong("bad"),
        broken("refused"),
        hanging("late", timeout=0.2),
        right("left", skip="not today"),
    )
    project.bench("--bench-json=b.json", *workers)
    return by_scenario(project)


@pytest.mark.parametrize("told", [(), ("-n2",)], indirect=True, ids=["serial", "n2"])
def test_every_result_has_the_contracts_fields(told: dict[str, dict[str, Any]]) -> None:
    assert {name: result["status"] for name, result in told.items()} == {
        "good": "passed",
        "half": "failed",
        "bad": "failed",
        "refused": "error",
        "late": "timeout",
        "left": "skipped",
    }
    for result in told.values():
        assert result.keys() >= FIELDS
        assert result["nodeid"] == f"suite.yaml::{result['scenario']}[sim/steady]"
        assert (result["model"], result["trial"], result["cached"]) == ("sim/steady", 1, False)
        assert UTC.fullmatch(result["started_at"])


def test_an_answered_run_tells_its_answer_and_its_checks(told: dict[str, dict[str, Any]]) -> None:
    half = told["half"]

    assert half["response"]["text"] == "4"
    assert half["response"]["finish_reason"] == "stop"
    assert half["response"]["usage"].keys() >= {
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "reasoning_tokens",
    }
    assert half["score"] == 0.75
    assert [(check["name"], check["score"], check["passed"]) for check in half["checks"]] == [
        ("exactly", 1.0, True),
        ("contains", 0.0, False),
    ]
    assert half["checks"][1]["explanation"]
    assert half["error"] is None
    assert half["attempts"] == 1
    assert 0 < half["latency_s"] <= half["duration_s"]
    assert half["fingerprint"]


def test_a_run_without_an_answer_has_no_score(told: dict[str, dict[str, Any]]) -> None:
    for name, kind in (("refused", "bad-request"), ("late", "timeout")):
        result = told[name]
        assert (result["score"], result["response"], result["checks"]) == (None, None, [])
        assert result["error"]["kind"] == kind
        assert result["error"]["message"]
    assert told["left"]["score"] is None
    assert told["left"]["attempts"] == 0


def test_the_run_as_a_whole_and_each_model_are_told(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("good"), wrong("bad"), models=["sim/steady", "sim/flaky"])

    result = project.bench("--bench-json=b.json", "--bench-repeat=2", "--bench-concurrency=3", *workers)

    told = document(project)
    assert told["schema_version"] == 1
    run = told["run"]
    assert {name: run[name] for name in ("scenarios", "models", "trials", "runs", "concurrency", "exit_status")} == {
        "scenarios": 2,
        "models": 2,
        "trials": 2,
        "runs": 8,
        "concurrency": 3,
        "exit_status": result.ret,
    }
    assert run["statuses"]["passed"] == run["statuses"]["failed"] == 4
    assert UTC.fullmatch(run["started_at"])
    assert 0 < run["lower_bound_s"] <= run["makespan_s"] <= run["duration_s"]
    assert {model["model"]: (model["passed"], model["graded"], model["rate"]) for model in told["models"]} == {
        "sim/flaky": (2, 4, 0.5),
        "sim/steady": (2, 4, 0.5),
    }
    assert sorted(entry["nodeid"] for entry in told["results"]) == sorted(
        f"suite.yaml::{name}[sim/{model}#{trial}]"
        for name in ("good", "bad")
        for model in ("steady", "flaky")
        for trial in (1, 2)
    )


def test_a_missing_folder_is_made(project: Project) -> None:
    project.suite(right("add"))

    result = project.bench("--bench-json=out/of/nowhere/b.json")

    assert result.ret == pytest.ExitCode.OK
    assert len(document(project, "out/of/nowhere/b.json")["results"]) == 1
    assert [path.name for path in (project.path / "out/of/nowhere").iterdir()] == ["b.json"]


def test_the_path_counts_from_where_the_command_was_given(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("pytest.ini", "[pytest]\n")
    project.suite(right("add"), name="below/suite.yaml")
    monkeypatch.chdir(project.path / "below")

    project.bench("--bench-json=b.json")

    assert len(document(project, "below/b.json")["results"]) == 1


def test_an_old_file_is_replaced_and_a_link_followed(project: Project) -> None:
    target = project.write("elsewhere/real.json", "old")
    Path(project.path, "b.json").symlink_to(target)
    project.suite(right("add"))

    project.bench("--bench-json=b.json")

    assert Path(project.path, "b.json").is_symlink()
    assert len(document(project, "elsewhere/real.json")["results"]) == 1


def test_a_session_without_runs_tells_that_there_were_none(project: Project) -> None:
    project.write("test_ordinary.py", "def test_one(): pass\n")

    result = project.bench("--bench-json=b.json")

    assert result.ret == pytest.ExitCode.OK
    told = document(project)
    assert (told["models"], told["results"], told["run"]["runs"]) == ([], [], 0)


def test_collecting_only_writes_nothing(project: Project) -> None:
    project.suite(right("add"))

    project.bench("--bench-json=b.json", "--collect-only")

    assert not (project.path / "b.json").exists()


def test_a_session_that_stops_early_tells_what_it_has(project: Project) -> None:
    project.suite(wrong("bad"), *(hanging(f"late-{number}", timeout=None) for number in range(3)))

    result = project.bench("-x", "--bench-json=b.json")

    assert result.ret != pytest.ExitCode.OK
    assert by_scenario(project).keys() == {"bad"}
    assert document(project)["run"]["exit_status"] == result.ret


def test_an_answer_of_any_characters_is_told_whole(project: Project) -> None:
    text = "\x00\x1b[31m\u2028<script>\U0001f600 " + "long " * 5000
    project.suite(right("odd", checks=[{"equals": text}]), name="suite.json")

    project.bench("--bench-json=b.json")

    result = by_scenario(project)["odd"]
    assert result["status"] == "passed"
    assert result["response"]["text"] == text
