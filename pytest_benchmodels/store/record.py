"""What goes into a store and what comes out of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, Self

from msgspec.structs import replace

from pytest_benchmodels.core.fingerprint import fingerprint
from pytest_benchmodels.core.json_codec import Codec
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.plain_result import PlainResult, grouped, plain_result
from pytest_benchmodels.core.result import CallSummary, Purpose, Result, Status
from pytest_benchmodels.core.run import Run, Session

__all__ = [
    "NO_VERDICT",
    "Beginning",
    "Begun",
    "Extent",
    "Pruned",
    "Spending",
    "State",
    "StoredCall",
    "StoredConversation",
    "StoredRun",
    "conversation_of",
    "decode_answers",
    "decode_asked",
    "decode_messages",
    "decode_response",
    "decode_result",
    "encode_answers",
    "encode_asked",
    "encode_messages",
    "encode_response",
    "encode_result",
]

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
class StoredConversation:
    """The stored answers to one question: one for each turn. `created_at` is in seconds since the epoch.

    `asked` are the messages that each turn added, empty if they were left out; those of turns without an answer follow.
    """

    model: str
    created_at: float
    answers: tuple[Response, ...]
    asked: tuple[tuple[Message, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """The answers so far of a run that goes on. `fingerprint` is the run's."""

    nodeid: str
    fingerprint: str
    conversation: StoredConversation

    @classmethod
    def of(cls, run: Run, answers: tuple[Response, ...], now: float) -> Self:
        """What is kept of a run at this time, in seconds since the epoch."""
        said = StoredConversation(run.model.id, now, answers, run.scenario.asked_for(answers))
        return cls(run.nodeid, fingerprint(run), said)

    def as_text(self) -> str:
        """As one process tells another."""
        said = self.conversation
        parts = (self.nodeid, self.fingerprint, said.model, encode_answers(said.answers), encode_asked(said.asked))
        return _BEGUN.encode((said.created_at, *parts))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `as_text` made."""
        created_at, nodeid, fingerprint, model, answers, asked = _BEGUN.decode(text)
        said = StoredConversation(model, created_at, decode_answers(answers), decode_asked(asked))
        return cls(nodeid, fingerprint, said)


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A question to another model than a run's own, and its answer. `created_at` is in seconds since the epoch."""

    fingerprint: str
    purpose: Purpose
    model: str
    created_at: float
    messages: tuple[Message, ...]
    response: Response

    def is_of(self, call: CallSummary) -> bool:
        """Whether the call got this answer: another run that asked the very same may have got a newer one since."""
        return self.response.latency_s == call.latency_s


_WRITTEN_WITHIN_S = 60.0


def conversation_of(result: Result, found: StoredConversation | None = None) -> StoredConversation:
    """What was asked and answered in each turn of a result, as far as it is known; `found` is what its store has.

    Its own answers where it has those of all turns, else those that were found, unless another run got them later.
    """
    own = StoredConversation(result.model, result.started_at, result.all_answers)
    if found is None:
        return own
    if not result.answers and _rests_on(result, found):
        return found
    # One fingerprint, one question. A last answer alone fits no first turn.
    is_of_it = len(found.asked) == len(own.answers) if own.answers else result.status != "skipped"
    return dataclasses.replace(own, asked=found.asked) if is_of_it else own


def _rests_on(result: Result, found: StoredConversation) -> bool:
    """Whether these are the answers that this run had; one that ended without an answer may have had some turns'."""
    if result.response is not None:
        return bool(found.answers) and found.answers[-1].message == result.response.message
    return result.started_at <= found.created_at <= result.started_at + result.duration_s + _WRITTEN_WITHIN_S


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
    """What was removed: runs by id, and how many results, responses and calls with them."""

    runs: tuple[str, ...]
    results: int
    responses: int
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Extent:
    """The results that a run is to have: those of `nodeids`, and `unnamed` more of which only the number is known.

    A store that an older version wrote has numbers only, and so has a `--bench-json` file.
    """

    nodeids: frozenset[str] = frozenset()
    unnamed: int = 0

    @property
    def total(self) -> int:
        return len(self.nodeids) + self.unnamed

    def and_session(self, nodeids: Iterable[str]) -> Extent:
        """The same with what one more session asked for: new node ids may be those that could not be named before."""
        together = self.nodeids.union(nodeids)
        return Extent(together, max(0, self.unnamed - (len(together) - len(self.nodeids))))

    def without(self, nodeids: AbstractSet[str]) -> Extent:
        """The same without these node ids, which no longer exist."""
        return Extent(self.nodeids - nodeids, self.unnamed)

    def and_part(self, other: Extent) -> Extent:
        """The same with another part of the suite; they share no results but those that both name."""
        return Extent(self.nodeids | other.nodeids, self.unnamed + other.unnamed)


_RESULT = Codec(PlainResult)
_ANSWERS: Codec[tuple[Response, ...]] = Codec(tuple[Response, ...])
_ASKED: Codec[tuple[tuple[Message, ...], ...]] = Codec(tuple[tuple[Message, ...], ...])
_MESSAGES: Codec[tuple[Message, ...]] = Codec(tuple[Message, ...])
_RESPONSE = Codec(Response)
_BEGUN: Codec[tuple[float, str, str, str, str, str]] = Codec(tuple[float, str, str, str, str, str])


def encode_result(result: Result) -> str:
    """JSON that `decode_result` reads; lone surrogates are replaced."""
    return _RESULT.encode(plain_result(result))


def decode_result(data: str) -> Result:
    """Raises `ValueError` for anything else than a result."""
    return grouped(_RESULT.decode(data))


def encode_answers(answers: tuple[Response, ...]) -> str:
    """The same for the answers of a conversation, without what they said of the model's quota at that time."""
    kept = [answer if answer.pause_s is None else replace(answer, pause_s=None) for answer in answers]
    return _ANSWERS.encode(tuple(kept))


def decode_answers(data: str) -> tuple[Response, ...]:
    """Raises `ValueError` for anything else than answers."""
    return _ANSWERS.decode(data)


def encode_asked(asked: tuple[tuple[Message, ...], ...]) -> str:
    """The same for the messages that each turn added."""
    return _ASKED.encode(asked)


def decode_asked(data: str) -> tuple[tuple[Message, ...], ...]:
    """Raises `ValueError` for anything else than messages of turns."""
    return _ASKED.decode(data)


def encode_messages(messages: tuple[Message, ...]) -> str:
    """The same for the messages of one call."""
    return _MESSAGES.encode(messages)


def decode_messages(data: str) -> tuple[Message, ...]:
    """Raises `ValueError` for anything else than messages."""
    return _MESSAGES.decode(data)


def encode_response(response: Response) -> str:
    """The same for the answer to one call, without what it said of the model's quota at that time."""
    return _RESPONSE.encode(response if response.pause_s is None else replace(response, pause_s=None))


def decode_response(data: str) -> Response:
    """Raises `ValueError` for anything else than a response."""
    return _RESPONSE.decode(data)
