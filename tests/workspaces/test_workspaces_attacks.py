"""Code that tries to pass without being right, to get out, or to leave something behind: none does."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from pytest_benchmodels.core.program import Program
from tests.workspaces.conftest import RunNow
from tests.workspaces.runners import adopt_orphans, living_children

ATTACKS = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text("utf-8"))
TESTS = "# token: hunter2\nassert f() == 1\n"


def code_of(kind: str, name: str) -> str:
    code: str = ATTACKS[kind][name]
    return code if "def f(" in code else f"{code}\ndef f(): return 0\n"


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """List processes before and after: those that a test began are gone."""
    adopt_orphans()
    before = living_children()
    yield
    for each in set(living_children()) - set(before):
        # The kernel kills what is in a namespace as its first process ends: on a busy machine, a moment later.
        with suppress(ProcessLookupError):
            watched = os.pidfd_open(int(each.partition(" ")[0]))
            select.select([watched], [], [], 10.0)
            os.close(watched)
    assert living_children() == before


@pytest.mark.parametrize("name", ATTACKS["forgeries"])
def test_no_forgery_passes(name: str, run_now: RunNow) -> None:
    result = run_now(Program((code_of("forgeries", name),), TESTS, timeout_s=5))

    assert result.outcome in ("failed", "timeout"), result
    assert run_now(Program(("def f(): return 1",), TESTS)).outcome == "passed"


@pytest.mark.parametrize("name", ATTACKS["endless"])
def test_what_does_not_end_is_ended(name: str, run_now: RunNow) -> None:
    result = run_now(Program((code_of("endless", name),), TESTS, timeout_s=1))

    assert result.outcome == "timeout", result


@pytest.mark.parametrize("name", ATTACKS["greedy"])
def test_what_takes_too_much_gets_no_more(name: str, run_now: RunNow) -> None:
    result = run_now(Program((code_of("greedy", name),), TESTS, timeout_s=3))

    assert result.outcome in ("failed", "timeout"), result


@pytest.mark.parametrize("name", ATTACKS["killers"])
def test_nobody_is_killed_who_is_not_its_own(name: str, run_now: RunNow) -> None:
    result = run_now(Program((code_of("killers", name),), TESTS, timeout_s=3))

    assert result.outcome == "failed", result


def test_a_watcher_that_is_stopped_is_ended_with_all_of_it(run_now: RunNow) -> None:
    code = "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True: pass"

    assert run_now(Program((code,), TESTS, timeout_s=0.5)).outcome in ("failed", "timeout")


def test_no_key_is_seen(run_now: RunNow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    assert run_now(Program((ATTACKS["spies"]["key"],), "assert found() is False")).told == "all tests pass"


def test_no_file_outside_is_read_or_written(run_now: RunNow) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)  # anybody may: what keeps the code out is the confinement
        secret = folder / "secret"
        secret.write_text("secret", "utf-8")
        secret.chmod(0o666)
        elsewhere = [Path.home() / "new", Path("/usr/new"), Path("/etc/new"), Path("/new"), Path("/var/new")]
        paths = [str(path) for path in (secret, folder / "new", *elsewhere)]

        result = run_now(Program((ATTACKS["spies"]["files"],), f"assert found({paths!r}) == []"))

        assert result.told == "all tests pass"
        assert (secret.read_text("utf-8"), list(folder.iterdir())) == ("secret", [secret])
        assert not any(path.exists() for path in elsewhere)


def test_the_network_is_not_reached(run_now: RunNow) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0benchmodels-{os.getpid()}")
        local.listen()
        tests = f"assert found({server.getsockname()[1]}, {local.getsockname().decode()!r}) == []"

        assert run_now(Program((ATTACKS["spies"]["network"],), tests)).told == "all tests pass"
