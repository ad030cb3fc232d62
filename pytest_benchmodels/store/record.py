"""What goes into a store and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pytest_benchmodels.core.exchange import Message, Response
from pytest_benchmodels.core.result import Result, Status
from pytest_benchmodels.core.session import Session

__all__ = ["NO_VERDICT", "Answers", "Beginning", "Pruned", "Record", "Spending", "State", "StoredRun"]

State = Literal["running", "finished", "unfinished", "interrupted"]

NO_VERDICT: tuple[Status, ...] = ("error", "skipped")
"""How a run ends that nobody judged."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known of a session's run when it begins.

    `command` is the command line, word by word. `total` is how many results there are to be, None while unknown.
    `shard` is `I/N`, None for a whole. `began_at` is in seconds since the epoch, None for now.
    """

    command: tuple[str, ...]
    plugin_version: str
    total: int | None = None
    shard: str | None = None
    began_at: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One result and what it rests on.

    `answers` are the model's, one for each turn that was answered, each with its own usage and latency; empty where
    there is nothing new to keep. `grade_fingerprint` says by which checks it was judged, empty if it was not. `asked`
    are the messages that each turn added, for readers of the transcript; they may be left out.
    """

    result: Result
    answers: tuple[Response, ...] = ()
    grade_fingerprint: str = ""
    asked: tuple[tuple[Message, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A session's run, as the store has it. Times are in seconds since the epoch.

    `statuses` counts its results, `total` is how many there are to be. `sessions` are those that worked on it, in the
    order in which `Result.session` counts them. `state`: `running` while the process that makes it lives, `finished`
    when that process said so, `unfinished` when it came to its end with all results, some of them without a verdict,
    else `interrupted`. `last_result_at` is when the last of its results ended, None without one.
    """

    id: str
    started_at: float
    finished_at: float | None
    state: State
    command: tuple[str, ...]
    plugin_version: str
    total: int | None = None
    shard: str | None = None
    statuses: Mapping[Status, int] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()
    last_result_at: float | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of its results are there: what has no verdict is a result too."""
        return self.state in ("finished", "unfinished")

    @property
    def ended_at(self) -> float | None:
        """When it came to its end; None where it did not."""
        return self.last_result_at if self.state == "unfinished" else self.finished_at


@dataclass(frozen=True, slots=True)
class Answers:
    """The stored answers to one question: one for each turn. `created_at` is in seconds since the epoch.

    `asked` are the messages that each turn added, empty if they were left out.
    """

    model: str
    created_at: float
    answers: tuple[Response, ...]
    asked: tuple[tuple[Message, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """What the answered runs of a scenario took of one model, all trials: tokens and seconds.

    Means, and the largest output; None where the provider counted no tokens.
    """

    runs: int
    input_tokens: float | None
    output_tokens: float | None
    most_output_tokens: int | None
    duration_s: float
    cached_input_tokens: float | None = None
    cache_write_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed: runs by id, and how many results and responses with them."""

    runs: tuple[str, ...]
    results: int
    responses: int
