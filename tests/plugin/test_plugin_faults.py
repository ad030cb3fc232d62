"""Servers that stall, lie and break off: what each run comes to, and what its reader is told."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.held_server import Only, held_sim
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_process import live_session
from tests.plugin.plugin_results import JSON, results

LIMIT_S = 1.0
KEY = "sk-secret-of-this-test"


class Fault(NamedTuple):
    """What the server does, and what its run comes to. `said` is a pattern for the whole message."""

    knobs: dict[str, object]
    status: str
    kind: str
    said: str
    attempts: int


LATE = re.escape(f"Timeout (>{LIMIT_S}s): attempt 1 was not answered")
HOST = r"http://127\.0\.0\.1:\d+"
FAULTS = {
    "no-first-byte": Fault({"hang_rate": 1}, "timeout", "timeout", LATE, 1),
    "a-byte-a-second": Fault({"drip": 1}, "timeout", "timeout", LATE, 1),
    "endless-drip": Fault({"endless": True, "drip": 0.3}, "timeout", "timeout", LATE, 1),
    "endless-flood": Fault(
        {"endless": True}, "error", "too-large", rf"the answer of {HOST} is larger than 10000000 bytes; lower .*", 1
    ),
    "huge": Fault(
        {"huge": 10_000_001}, "error", "too-large", rf"the answer of {HOST} is larger than 10000000 bytes; lower .*", 1
    ),
    "announced-huge": Fault(
        {"declared_bytes": 10**15}, "error", "too-large", rf"the answer of {HOST} is larger than 10000000 .*", 1
    ),
    "closed-mid-body": Fault({"truncate_rate": 1}, "error", "malformed", rf"the answer of {HOST} broke off: .*", 2),
    "reset": Fault(
        {"reset_rate": 1}, "error", "connection", rf"the connection to {HOST} ended before an answer: .*", 2
    ),
    "no-http": Fault({"garbage": True}, "error", "connection", rf"the connection to {HOST} ended before .*", 2),
}


def test_each_fault_ends_its_run_with_its_status_and_its_reason(project: Project) -> None:
    late = {name for name, fault in FAULTS.items() if fault.status == "timeout"}
    suite = [scenario(name, fault.knobs, timeout=LIMIT_S if name in late else 60) for name, fault in FAULTS.items()]
    project.suite(*suite, right("sound"))

    result = project.bench("--bench-retries=1", JSON)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "failed": len(late), "errors": len(FAULTS) - len(late)}
    found = results(project)
    for name, fault in FAULTS.items():
        run = found[f"{name}[sim/steady]"]
        assert (run["status"], run["error"]["kind"], run["attempts"]) == (fault.status, fault.kind, fault.attempts)
        assert re.fullmatch(fault.said, run["error"]["message"])
        result.stdout.re_match_lines([rf"({fault.kind}: )?{fault.said} \(sim/steady"])


def test_a_key_is_not_carried_to_another_host(
    project: Project, sim: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    project.watch(sim.url, "redirecting", api_key_env="TEST_KEY")
    with SimServer() as elsewhere:
        project.suite(scenario("moved", {"redirect": f"{elsewhere.url}/chat/completions"}), models=["redirecting"])

        result = project.bench(JSON)

        assert elsewhere.stats() == {}
    run = results(project)["moved[redirecting]"]
    assert (run["status"], run["error"]["kind"], run["attempts"]) == ("error", "redirect", 1)
    assert "redirects are not followed, for the key would travel along" in run["error"]["message"]
    assert KEY not in result.stdout.str()


def test_a_process_without_file_descriptors_says_so_and_ends(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    """A hard limit, so that the plugin cannot raise it; a hundred connections do not fit into it."""
    project.watch(sim.url)
    count = 100
    project.suite(*(scenario(f"s{number}", {"latency": 1}) for number in range(count)), models=["watched"])
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--bench",
        "--bench-concurrency=100",
        "--bench-retries=1",
        JSON,
        *workers,
    ]

    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 50 && exec "$@"', "sh", *command],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
    )

    found = results(project)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert len(found) == count
    errors = {run["error"]["message"] for run in found.values() if run["attempts"] and run["status"] == "error"}
    remedy = "raise the limit (`ulimit -n`) or lower --bench-concurrency"
    assert errors == {f"cannot connect to {sim.url.removesuffix('/v1')}: too many open files; {remedy}"}
    assert f"{count} scenarios x 1 model = {count} runs in " in done.stdout
    assert sim.stats()["steady"]["in_flight"] == 0


@contextmanager
def server_at(port: int) -> Iterator[None]:
    """A simulated server in a process of its own, on this port, until it is killed."""
    module = "pytest_benchmodels.providers.sim"
    process = subprocess.Popen([sys.executable, "-m", module, "--port", str(port)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_server_that_goes_away_and_comes_back_answers_all(project: Project, workers: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    project.watch(f"http://127.0.0.1:{port}/v1")
    count = 30
    project.suite(*(right(f"s{number}") for number in range(count)), models=["watched"])

    with live_session_of_a_restarted_server(project, port, workers) as (status, output):
        assert status == 0, output

    found = results(project)
    assert {run["status"] for run in found.values()} == {"passed"}
    assert len(found) == count
    assert {retry["kind"] for run in found.values() for retry in run["retries"]} == {"connection"}


@contextmanager
def live_session_of_a_restarted_server(
    project: Project, port: int, workers: tuple[str, ...]
) -> Iterator[tuple[int, str]]:
    """A session whose server dies after its first answer, with other requests in flight, and is there again."""
    arguments = ("--bench-concurrency=6", "--bench-retries=8", JSON, *workers)
    with live_session(project.path, *arguments) as session:
        with held_sim(Only(1), port):
            session.wait_for("PASSED")
        with server_at(port):
            yield session.end()
