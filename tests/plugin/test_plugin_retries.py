"""--bench-retries: further attempts, seen from the server and by the reader."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, broken, scenario

STORMY: dict[str, object] = {"rate_429": 1, "retry_after": 0}


@pytest.mark.parametrize(("arguments", "attempts"), [((), 5), (("--bench-retries=1",), 2), (("--bench-retries=0",), 1)])
def test_a_request_gets_that_many_further_attempts(
    project: Project, sim: SimServer, arguments: tuple[str, ...], attempts: int
) -> None:
    project.watch(sim.url)
    project.suite(scenario("storm", STORMY), models=["watched"])

    result = project.bench(*arguments)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"errors": 1}
    assert sim.stats()["steady"]["sent"] == {"429": attempts}
    result.stdout.fnmatch_lines([f"rate-limit: HTTP 429 *(watched, {attempts} attempt*"])


def test_a_run_that_recovers_passes(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.suite(scenario("storm", {**STORMY, "recover_after": 2}))

    result = project.bench("--junitxml=j.xml", *workers)

    assert result.ret == 0
    assert '<property name="bench.attempts" value="3"' in (project.path / "j.xml").read_text()


def test_what_is_refused_is_not_tried_again(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    project.suite(broken("refused"), models=["watched"])

    project.bench(*workers)

    assert sim.stats()["steady"]["requests"] == 1
