from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry
from pytest_benchmodels.core.run import Pool, Session
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation, write_bench_json
from pytest_benchmodels.statistics.metrics import Tally
from tests.core.made_results import made

RUN = BenchRun(
    started_at=1_767_225_600.5,
    duration_s=3.5,
    version="0.1.0",
    concurrency=20,
    exit_status=1,
    id="r1",
    shard="2/4",
    sessions=(Session(1_767_225_600.5, 20), Session(1_767_225_660.5, 10, {"sim/steady": 2}, (Pool(("a", "b"), 3),))),
)


def a_result(scenario: str = "add", **facts: Any) -> Result:
    given = {"model": "sim/steady", "trial": 1, "status": "passed", "started_at": 1_767_225_600.0, "duration_s": 2.0}
    return made(nodeid=f"a.yaml::{scenario}[sim/steady]", scenario=scenario, **{**given, **facts})


def written(path: Path, *results: Result) -> dict[str, Any]:
    tally = Tally()
    for result in results:
        tally.add(result)
    write_bench_json(path, Evaluation(RUN, tally.figures(lanes=20)), iter(results))
    document: dict[str, Any] = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    return document


def test_a_result_holds_all_that_the_contract_names(tmp_path: Path) -> None:
    result = a_result(
        score=0.5,
        threshold=0.8,
        latency_s=1.5,
        wait_s=0.25,
        retry_s=0.5,
        connect_s=0.0625,
        client_s=0.125,
        waits={"rpm of sim/steady": 0.25},
        attempts=2,
        status="failed",
        checks=(
            CheckResult(
                "equals", 0.5, passed=False, explanation="expected '4', got '5'", weight=2.0, summary="equals '4'"
            ),
        ),
        response=Response(
            "5", "stop", Usage(7, 1), 1.5, connect_s=0.0625, client_s=0.125, served_model="gpt-4o-2024-08-06"
        ),
        retries=(Retry("http", "500", 0.25),),
        cost_usd=0.125,
        fingerprint="f00d",
        session=2,
    )
    (entry,) = written(tmp_path / "bench.json", result)["results"]
    assert entry == {
        "nodeid": "a.yaml::add[sim/steady]",
        "scenario": "add",
        "model": "sim/steady",
        "trial": 1,
        "status": "failed",
        "score": 0.5,
        "threshold": 0.8,
        "timeout_s": None,
        "checks": [
            {
                "name": "equals",
                "score": 0.5,
                "passed": False,
                "explanation": "expected '4', got '5'",
                "weight": 2.0,
                "summary": "equals '4'",
                "votes": [],
                "checks": [],
            }
        ],
        "waits": {"rpm of sim/steady": 0.25},
        "xfail": None,
        "reuse": "",
        "regraded": False,
        "grade_fingerprint": "",
        "answers": [],
        "session": 2,
        "response": {
            "text": "5",
            "finish_reason": "stop",
            "usage": {
                "input_tokens": 7,
                "output_tokens": 1,
                "cached_input_tokens": None,
                "cache_write_tokens": None,
                "cache_write_1h_tokens": None,
                "reasoning_tokens": None,
                "stated_cost_usd": None,
            },
            "thinking": "",
            "latency_s": 1.5,
            "connect_s": 0.0625,
            "client_s": 0.125,
            "served_model": "gpt-4o-2024-08-06",
            "tool_calls": [],
            "ttft_s": None,
            "tool_results": [],
            "upstream": "",
            "system_fingerprint": "",
            "asked_model": "",
            "changes": None,
            "steps": None,
        },
        "work": None,
        "latency_s": 1.5,
        "duration_s": 2.0,
        "attempts": 2,
        "wait_s": 0.25,
        "retry_s": 0.5,
        "connect_s": 0.0625,
        "client_s": 0.125,
        "retries": [{"kind": "http", "message": "500", "wait_s": 0.25}],
        "cost_usd": 0.125,
        "known_cost_usd": None,
        "usage": None,
        "known_usage": None,
        "reruns": 0,
        "grading_s": 0.0,
        "calls": [
            {
                "purpose": "answer",
                "model": "sim/steady",
                "served_model": "gpt-4o-2024-08-06",
                "attempts": 2,
                "latency_s": 1.5,
                "held_s": 0.0,
                "wait_s": 0.25,
                "input_tokens": 7,
                "cached_input_tokens": None,
                "output_tokens": 1,
                "reasoning_tokens": None,
                "cost_usd": 0.125,
                "known_cost_usd": 0.125,
                "cached": False,
                "error": None,
                "fingerprint": "f00d",
            }
        ],
        "error": None,
        "started_at": "2026-01-01T00:00:00.000Z",
        "cached": False,
        "fingerprint": "f00d",
        "tool_calls": 0,
        "rejected_calls": 0,
        "questions": 0,
        "truncated": False,
        "out_of_steps": False,
    }


def test_an_error_has_kind_and_message(tmp_path: Path) -> None:
    (entry,) = written(tmp_path / "bench.json", a_result(status="error", error=Failure("auth", "401")))["results"]
    assert entry["error"] == {"kind": "auth", "message": "401"}
    assert entry["response"] is None


def test_the_run_and_its_models(tmp_path: Path) -> None:
    document = written(tmp_path / "bench.json", a_result("a", score=1.0), a_result("b", status="error"))
    assert list(document) == ["schema_version", "run", "models", "gates", "comparison", "results"]
    assert (document["gates"], document["comparison"]) == ([], None)
    assert document["schema_version"] == 1
    assert document["run"] == {
        "id": "r1",
        "started_at": "2026-01-01T00:00:00.500Z",
        "duration_s": 3.5,
        "plugin_version": "0.1.0",
        "concurrency": 20,
        "exit_status": 1,
        "scenarios": 2,
        "models": 1,
        "trials": 1,
        "runs": 2,
        "planned": None,
        "not_started": [],
        "statuses": {"passed": 1, "failed": 0, "timeout": 0, "error": 1, "skipped": 0},
        "cached": 0,
        "asked": [],
        "checks": {
            "judging": None,
            "noise": {},
            "idle": {"never_failed": [], "never_passed": [], "agreeing": []},
        },
        "judges": [],
        "scenarios_per_min": 30.0,
        "model_runs_per_min": 30.0,
        "makespan_s": 2.0,
        "lower_bound_s": 2.0,
        "shard": "2/4",
        "sessions": [
            {"started_at": "2026-01-01T00:00:00.500Z", "concurrency": 20, "windows": {}, "pools": []},
            {
                "started_at": "2026-01-01T00:01:00.500Z",
                "concurrency": 10,
                "windows": {"sim/steady": 2},
                "pools": [{"models": ["a", "b"], "most": 3}],
            },
        ],
    }
    (model,) = document["models"]
    low, high = model.pop("rate_ci95")
    assert 0 < low < high == 1
    assert model.pop("score_ci95") == [low, high]
    assert (model.pop("p50_ci95"), model.pop("p95_ci95")) == (None, None)
    assert (model.pop("weighted_score"), model.pop("weighted_rank")) == (None, None)
    assert model == {
        "model": "sim/steady",
        "passed": 1,
        "failed": 0,
        "timeouts": 0,
        "errors": 1,
        "skipped": 0,
        "graded": 1,
        "rate": 1.0,
        "score": 1.0,
        "p50_s": 0.0,
        "p95_s": 0.0,
        "input_tokens": None,
        "output_tokens": None,
        "cost_usd": None,
        "waits_s": {},
        "latency_runs": 1,
        "latency_timeouts": 0,
        "client_p95_s": None,
        "answered": 0,
        "truncated": 0,
        "answered_by": {},
        "tool_calls": 0,
        "rejected_calls": 0,
        "ttft_p50": None,
        "ttft_p95": None,
        "tokens_per_s": None,
        "streamed": 0,
        "known_input_tokens": None,
        "known_cached_input_tokens": None,
        "known_output_tokens": None,
        "known_cost_usd": 0.0,
        "cost_per_passed_usd": None,
        "unpriced": 1,
        "reruns": 0,
    }


def test_nothing_ran(tmp_path: Path) -> None:
    document = written(tmp_path / "bench.json")
    assert (document["models"], document["results"]) == ([], [])
    assert document["run"]["model_runs_per_min"] == 0


def test_an_ungraded_model_has_no_interval(tmp_path: Path) -> None:
    (model,) = written(tmp_path / "bench.json", a_result(status="error"))["models"]
    assert (model["rate"], model["rate_ci95"]) == (None, None)


def test_what_json_cannot_say_is_null(tmp_path: Path) -> None:
    document = written(tmp_path / "bench.json", a_result(score=math.nan, cost_usd=math.inf))
    assert (document["results"][0]["score"], document["results"][0]["cost_usd"]) == (None, None)
    assert (document["models"][0]["score"], document["models"][0]["cost_usd"]) == (None, None)


def test_lone_surrogates_do_not_lose_the_document(tmp_path: Path) -> None:
    hostile = a_result(
        status="error",
        error=Failure("malformed", "got \ud800"),
        checks=(CheckResult("c", 0.0, passed=False, explanation="\udfff"),),
    )
    (entry,) = written(tmp_path / "bench.json", hostile)["results"]
    assert entry["error"]["message"] == "got ?"
    assert entry["checks"][0]["explanation"] == "?"


def test_missing_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "nightly" / "bench.json"
    written(path, a_result())
    assert [entry.name for entry in path.parent.iterdir()] == ["bench.json"]


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text("old")

    def results() -> Any:
        yield a_result()
        assert path.read_text() == "old"
        raise RuntimeError("the store broke")

    with pytest.raises(RuntimeError, match="the store broke"):
        write_bench_json(path, Evaluation(RUN, Tally().figures(lanes=1)), results())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    written(link, a_result())
    assert link.is_symlink()
    assert json.loads(target.read_text())["schema_version"] == 1


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_bench_json(pipe, Evaluation(RUN, Tally().figures(lanes=1)), [])
        assert json.loads(os.read(reader, 65536))["schema_version"] == 1
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_folder_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        written(tmp_path, a_result())
    assert str(raised.value) == (
        f"--bench-json {str(tmp_path)!r} cannot be written: Is a directory; name a file in a folder where you may write"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(ConfigError, match=r"taken/bench\.json' cannot be written: (Not a directory|File exists);"):
        written(tmp_path / "taken" / "bench.json", a_result())
