"""--bench-regrade: stored answers are judged, and no model is called."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, broken, hanging, json_report, right, wrong
from tests.plugin.plugin_store import requests, stored, stored_runs, talk

BLOCKING = """
import threading
from pytest_benchmodels import Grade, Grader

class Blocks(Grader, frozen=True):
    blocks: bool

    def grade(self, response):
        threading.Event().wait()

def pytest_bench_graders():
    return [Blocks]
"""


def test_changed_checks_judge_what_was_answered(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), models=["watched"])
    project.bench("--bench-repeat=2")
    project.suite(
        right("a", checks=[{"max_words": 1}, {"equals": "5"}], threshold=0.5),
        wrong("b", checks=[{"equals": "4", "not": True}]),
        models=["watched"],
    )

    result = project.bench("--bench-regrade", "--bench-repeat=2", "--bench-json=b.json", *workers)

    assert result.parseoutcomes() == {"passed": 4}
    assert requests(sim) == 4
    entries = json_report(project.path / "b.json")["results"]
    assert sorted((entry["scenario"], entry["trial"], entry["score"]) for entry in entries) == [
        ("a", 1, 0.5),
        ("a", 2, 0.5),
        ("b", 1, 1.0),
        ("b", 2, 1.0),
    ]
    assert stored_runs(project)[0].state == "finished"


def test_each_turn_of_a_conversation_is_judged(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(talk("talk"), models=["watched"])
    assert project.bench().parseoutcomes() == {"passed": 1}
    project.suite(talk("talk", "wrong", "7"), models=["watched"])

    result = project.bench("--bench-regrade")

    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*failed*turn 1: *expected 'wrong', got '4'*", "*passed*turn 2: *"])
    assert requests(sim) == 2


def test_what_was_never_answered_is_skipped_for_that_reason(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), right("b"), models=["watched"])
    project.bench()
    project.suite(right("a", prompt="What is 1 + 3?"), right("b"), talk("c"), models=["watched"])

    result = project.bench("--bench-regrade", "-rs")

    assert result.parseoutcomes() == {"passed": 1, "skipped": 2}
    result.stdout.fnmatch_lines_random(
        ["SKIPPED * suite.yaml:1: not reused: messages changed", "SKIPPED * suite.yaml:1: no stored response"]
    )
    result.stdout.no_fnmatch_line("to finish this run: *")
    assert requests(sim) == 2
    assert stored(project)["c"].error is not None


def test_without_a_store_all_is_skipped_and_nothing_called(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])

    result = project.bench("--bench-regrade", "-rs")

    assert result.parseoutcomes() == {"skipped": 1}
    result.stdout.fnmatch_lines(["SKIPPED *"])
    assert requests(sim) == 0


def test_a_check_that_fails_to_judge_is_an_error_and_can_judge_again(project: Project, sim: SimServer) -> None:
    grader = (
        "import pytest_benchmodels\n"
        "class Odd(pytest_benchmodels.Grader, frozen=True):\n"
        "    odd: bool\n"
        "    def grade(self, response):\n"
        "        {}\n"
        "def pytest_bench_graders():\n    return [Odd]\n"
    )
    project.watch(sim.url)
    project.suite(right("a"), models=["watched"])
    project.bench()
    project.write("conftest.py", grader.format("raise RuntimeError('oh')"))
    project.suite(right("a", checks=[{"odd": True}]), models=["watched"])
    assert project.bench_process("--bench-regrade").parseoutcomes() == {"errors": 1}
    project.write("conftest.py", grader.format("return pytest_benchmodels.Grade.of(True)"))

    result = project.bench_process("--bench-regrade")

    assert result.parseoutcomes() == {"passed": 1}
    assert requests(sim) == 1


def test_a_model_that_is_not_called_needs_no_key(
    project: Project, sim: SimServer, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.watch(sim.url, api_key_env="TEAM_KEY")
    project.suite(right("a"), models=["watched"])
    monkeypatch.setenv("TEAM_KEY", "sk-team-0123456789")
    project.bench()
    monkeypatch.delenv("TEAM_KEY")

    result = project.bench("--bench-regrade", *workers)

    assert result.parseoutcomes() == {"passed": 1}
    assert requests(sim) == 1


def test_a_timeout_without_an_answer_stays_one_and_the_rate_the_same(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), hanging("c"), hanging("d"), models=["watched"])
    first = project.bench("--bench-json=first.json")
    assert first.parseoutcomes() == {"passed": 1, "failed": 3}
    asked = requests(sim)

    for name in ("second", "third"):
        again = project.bench("--bench-regrade", f"--bench-json={name}.json", "--junitxml=j.xml")
        assert again.parseoutcomes() == {"passed": 1, "failed": 3}
        again.stdout.fnmatch_lines(["Timeout (>0.3s): attempt 1 was not answered*"])
        again.stdout.fnmatch_lines(["p50 and p95 leave out timeouts: watched: 2 of 4 runs"])
        assert requests(sim) == asked
        before, after = (json_report(project.path / f"{which}.json")["models"][0] for which in ("first", name))
        same = (
            *("rate", "passed", "failed", "timeouts", "p50_s", "p95_s", "latency_runs", "latency_timeouts"),
            *("input_tokens", "known_input_tokens", "cost_usd", "known_cost_usd", "unpriced"),
        )
        assert before["input_tokens"] is None  # what a timeout took, nobody told
        assert {key: after[key] for key in same} == {key: before[key] for key in same}
        told = json_report(project.path / f"{name}.json")["results"]
        assert {run["scenario"]: (run["cached"], run["regraded"]) for run in told} == {
            **dict.fromkeys("ab", (True, True)),
            **dict.fromkeys("cd", (True, False)),  # nothing was there to judge
        }


def test_a_timeout_of_another_run_that_a_resumed_one_takes_over_is_kept(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    late = project.suite(hanging("late"), name="late.yaml", models=["watched"])
    project.bench(str(late))
    broke = project.suite(broken("broke"), name="broke.yaml", models=["watched"])
    project.bench(str(broke))

    project.bench("--bench-resume", "--bench-regrade", "--bench-json=b.json")
    project._pytester.run("benchmodels", "report", "latest", "--json", "shown.json")

    for name in ("b.json", "shown.json"):
        (timeout,) = [run for run in json_report(project.path / name)["results"] if run["scenario"] == "late"]
        assert (timeout["status"], timeout["cached"], timeout["regraded"]) == ("timeout", True, False)


def test_a_timeout_that_was_answered_since_is_judged(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a", timeout=0.001), models=["watched"])
    project.bench()
    project.suite(right("a"), models=["watched"])
    assert project.bench().parseoutcomes() == {"passed": 1}

    assert project.bench("--bench-regrade").parseoutcomes() == {"passed": 1}


def test_an_answer_that_no_check_got_to_is_judged_now(project: Project, sim: SimServer) -> None:
    project.write("conftest.py", BLOCKING)
    project.watch(sim.url)
    requests(sim)  # it is up, so that the limit is the check's
    project.suite(right("a", checks=[{"blocks": True}], timeout=3), models=["watched"])
    assert project.bench().parseoutcomes() == {"failed": 1}
    project.suite(right("a", checks=[{"min_words": 1}], timeout=3), models=["watched"])

    assert project.bench("--bench-regrade").parseoutcomes() == {"passed": 1}


def test_failed_attempts_are_no_latency_by_any_way(project: Project, sim: SimServer) -> None:
    """Two turns, each after a failed attempt that took longer than the limit of the check."""
    slow_to_fail: dict[str, object] = {"latency": 0.4, "sigma": 0, "rate_500": 1, "recover_after": 1}
    project.watch(sim.url)
    limit = [{"max_latency": 60}]
    project.suite({**talk("talk"), "params": {"sim": slow_to_fail}, "checks": limit}, models=["watched"])
    assert project.bench("--bench-json=live.json").parseoutcomes() == {"passed": 1}
    (live,) = json_report(project.path / "live.json")["results"]
    assert live["attempts"] == 4
    assert 0 < live["latency_s"] + live["retry_s"] + live["wait_s"] <= live["duration_s"]
    assert live["latency_s"] == sum(answer["latency_s"] for answer in live["answers"])

    for reuse in ("--bench-regrade", "--bench-cache"):
        limit[0]["max_latency"] -= 1
        project.suite({**talk("talk"), "params": {"sim": slow_to_fail}, "checks": limit}, models=["watched"])
        gate = f"--bench-gate=p95_latency <= {live['latency_s']!r}s"
        assert project.bench(reuse, gate, "--bench-json=again.json").ret == 0
        (again,) = json_report(project.path / "again.json")["results"]
        times = ("latency_s", "connect_s", "client_s")
        assert {name: again[name] for name in times} == {name: live[name] for name in times}
