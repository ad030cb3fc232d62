"""Starts Python processes by forking one that has imported everything already, in a twentieth of the time.

`main` listens at a path, says `ready`, and ends with its standard input. Each connection asks for one process, and is
told its number and, when it ended, its status and what it used. What a fork has in common with its siblings, and a
process of its own would not: the seed of hashes, and modules that it did not import. The interpreter is not taken down
at its end.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import inspect
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import types
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple, NoReturn

__all__ = ["END", "NUMBER", "Request", "main", "receive_all", "receive_request", "send_request"]

NUMBER = struct.Struct("!q")
END = struct.Struct("!qdq")
"""A status as of `os.waitpid`, CPU seconds and the peak of memory in KiB."""
_MOST_DESCRIPTORS = 16
_HEAVY = (
    *("asyncio", "concurrent.futures.thread", "encodings.idna", "resource", "sqlite3", "ssl", "stringprep"),
    *("httpx", "jinja2", "jsonschema", "rapidfuzz", "regex", "xml.etree.ElementTree", "yaml"),
    *("_pytest.stepwise", "execnet.gateway", "execnet.gateway_base"),
    *("xdist.remote", "xdist.dsession", "xdist.workermanage"),
)


class Request(NamedTuple):
    """One process. `words` follow the interpreter's name; `numbers` are what its descriptors are to be known by."""

    words: Sequence[str]
    folder: str
    environ: dict[str, str]
    numbers: Sequence[int]
    new_session: bool
    group: int


def send_request(connection: socket.socket, request: Request, descriptors: Sequence[int]) -> None:
    """Ask for a process that has these descriptors."""
    body = json.dumps(request).encode()
    socket.send_fds(connection, [NUMBER.pack(len(body))], list(descriptors))
    connection.sendall(body)


def receive_request(connection: socket.socket) -> tuple[Request, list[int]]:
    """What is asked for, and the descriptors that came with it."""
    head, descriptors, _, _ = socket.recv_fds(connection, NUMBER.size, _MOST_DESCRIPTORS)
    body = receive_all(connection, NUMBER.unpack(head)[0])
    return Request(*json.loads(body)), descriptors


def receive_all(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer if the other side is gone."""
    received = b""
    while len(received) < size and (part := connection.recv(size - len(received))):
        received += part
    return received


def _import_all() -> None:
    """Import what sessions, workers and simulated providers will, and do once what the first of each would do.

    A session does most of it: pytest's hook for assertions sees all plugins, as in a new process, and what reads
    scenarios, answers and results is made.
    """
    import pytest

    class Imports:
        @staticmethod
        @pytest.hookimpl(tryfirst=True)
        def pytest_cmdline_main(config: pytest.Config) -> None:
            """Have it imported, and not start the thread that it would start."""
            if config.pluginmanager.has_plugin("rerunfailures"):
                config.pluginmanager.unregister(name="rerunfailures")

        @staticmethod
        def pytest_sessionstart() -> None:
            import pytest_benchmodels

            for name in _HEAVY:
                importlib.import_module(name)
            for found in pkgutil.walk_packages(pytest_benchmodels.__path__, "pytest_benchmodels."):
                if not found.name.endswith("__main__"):
                    importlib.import_module(found.name)

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("suite.yaml", "w", encoding="utf-8") as file:  # noqa: PTH123 - no Path here
            file.write('{"models": ["sim/steady"], "prompt": "Hi", "checks": [{"equals": "4"}]}')
        words = ["-qq", "-pno:cacheprovider", f"--rootdir={folder}", "--bench", "suite.yaml"]
        assert pytest.main(words, plugins=[Imports()]) == 0
        os.chdir("/")
    _prepare_workers()


def _prepare_workers() -> None:
    """Compile what xdist sends to each worker, and make what reads our part of it."""
    import msgspec
    from execnet import gateway_base
    from xdist import remote

    from pytest_benchmodels.plugin.workers.messages import WorkerConfig

    kept = vars(gateway_base)["compile"] = lru_cache(maxsize=8)(compile)
    kept(f"{inspect.getsource(remote)}\n", inspect.getsourcefile(remote), "exec")
    with suppress(msgspec.ValidationError):
        msgspec.convert({}, WorkerConfig)


def _serve(listening: socket.socket) -> None:
    """Fork until standard input ends; wait for each child and say how it ended."""
    children: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(listening, select.POLLIN)
    while True:
        for number, _ in poll.poll():
            if number == 0:
                return
            if number == listening.fileno():
                connection, _ = listening.accept()
                child = _fork(connection)
                watched = os.pidfd_open(child)
                children[watched] = child, connection
                poll.register(watched, select.POLLIN)
            else:
                poll.unregister(number)
                os.close(number)
                child, connection = children.pop(number)
                _, status, usage = os.wait4(child, 0)
                _tell(connection, END.pack(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
                connection.close()


def _tell(connection: socket.socket, words: bytes) -> None:
    with suppress(OSError):  # whoever asked may be gone
        connection.sendall(words)


def _fork(connection: socket.socket) -> int:
    request, descriptors = receive_request(connection)
    child = os.fork()
    if not child:
        _live(request, descriptors)
    for number in descriptors:
        os.close(number)
    _tell(connection, NUMBER.pack(child))
    return child


def _live(request: Request, descriptors: Sequence[int]) -> NoReturn:
    """Be the process that was asked for, and end as the interpreter would."""
    status = 1
    try:
        _take_over(request, descriptors)
        status = _run(request)
        threading._shutdown()  # type: ignore[attr-defined] # as the interpreter does: it waits for threads
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    finally:
        os._exit(status)


def _take_over(request: Request, descriptors: Sequence[int]) -> None:
    """Have the descriptors, the folder, the environment and the search path of a new process."""
    if request.new_session:
        os.setsid()
    if request.group >= 0:
        os.setpgid(0, request.group)
    _renumber(descriptors, request.numbers)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    added = request.environ.get("PYTHONPATH", "")
    sys.path[:0] = [os.path.abspath(entry) for entry in added.split(os.pathsep) if entry]  # noqa: PTH100 - no Path here
    flags = _parsed(request.words)[0]
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        errors = "backslashreplace" if name == "stderr" else "strict"
        buffering = 0 if "-u" in flags and mode == "w" else -1
        raw = open(number, f"{mode}b", buffering, closefd=False)  # noqa: SIM115 - the process's own, to its end
        stream = io.TextIOWrapper(raw, errors=errors, write_through="-u" in flags)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _renumber(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give the descriptors these numbers, and close all others."""
    import fcntl

    # Where none of them is to go in the end: one would be closed by the other's coming.
    beyond = max((2, *numbers)) + 1
    aside = [fcntl.fcntl(number, fcntl.F_DUPFD, beyond) for number in descriptors]
    for one, number in zip(aside, numbers, strict=True):
        os.dup2(one, number)
    for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - no Path here
        if number not in numbers:
            with suppress(OSError):  # the listing's own
                os.close(number)


def _run(request: Request) -> int:
    """Run `-c CODE` or `-m MODULE`; the exit status, as the interpreter finds it."""
    flags, kind, what, rest = _parsed(request.words)
    try:
        if kind == "-c":
            sys.argv = ["-c", *rest]
            sys.path[:0] = [] if "-P" in flags else [""]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), main.__dict__)  # noqa: S102 - that is what was asked for
        else:
            sys.argv = [what, *rest]
            sys.path[:0] = [] if "-P" in flags else [request.folder]
            runpy.run_module(what, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        sys.stderr.write(f"{end.code}\n")
        return 1
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - the interpreter's own last resort
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _parsed(words: Sequence[str]) -> tuple[list[str], str, str, list[str]]:
    """Flags, `-c` or `-m`, its argument, and the program's own arguments."""
    for index, word in enumerate(words):
        if word in ("-c", "-m"):
            return list(words[:index]), word, words[index + 1], list(words[index + 2 :])
        if word.startswith("-m"):
            return list(words[:index]), "-m", word[2:], list(words[index + 1 :])
    raise ValueError(f"no -c and no -m: {words}")


def main(address: str, *modules: str) -> None:
    """Be the server, which imports these modules too."""
    from tests.forked_processes import ForkServer, fork_from
    from tests.kept_lookups import keep_lookups

    keep_lookups()
    # A project of a test's may have a folder `tests` of its own.
    sys.path.pop(0)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    _import_all()
    for module in modules:
        importlib.import_module(module)
    # A session that is forked has its own workers forked, too.
    fork_from(ForkServer(address))
    gc.collect()
    gc.freeze()  # the collector writes to each object that it looks at: each child would copy them all
    assert threading.active_count() == 1, "a fork beside threads may wait for ever for what one of them held"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        _serve(listening)
