"""--bench-retries: further attempts, seen from the server and by the reader."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, broken, scenario
from tests.plugin.plugin_results import seen_by

STORMY: dict[str, object] = {"rate_429": 1, "retry_after": 0}
BROKEN: dict[str, object] = {"rate_500": 1, "retry_after": 0}


@pytest.mark.parametrize(("arguments", "attempts"), [((), 5), (("--bench-retries=1",), 2), (("--bench-retries=0",), 1)])
def test_a_request_gets_that_many_further_attempts(
    project: Project, sim: SimServer, arguments: tuple[str, ...], attempts: int
) -> None:
    project.watch(sim.url)
    project.waits("0.001")
    project.suite(scenario("storm", BROKEN), models=["watched"])

    result = project.bench(*arguments)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"errors": 1}
    assert sim.stats()["steady"]["sent"] == {"500": attempts}
    result.stdout.fnmatch_lines([f"http: HTTP 500 *(watched, {attempts} attempt*"])


def test_a_number_that_was_given_holds_for_a_429_too(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(scenario("storm", STORMY), models=["watched"])

    result = project.bench("--bench-retries=2")

    assert result.parseoutcomes() == {"errors": 1}
    assert sim.stats()["steady"]["sent"] == {"429": 3}
    result.stdout.fnmatch_lines(["rate-limit: HTTP 429 *(watched, 3 attempt*"])


def test_a_429_is_waited_out_beyond_four_retries(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    project.waits("0.001 * 2**n")
    project.suite(scenario("storm", {**STORMY, "recover_after": 6}), models=["watched"])

    result = project.bench(*workers)

    assert result.ret == 0
    assert sim.stats()["steady"]["sent"] == {"429": 6, "200": 1}


def test_a_429_until_the_end_is_an_error_and_no_wrong_answer(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.waits("(0, 0, 0.01, 1000)[n]")
    project.suite(scenario("storm", STORMY, timeout=60), models=["watched"])

    result = project.bench()

    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["rate-limit: HTTP 429 *limit of 60.0 s (watched, 3 attempts*"])


def test_where_the_money_is_spent_no_run_asks_twice_and_most_do_not_ask(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    spent: dict[str, object] = {"status": 429, "text": "You exceeded your current quota: insufficient_quota"}
    project.suite(*(scenario(f"s{number}", spent) for number in range(30)), models=["watched"])

    result = project.bench("--bench-concurrency=2", *workers)

    assert result.parseoutcomes() == {"errors": 30}
    assert seen_by(sim)["steady"]["requests"] <= 5 + 2 * 2
    output = result.stdout.str()
    assert "No money or no quota is left there" in output
    assert "lower --bench-concurrency" not in output


def test_a_run_that_recovers_passes(project: Project, sim: SimServer) -> None:
    project.suite(scenario("storm", {**STORMY, "recover_after": 2}))

    result = project.bench("--junitxml=j.xml")

    assert result.ret == 0
    assert '<property name="bench.attempts" value="3"' in (project.path / "j.xml").read_text()


def test_what_is_refused_is_not_tried_again(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(broken("refused"), models=["watched"])

    project.bench()

    assert sim.stats()["steady"]["requests"] == 1
