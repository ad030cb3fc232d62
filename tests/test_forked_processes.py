"""Forks that stand for new processes behave as those do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked_processes import ForkingPopen

RUNS_WHAT_IT_READS = [sys.executable, "-u", "-c", "import sys;exec(eval(sys.stdin.readline()))"]

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="nothing is forked where pidfd_open is missing")


def program(source: str) -> str:
    return f"{source!r}\n"


def ran(source: str, **options: object) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        RUNS_WHAT_IT_READS, input=program(source), capture_output=True, text=True, check=False, **options
    )
    return done


def test_it_has_imported_what_a_new_process_has_not() -> None:
    assert ran("print('xdist.remote' in sys.modules, __name__, sys.argv)").stdout == "True __main__ ['-c']\n"


def test_it_has_compiled_what_xdist_sends_to_each_worker() -> None:
    send = "import inspect, xdist.remote as remote; from execnet import gateway_base"
    again = "gateway_base.compile(inspect.getsource(remote) + '\\n', inspect.getsourcefile(remote), 'exec')"
    assert ran(f"{send}; {again}; print(gateway_base.compile.cache_info().hits)").stdout == "1\n"


@pytest.mark.usefixtures("real_processes")
def test_none_is_forked_where_that_is_asked_for() -> None:
    assert ran("print('xdist.remote' in sys.modules)").stdout == "False\n"


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("sys.exit(259)", 3),
        ("sys.exit('why')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("raise KeyboardInterrupt", -signal.SIGINT),
    ],
)
@pytest.mark.parametrize("kind", ["fork", "process"])
def test_it_ends_with_the_same_status(kind: str, source: str, status: int, request: pytest.FixtureRequest) -> None:
    if kind == "process":
        request.getfixturevalue("real_processes")
    assert ran(source).returncode == status


def test_an_error_is_told_on_standard_error() -> None:
    assert ran("1 / 0").stderr.endswith("ZeroDivisionError: division by zero\n")
    assert ran("sys.exit('why')").stderr == "why\n"


def test_what_is_registered_for_the_end_is_called_and_threads_are_waited_for() -> None:
    source = (
        "import atexit, threading\n"
        "atexit.register(print, 'end')\n"
        "threading.Thread(target=lambda: threading.main_thread().join() or print('thread')).start()"
    )
    assert ran(source).stdout == "thread\nend\n"


def test_it_has_its_environment_folder_and_path(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "mine", "NAME": "w\u00f6rd"}
    starting = {name: value for name, value in os.environ.items() if name.startswith(("LC_", "LANG", "LD_"))}
    source = "import os; print(os.getcwd(), os.environ['NAME'], 'HOME' in os.environ, sys.path[:2])"

    done = ran(source, cwd=tmp_path, env={**starting, **environ})

    assert done.stdout == f"{tmp_path} w\u00f6rd False ['', '{tmp_path / 'mine'}']\n"


def test_it_has_the_descriptors_that_it_is_handed_and_no_others() -> None:
    read, write = os.pipe()
    held = "[number for number in range(9999) if os.path.exists(f'/proc/self/fd/{number}')]"
    source = f"import os; os.write({write}, b'here'); print({held})"

    done = ran(source, pass_fds=[write])

    os.close(write)
    assert os.read(read, 9) == b"here"
    os.close(read)
    assert done.stdout == f"{[0, 1, 2, write]}\n"


def test_it_can_be_ended_and_waited_for() -> None:
    with subprocess.Popen(RUNS_WHAT_IT_READS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(program("import os; print(os.getpid(), flush=True); input()"))
        process.stdin.flush()
        assert int(process.stdout.readline()) == process.pid
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
        assert process.poll() is None
        process.terminate()
        assert process.wait() == -signal.SIGTERM
        assert process.poll() == -signal.SIGTERM


@pytest.mark.parametrize("new_session", [True, False])
def test_it_is_in_the_session_that_is_asked_for(*, new_session: bool) -> None:
    done = ran("import os; print(os.getpid(), os.getsid(0))", start_new_session=new_session)
    number, session = map(int, done.stdout.split())
    assert session == (number if new_session else os.getsid(0))


def test_what_it_used_is_told() -> None:
    with subprocess.Popen(RUNS_WHAT_IT_READS, stdin=subprocess.PIPE, text=True) as process:
        assert isinstance(process, ForkingPopen)
        process.communicate(program("import time; held = bytearray(80_000_000)\nwhile time.process_time() < 0.1: pass"))
        assert process.is_fork
        assert process.used is not None
        cpu_s, peak_kb = process.used
        assert cpu_s >= 0.1
        assert peak_kb > 80_000


def _other_program() -> list[str]:
    return [sys.executable, "-c", "print('xdist.remote' in __import__('sys').modules)"]


def test_another_command_is_not_forked() -> None:
    assert subprocess.check_output(_other_program(), text=True) == "False\n"
    assert subprocess.check_output("echo here", shell=True, text=True) == "here\n"  # noqa: S602 - a shell is meant


def test_what_an_interpreter_reads_at_its_start_is_not_changed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert ran("print('xdist.remote' in sys.modules)").stdout == "False\n"


def test_a_server_that_died_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(RUNS_WHAT_IT_READS, stdin=subprocess.PIPE) as process:
        assert isinstance(process, ForkingPopen)
        closed: Callable[..., bytes] = lambda *_: b""  # noqa: E731 - what a connection that is gone gives
        monkeypatch.setattr("tests.forked_processes.receive_all", closed)
        process.kill()
        assert process.wait() == 255
