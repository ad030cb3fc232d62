"""Checks that ask other models: known before the first call, in lanes of their own, told apart from the answers."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, junit_cases, right, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

CONFTEST = """
from pytest_benchmodels import Grade, Grader

class Judged(Grader, frozen=True):
    judged: str
    by: str = "judge"

    def asked_models(self):
        return (self.by,)

    async def grade(self, context):
        answer = await context.ask(self.by, f"{self.judged} {context.text}")
        return Grade.of(True, f"the judge said {answer.text!r}")

    def example(self):
        return "ok"

def pytest_bench_graders():
    return [Judged]
"""
RUNS = 6


@pytest.fixture
def judging(project: Project, sim: SimServer) -> Project:
    """A project whose runs ask the model `judge`, at a server where it is counted."""
    project.write("conftest.py", CONFTEST)
    model(project, sim, "judge", "slow", "params = {sim = {latency = 0.01}}", "price = {input = 1e5, output = 1e5}")
    return project


def model(project: Project, sim: SimServer, alias: str, name: str, *lines: str) -> None:
    """Let bench.toml name a model of this server."""
    path = project.path / "bench.toml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    entry = [f"[model.{alias}]", 'provider = "sim"', f'name = "{name}"', f'base_url = "{sim.url}"', *lines]
    project.write("bench.toml", "\n".join([before, *entry]))


def judged(count: int = RUNS, **keys: object) -> list[dict[str, object]]:
    return [scenario(f"s{number}", checks=[{"judged": "Right?"}], **keys) for number in range(count)]  # type: ignore[arg-type]


def test_each_run_asks_its_judge_and_tells_it_apart(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judging.suite(*judged())

    result = judging.bench(JSON, "--junit-xml=j.xml", *workers)

    result.assert_outcomes(passed=RUNS)
    result.stdout.fnmatch_lines([f"judge: judge: {RUNS} calls, p50 *ms, tokens */*, cost $*"])
    assert seen_by(sim)["slow"]["requests"] == RUNS
    for ended in results(judging).values():
        answer, verdict = ended["calls"]
        assert (answer["purpose"], answer["model"]) == ("answer", "sim/steady")
        assert (verdict["purpose"], verdict["model"], verdict["served_model"]) == ("judge", "judge", "slow")
        assert (ended["cost_usd"], ended["attempts"]) == (0, 1)
        assert verdict["cost_usd"] > 0
    assert len(junit_cases(judging.path / "j.xml")) == RUNS


@pytest.mark.parametrize("distribution", [(), ("-n2",), ("-n2", "--dist=loadfile")], ids=["serial", "n2", "loadfile"])
def test_a_model_with_one_lane_judges_its_own_answers(
    judging: Project, sim: SimServer, distribution: tuple[str, ...]
) -> None:
    model(judging, sim, "one", "steady", "max_in_flight = 1")
    judging.suite(
        *[scenario(f"s{number}", checks=[{"judged": "?", "by": "one"}]) for number in range(3)], models=["one"]
    )

    result = judging.bench(JSON, *distribution)

    result.assert_outcomes(passed=3)
    assert seen_by(sim)["steady"]["requests"] == 6
    assert seen_by(sim)["steady"]["max_in_flight"] == 1


def test_a_judge_has_a_maximum_of_its_own(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    model(judging, sim, "patient", "hang", "max_in_flight = 2", "params = {sim = {latency = 0.05, hang_rate = 0}}")
    judging.suite(*[scenario(f"s{number}", checks=[{"judged": "?", "by": "patient"}]) for number in range(8)])

    judging.bench(*workers).assert_outcomes(passed=8)

    assert seen_by(sim)["hang"]["max_in_flight"] <= 2


def test_a_judge_without_a_key_is_told_before_the_first_call(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*[right("plain"), scenario("s", checks=[{"judged": "?", "by": "openai/gpt"}])], models=["asked"])

    result = judging.bench(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no API key for openai/gpt: set the environment variable OPENAI_API_KEY"])
    assert seen_by(sim).get("steady", {}).get("requests", 0) == 0


def test_a_judge_that_does_not_exist_is_told_with_who_wants_it(judging: Project, workers: tuple[str, ...]) -> None:
    judging.suite(scenario("s", checks=[{"judged": "?", "by": "nobody/knows"}]))

    result = judging.bench(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown model 'nobody/knows'*(wanted by suite.yaml::s[[]sim/steady])"])


def test_a_judge_that_fails_is_an_error_and_others_go_on(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    model(judging, sim, "broken", "flaky", "params = {sim = {status = 401, latency = 0}}")
    broken = [scenario(f"b{number}", checks=[{"judged": "?", "by": "broken"}]) for number in range(20)]
    judging.suite(*judged(2), *broken)

    result = judging.bench(JSON, "--bench-concurrency=1", *workers)

    result.assert_outcomes(passed=2, errors=20)
    errors = [ended["error"] for name, ended in results(judging).items() if name.startswith("b")]
    assert {error["kind"] for error in errors} == {"judge"}
    assert all("check 'judged' has no verdict: broken did not answer it: " in error["message"] for error in errors)
    assert any("not started: 5 runs in a row" in error["message"] for error in errors), "it is out of order by then"
    assert 5 <= seen_by(sim)["flaky"]["requests"] <= 8
    assert results(judging)["b0[sim/steady]"]["response"]["text"] == "ok", "what was answered is kept"


def test_what_judges_cost_counts_for_the_budget(judging: Project, workers: tuple[str, ...]) -> None:
    judging.suite(*judged(12))

    result = judging.bench(JSON, "--bench-concurrency=1", "--bench-budget=1.5", *workers)

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] + outcomes["skipped"] == 12
    assert outcomes["skipped"] >= 6, "each verdict costs more than 0.5 dollars"


def test_stored_answers_are_judged_afresh_by_asking_the_judge_alone(judging: Project, sim: SimServer) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*judged(), models=["asked"])
    judging.bench().assert_outcomes(passed=RUNS)

    judging.bench(JSON, "--bench-regrade").assert_outcomes(passed=RUNS)

    assert (seen_by(sim)["steady"]["requests"], seen_by(sim)["slow"]["requests"]) == (RUNS, 2 * RUNS)
    assert all(ended["calls"][1]["purpose"] == "judge" for ended in results(judging).values())


def test_the_plan_names_whom_checks_ask_and_needs_no_key(judging: Project) -> None:
    judging.suite(*judged(2), scenario("s", checks=[{"judged": "?", "by": "openai/gpt"}]))

    result = judging.bench("--bench-plan")

    result.stdout.fnmatch_lines(
        [
            "checks ask judge too: at 2 runs, at a cost that is not known before",
            "checks ask openai/gpt too: at 1 run, at a cost that is not known before",
        ]
    )
