"""The circuit breaker: a model that is out of order ends at once, the server is left alone, others go on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, by_both, right, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

RUNS = 20
IN_A_ROW = 5
WINDOW = 2


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of loopback where nobody listens, and nobody will as long as the test lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


class Refusal(NamedTuple):
    """What the server answers, and what a reader is told."""

    status: int
    kind: str
    said: str


REFUSALS = [
    Refusal(401, "auth", "HTTP 401 Unauthorized from http://*: *. Name the key's variable: api_key_env"),
    Refusal(404, "not-found", "HTTP 404 Not Found from http://*: *. Are base_url and the model's name 'steady' right?"),
]


@by_both("refusal", *REFUSALS)
def test_a_model_that_is_refused_five_times_in_a_row_is_not_asked_again(
    project: Project, sim: SimServer, workers: tuple[str, ...], refusal: Refusal
) -> None:
    status, kind, said = refusal
    project.watch(sim.url, "bad")
    project.watch(sim.url, "good", name="slow")
    project.suite(
        *(scenario(f"b{number}", {"status": status, "latency": 0}, models=["bad"]) for number in range(RUNS)),
        *(scenario(f"g{number}", {"latency": 0.05}, models=["good"]) for number in range(RUNS)),
        models=(),
    )

    result = project.bench(f"--bench-concurrency={WINDOW}", JSON, *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": RUNS, "errors": RUNS}
    seen = seen_by(sim)
    assert IN_A_ROW <= seen["steady"]["requests"] < IN_A_ROW + WINDOW
    assert seen["slow"]["sent"] == {"200": RUNS}
    result.stdout.fnmatch_lines([f"errors: bad: {RUNS} x {kind}: HTTP {status} *"])
    bad = [run for run in results(project).values() if run["model"] == "bad"]
    unsent = [run for run in bad if not run["attempts"]]
    assert len(unsent) == RUNS - seen["steady"]["requests"]
    assert {run["error"]["kind"] for run in bad} == {kind}
    told = f"not started: {IN_A_ROW} runs in a row ended with the same kind of error: "
    assert all(run["error"]["message"].startswith(told) for run in unsent)
    result.stdout.fnmatch_lines([f"{kind}: {told}{said} (bad, 0ms)"])
    result.stdout.fnmatch_lines([f"{kind}: {said} (bad, 1 attempt, *)"])


def test_a_server_that_is_not_there_is_given_up(project: Project, closed_port: int) -> None:
    project.watch(f"http://127.0.0.1:{closed_port}/v1", "gone")
    project.suite(*(right(f"s{number}") for number in range(RUNS)), models=["gone", "sim/steady"])

    result = project.bench("--bench-retries=1", f"--bench-concurrency={WINDOW}", JSON)

    assert result.parseoutcomes() == {"passed": RUNS, "errors": RUNS}
    attempts = [run["attempts"] for run in results(project).values() if run["model"] == "gone"]
    assert sorted(attempts, reverse=True)[:IN_A_ROW] == [2] * IN_A_ROW
    # A run that waits for its next attempt lets another start, and two windows of them may wait.
    assert sum(map(bool, attempts)) < IN_A_ROW + 3 * WINDOW
    refused = f"cannot connect to http://127.0.0.1:{closed_port}: connection refused"
    result.stdout.fnmatch_lines(
        [f"connection: {refused}; is the server running, is base_url right? (gone, 2 attempts*"]
    )
    result.stdout.fnmatch_lines([f"connection: not started: 5 runs in a row *: {refused}*"])
    result.stdout.fnmatch_lines([f"errors: gone: {RUNS} x connection: {refused}*"])
