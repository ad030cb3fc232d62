"""A check of what an answer's mathematics come to: math-verify compares, in a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.extras import FromExtra
from pytest_benchmodels.graders.normalization import right, shown, text_of, wrong

__all__ = ["CHECKS", "MathEqual"]

_SCRIPT = Path(__file__).with_name("math_process.py")
_MOST_CHARS = 50_000
_AT_ONCE = 2
_OPERAND = r"(?:\d+\.\d+|[0-9A-Za-z]+)"
_AT_SIGHT = re.compile(rf"-?{_OPERAND}(?: ?[-+*/^] ?{_OPERAND})*")
"""Numbers, fractions and the like: math-verify takes a second to load, and reads all of these."""

_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class MathEqual(FromExtra, frozen=True):
    r"""The answer gives a mathematical expression that equals this one: `1/2` is `0.5`, and `(x+1)^2` is `x^2+2x+1`.

    The value is an expression in LaTeX or plain text, or a number. In the answer that one counts which math-verify
    finds: in `\boxed{}`, after "the final answer is", else the last one. Numbers are equal that agree in `decimals`
    decimals. To compare may take `timeout` seconds of the processor's time.
    """

    math_equal: Annotated[str, Meta(min_length=1)] | int | float
    decimals: Annotated[int, Meta(ge=0, le=15)] = 6
    timeout: Annotated[float, Meta(gt=0, le=60)] = 5

    package: ClassVar[str] = "math_verify"
    extra: ClassVar[str] = "math"

    def grade(self, response: Response) -> Grade:
        """Compare; raise `CheckError` where that takes too long, or where the check's own value is no expression."""
        expected, answer = text_of(self.math_equal), response.text
        if len(answer) > _MOST_CHARS:
            raise CheckError(
                f"the answer has {len(answer):,} characters, and `math_equal` reads at most {_MOST_CHARS:,}; "
                "lower max_tokens or use another check"
            )
        asked = {"expected": expected, "answer": answer, "decimals": self.decimals, "limit_s": self.timeout}
        try:
            reply = _processes(os.getpid()).ask(asked)
        except TimeoutError:
            rule = f"takes more than {self.timeout:g} s; `timeout` allows up to 60"
            raise CheckError(f"to compare {shown(answer)} {rule}") from None
        if "fault" in reply:
            raise CheckError(f"math-verify could not compare {shown(answer)}: {reply['fault']}")
        if "unreadable" in reply:
            raise CheckError(self._unreadable())
        read = f"read {shown(reply['read'])}" if reply["read"] else "read no expression"
        if reply["equal"]:
            return right(f"{read}, which equals {shown(expected)}")
        return wrong(f"expected {shown(expected)}, {read} in {shown(answer)}")

    def value_fault(self) -> str | None:
        """Why math-verify reads no expression in the value. What is readable at sight does not start its process."""
        expected = text_of(self.math_equal)
        if _AT_SIGHT.fullmatch(expected):
            return None
        try:
            reply = _processes(os.getpid()).ask({"expected": expected, "limit_s": self.timeout})
        except TimeoutError:
            return f"to read {shown(expected)} takes more than {self.timeout:g} s; `timeout` allows up to 60"
        if "fault" in reply:
            return f"math-verify could not read {shown(expected)}: {reply['fault']}; write it in another way"
        return self._unreadable() if reply["unreadable"] else None

    def _unreadable(self) -> str:
        expected = shown(text_of(self.math_equal))
        return f"math_equal {expected} is no mathematical expression: write it in LaTeX, such as \\frac{{1}}{{2}}"

    def example(self) -> str:
        return text_of(self.math_equal)


class _Processes:
    """At most two processes of this one, started when they are needed, each asked one thing at a time.

    One that does not come back is followed by another. They end with this process, however it ends: their standard
    input does then.
    """

    def __init__(self) -> None:
        self._free = threading.Semaphore(_AT_ONCE)
        self._idle: list[subprocess.Popen[str]] = []

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The reply, of which `fault` says why there is none. Raises `TimeoutError` when its time is over."""
        line = json.dumps(asked) + "\n"
        with self._free:
            process = self._idle.pop() if self._idle else _started()
            reply = _reply(process, line)
            if reply:
                self._idle.append(process)
        if reply:
            found: dict[str, Any] = json.loads(reply)
            return found
        _end(process)
        if process.returncode == -signal.SIGPROF:
            raise TimeoutError
        return {"fault": f"its process ended with status {process.returncode}"}

    def close(self) -> None:
        """End those that nobody is asking."""
        while self._idle:
            _end(self._idle.pop())


def _started() -> subprocess.Popen[str]:
    # It has no key to give away, and in a session of its own the user's Ctrl-C does not reach it.
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-I", str(_SCRIPT), json.dumps(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        start_new_session=True,
    )


def _reply(process: subprocess.Popen[str], line: str) -> str:
    """The line that came back; empty where the process ended over it."""
    assert process.stdin is not None  # noqa: S101 - it was started with one
    assert process.stdout is not None  # noqa: S101 - it was started with one
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(line)
        process.stdin.flush()
        return process.stdout.readline()
    return ""


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    # Closes its pipes, also where it is gone with a request half written, and waits for it.
    with contextlib.suppress(BrokenPipeError), process:
        pass


@cache
def _processes(pid: int) -> _Processes:  # noqa: ARG001 - those of a parent that forked are not its child's
    made = _Processes()
    atexit.register(made.close)
    return made


CHECKS: tuple[type[Grader], ...] = (MathEqual,)
"""The checks of this family, in the order in which they are told."""
