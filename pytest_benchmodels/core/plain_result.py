"""A result as its JSON has it, every figure by its own name: in reports, in the store, and between processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from pytest_benchmodels.core.json_codec import Codec
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.result import (
    Account,
    AnsweredCall,
    CallSummary,
    CheckResult,
    Failure,
    Origin,
    Record,
    Result,
    Retry,
    Status,
    Timing,
    Verdict,
)
from pytest_benchmodels.core.workspace import Work

__all__ = ["PlainResult", "decode_record", "encode_record", "from_plain", "grouped", "plain_result", "to_plain"]


class PlainResult(Struct, frozen=True, gc=False):
    """The same as a `Result`, whose parts say what each field means. Names stay as they are; fields may be added."""

    nodeid: str
    scenario: str
    model: str
    trial: int
    status: Status
    started_at: float
    duration_s: float
    latency_s: float = 0.0
    wait_s: float = 0.0
    waits: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 0
    score: float | None = None
    threshold: float | None = None
    checks: tuple[CheckResult, ...] = ()
    response: Response | None = None
    error: Failure | None = None
    retries: tuple[Retry, ...] = ()
    cost_usd: float | None = None
    xfail: str | None = None
    cached: bool = False
    regraded: bool = False
    reuse: str = ""
    fingerprint: str = ""
    grade_fingerprint: str = ""
    answers: tuple[Response, ...] = ()
    session: int = 0
    retry_s: float | None = None
    connect_s: float | None = None
    client_s: float | None = None
    timeout_s: float | None = None
    known_cost_usd: float | None = None
    usage: Usage | None = None
    known_usage: Usage | None = None
    reruns: int = 0
    calls: tuple[CallSummary, ...] = ()
    grading_s: float = 0.0
    work: Work | None = None


def plain_result(result: Result) -> PlainResult:
    """A result without its parts. By position: it is made for each run, where names would cost most."""
    timing, verdict, account, origin = result.timing, result.verdict, result.account, result.origin
    return PlainResult(
        result.nodeid,
        result.scenario,
        result.model,
        result.trial,
        result.status,
        timing.started_at,
        timing.duration_s,
        timing.latency_s,
        timing.wait_s,
        timing.waits,
        account.attempts,
        verdict.score,
        verdict.threshold,
        verdict.checks,
        result.response,
        result.error,
        account.retries,
        account.cost_usd,
        verdict.xfail,
        origin.cached,
        origin.regraded,
        origin.reuse,
        origin.fingerprint,
        verdict.grade_fingerprint,
        result.answers,
        origin.session,
        timing.retry_s,
        timing.connect_s,
        timing.client_s,
        timing.timeout_s,
        account.known_cost_usd,
        account.usage,
        account.known_usage,
        account.reruns,
        result.calls,
        timing.grading_s,
        result.work,
    )


def grouped(plain: PlainResult) -> Result:
    """Undo `plain_result`."""
    return Result(
        plain.nodeid,
        plain.scenario,
        plain.model,
        plain.trial,
        plain.status,
        Timing(
            plain.started_at,
            plain.duration_s,
            plain.latency_s,
            plain.wait_s,
            plain.waits,
            plain.retry_s,
            plain.connect_s,
            plain.client_s,
            plain.timeout_s,
            plain.grading_s,
        ),
        Verdict(
            plain.score,
            plain.threshold,
            plain.checks,
            plain.xfail,
            plain.grade_fingerprint,
        ),
        Account(
            plain.attempts,
            plain.retries,
            plain.cost_usd,
            plain.known_cost_usd,
            plain.usage,
            plain.known_usage,
            plain.reruns,
        ),
        Origin(
            plain.fingerprint,
            plain.cached,
            plain.regraded,
            plain.reuse,
            plain.session,
        ),
        plain.response,
        plain.answers,
        plain.error,
        plain.calls,
        plain.work,
    )


def to_plain(result: Result) -> dict[str, object]:
    """The result as str, int, float, bool, None, list and dict, as it crosses from one process to another.

    Its strings may hold no lone surrogates (`text.well_formed`, `text.plain`), which could not cross.
    """
    plain: dict[str, Any] = msgspec.to_builtins(plain_result(result))
    plain["checks"] = _plain_checks(plain["checks"])
    plain["retries"] = list(plain["retries"])
    plain["answers"] = list(plain["answers"])
    for response in (plain["response"], *plain["answers"]):
        if response:
            response["tool_calls"] = list(response["tool_calls"])
            response["tool_results"] = [_plain_tool_result(each) for each in response["tool_results"]]
            response["thinking_parts"] = list(response["thinking_parts"])
            response["changes"] = None if response["changes"] is None else list(response["changes"])
    plain["calls"] = list(plain["calls"])
    if plain["work"]:
        plain["work"] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in plain["work"].items()
        }
    return plain


def _plain_checks(checks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    told = [{**check, "votes": list(check["votes"]), "checks": _plain_checks(check["checks"])} for check in checks]
    for check in told:
        if not check["measures"]:  # hardly any has some
            del check["measures"]
    return told


def _plain_tool_result(result: dict[str, Any]) -> dict[str, Any]:
    content = result["content"]
    return {**result, "content": list(content) if isinstance(content, tuple) else content}


def from_plain(plain: dict[str, object]) -> Result:
    """Undo `to_plain`. Raises `msgspec.ValidationError` for anything that is no result."""
    return grouped(msgspec.convert(plain, PlainResult))


class _PlainRecord(Struct, frozen=True, gc=False):
    """What of a record does not follow from the rest of it."""

    result: PlainResult
    asked: tuple[tuple[Message, ...], ...] = ()
    calls: tuple[AnsweredCall, ...] = ()


_RECORD = Codec(_PlainRecord)


def encode_record(record: Record) -> str:
    """A result with what was asked for it, and what other models were asked: JSON that `decode_record` reads."""
    return _RECORD.encode(_PlainRecord(plain_result(record.result), record.asked, record.calls))


def decode_record(data: str) -> Record:
    """Raises `ValueError` for anything else. Its answers are those that its result has."""
    kept = _RECORD.decode(data)
    result = grouped(kept.result)
    return Record(result, result.all_answers, result.grade_fingerprint, kept.asked, kept.calls)
