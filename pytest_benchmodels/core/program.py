"""Code out of an answer, the tests that it has to pass, and what came of that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from pytest_benchmodels.core.errors import CheckError

__all__ = ["Program", "ProgramResult", "RunProgram", "no_programs"]


@dataclass(frozen=True, slots=True)
class Program:
    """Python code with its tests.

    `code` are parts that run as one; where they do not compile together, those that are no Python are left out.
    `before` is the author's text that the code goes on from; tests see it too. With `entry_point` the tests see this
    one name of the code's, and a function `check` of theirs is called with it. `timeout_s` is in seconds of real time,
    `memory_mb` in MB of address space of each process, `processes` counts processes and threads of the code.
    """

    code: tuple[str, ...]
    tests: str
    before: str = ""
    entry_point: str = ""
    timeout_s: float = 10.0
    memory_mb: int = 512
    processes: int = 1


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How the tests ended. `told` says for a reader what failed; it may quote the code, which is hostile text."""

    outcome: Literal["passed", "failed", "timeout"]
    told: str


RunProgram = Callable[[Program], Awaitable[ProgramResult]]
"""Runs a program in a process of its own. Raises `CheckError` where that cannot be done on this machine."""


async def no_programs(program: Program) -> ProgramResult:  # noqa: ARG001 - a RunProgram
    """The `RunProgram` of a context that belongs to no session: it raises."""
    raise CheckError("code of answers is not run here: this context belongs to no session")
