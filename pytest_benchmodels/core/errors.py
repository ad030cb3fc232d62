"""The exceptions that cross rooms.

    BenchError
    ├── ConfigError         bench.toml, an option or the environment: ends the session as a usage error
    ├── ScenarioFileError   one file's problems, all of them: a collection error
    ├── FormatError         a file that a user's own reader cannot read: a collection error of that file
    ├── ProviderError       one request that brought no usable answer
    ├── CheckError          a check that cannot judge this answer, through no fault of the answer
    ├── ToolError           a tool of the user's that crashed, or its MCP server
    ├── WorkspaceError      a workspace that cannot be made, or in which nothing may run
    ├── CallError           a question of a check's to another model that was not answered
    └── StoreError          a store that cannot be read or written: a run goes on without it

The engine turns ProviderError, CheckError, ToolError, WorkspaceError and CallError into the `Failure` of a `Result`: a
run's end is data, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_benchmodels.core.message import Usage

__all__ = [
    "BenchError",
    "CallError",
    "CheckError",
    "ConfigError",
    "FormatError",
    "Problem",
    "ProviderError",
    "ScenarioFileError",
    "StoreError",
    "ToolError",
    "WorkspaceError",
]


class BenchError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(BenchError):
    """A configuration that cannot work. Its text names the value, the rule and the remedy."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file; `line` counts from 1."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class ScenarioFileError(BenchError):
    """Everything that is wrong with one scenario file, in order of lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


class FormatError(BenchError):
    """What a reader of `pytest_bench_formats` raises for a file that is wrong.

    `line` counts from 1; None if it is not known.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class ProviderError(BenchError):
    """A request that brought no usable answer.

    `kind` is a short stable word for dashboards: `connection`, `rate-limit`, `quota`, `overloaded`, `auth`,
    `not-found`, `content-filter`, `context-length`, `bad-request`, `malformed`, `too-large`, `redirect`, `file`,
    `http`. `status` is the HTTP status, if there was one. `retry_after_s`, in seconds, is the server's own wish.
    `usage` is what the provider counted for it all the same, None where it said nothing. `sent` is False where nothing
    can have reached the provider. `remedy` is what to do about it where the kind does not tell, empty where it does.
    The message never holds a key.
    """

    def __init__(  # noqa: PLR0913 - what is known differs from kind to kind, and is named
        self,
        kind: str,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        usage: Usage | None = None,
        sent: bool = True,
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.usage = usage
        self.sent = sent
        self.remedy = remedy

    @property
    def may_be_billed(self) -> bool:
        """Whether the provider may have billed the request: its answer was unusable, or nobody saw how it ended.

        A request that was refused with an HTTP status of its own is free at all providers.
        """
        if self.usage is not None or self.status is not None:
            return self.usage is not None or 200 <= (self.status or 0) < 300
        return self.sent and self.kind in ("connection", "malformed", "too-large", "stalled")


class CheckError(BenchError):
    """A check that cannot judge: its pattern ran out of time, its input is beyond its limits."""


class ToolError(BenchError):
    """A tool of the user's that crashed; its text names the tool, and file and line of the code, or the MCP server."""


class WorkspaceError(BenchError):
    """A run's workspace cannot be made, or its commands cannot run here; the text says why, and what to do."""


class CallError(BenchError):
    """Another model did not answer a check's question; the text names the model and the cause.

    `answer` is the `Response` that it gave, where that is no answer to the question: it is not taken for one again.
    """

    def __init__(self, message: str, answer: object = None) -> None:
        super().__init__(message)
        self.answer = answer


class StoreError(BenchError):
    """A store that cannot be read or written. Its text names the file, what is wrong with it and the remedy."""
