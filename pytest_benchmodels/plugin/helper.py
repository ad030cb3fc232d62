"""The process that looks after the one process: it ends a session whose interpreter a check holds, and says so.

Nothing in the session itself could: neither its threads nor its signal handlers get to run. The helper is a bare
interpreter of about 10 MB, and is started only where checks run that are not ours. It ends with the session.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pytest_benchmodels.core.run import Run

from .overdue import GRACE_S, RECORD, OverdueRecords

__all__ = ["looked_after"]

_PROGRAM = """
import os, select, signal, struct, sys, time
path, form, grace, parent, advice = sys.argv[1:]
record, seen = struct.Struct(form), 0
while not select.select([0], [], [], 1)[0]:
    with open(path, "rb") as file:
        content = file.read()
    now = time.monotonic()
    found = [record.unpack_from(content, at) for at in range(8, len(content) - record.size + 1, record.size)]
    late = [one for one in found if one[3] and one[2] + float(grace) < now]
    seen = seen + 1 if late else 0  # twice: this process may have been stopped together with the other
    if seen > 1:
        last = max(late, key=lambda one: one[1])
        text = last[4][:last[3]].decode("utf-8", "replace")
        os.write(2, f"\\n!!! {text}. Nothing else can run, so the session is killed. {advice}\\n".encode())
        os.kill(int(parent), signal.SIGKILL)
        break
"""


@contextmanager
def looked_after(advice: str) -> Iterator[Callable[[Run], AbstractContextManager[object]]]:
    """Start the helper, and give what is to be entered around the judging of each run. `advice` ends its message."""
    with tempfile.TemporaryDirectory(prefix="benchmodels-") as folder:
        path = str(Path(folder) / "judging")
        records = OverdueRecords(path)
        arguments = [path, RECORD.format, str(GRACE_S), str(os.getpid()), advice]
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, *arguments]
        # In a group of its own: a Ctrl-C of the terminal's is the session's, and the helper would die of it aloud.
        with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as helper:  # noqa: S603 - our own program
            try:
                yield records.judging
            finally:
                if helper.stdin is not None:
                    helper.stdin.close()
                helper.wait()
                records.close()
