"""One result as a reader sees it: what was asked and answered, turn by turn, and how it was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pytest_benchmodels.cli.moments import iso
from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.message import Message, readable
from pytest_benchmodels.core.plain_result import to_plain
from pytest_benchmodels.core.result import CallSummary, CheckResult, Result
from pytest_benchmodels.reports.failure import ruling
from pytest_benchmodels.reports.units import UNKNOWN, dollars, duration, fraction, one_line, plural, tokens
from pytest_benchmodels.store import StoredCall, StoredConversation

__all__ = ["transcript_lines", "transcript_plain"]

_LINE_LIMIT = 1000
Calls = Mapping[str, StoredCall]


def transcript_lines(result: Result, answers: StoredConversation, calls: Calls) -> Iterator[str]:
    """The whole of it, no text is cut. Texts are as they came: whoever writes them to a terminal escapes them."""
    yield _indented(result.nodeid)
    yield _headline(result)
    if result.error is not None:
        yield _indented(f"{result.error.kind}: {result.error.message}")
    if result.reuse:
        yield _indented(result.reuse)
    yield from _attempt_lines(result)
    yield from _turn_lines(answers)
    yield from _check_lines(result)
    yield from _call_lines(result, calls)


def transcript_plain(result: Result, answers: StoredConversation, calls: Calls) -> dict[str, object]:
    """The result as `--bench-json` has it, with `turns` in place of `answers`: what each one asked, and its answer.

    Of calls to other models it has `messages` and `response` as well, where they are known.
    """
    asked = answers.asked or ((),) * len(answers.answers)
    turns = [
        {"asked": msgspec.to_builtins(messages), "answer": _plain_answer(answer)}
        for messages, answer in zip(asked, answers.answers, strict=False)
    ]
    plain = to_plain(result)
    del plain["answers"]
    response = _plain_answer(result.response) if result.response is not None else None
    plain["calls"] = [_plain_call(call, calls) for call in result.calls]
    return {**plain, "response": response, "started_at": iso(result.started_at), "turns": turns}


def _plain_call(call: CallSummary, calls: Calls) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(call)
    if (stored := calls.get(call.fingerprint)) is not None:
        plain["messages"] = msgspec.to_builtins(stored.messages)
        if _is_its_own(stored, call):
            plain["response"] = _plain_answer(stored.response)
    return plain


def _is_its_own(stored: StoredCall, call: CallSummary) -> bool:
    """Whether it got this answer: another run that asked the very same may have got a newer one since."""
    return stored.response.latency_s == call.latency_s


def _plain_answer(answer: Response) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(answer)
    del plain["pause_s"]  # between a provider and the engine, nobody else's business
    return plain


def _headline(result: Result) -> str:
    decided = ruling(result)
    parts: list[str] = [result.status, decided] if decided else [result.status]
    if result.score is not None and not decided.startswith("score "):
        parts.append(f"score {fraction(result.score)}")
    parts += [duration(result.duration_s), plural(result.attempts, "attempt")]
    spent = result.spent
    if spent.cost_usd is not None or spent.known_cost_usd:
        parts.append(dollars(spent.cost_usd, spent.known_cost_usd))
    if result.reruns:
        parts.append(f"run again {plural(result.reruns, 'time')}, which is in the cost")
    return ", ".join(parts)


def _attempt_lines(result: Result) -> Iterator[str]:
    for number, retry in enumerate(result.retries, 1):
        told = one_line(f"{retry.kind}: {retry.message}", _LINE_LIMIT)
        yield f"attempt {number}  {told}; waited {duration(retry.wait_s)}"
    for reason, seconds in sorted(result.waits.items()):
        yield f"waited {duration(seconds)} for {one_line(reason, _LINE_LIMIT)}"


def _turn_lines(answers: StoredConversation) -> Iterator[str]:
    if answers.answers and not answers.asked:
        yield "what was asked is not known here"
    asked = answers.asked or ((),) * len(answers.answers)
    for messages, answer in zip(asked, answers.answers, strict=False):
        yield from _asked_lines(messages)
        if answer.thinking:
            yield f"< thinking, which no check sees: {_indented(answer.thinking)}"
        yield f"< {_spent(answer)}: {_indented(answer.readable) or '(empty)'}"


def _asked_lines(messages: tuple[Message, ...]) -> Iterator[str]:
    return (f"> {message.role}: {_indented(readable(message.content))}" for message in messages)


def _call_lines(result: Result, calls: Calls) -> Iterator[str]:
    """What was asked of other models, and what they said."""
    for call in result.other_calls:
        stored = calls.get(call.fingerprint)
        taken_over = ", not asked again" if call.cached else ""
        unknown = "" if stored else "; what it was asked is not known here"
        yield f"{call.purpose}: {one_line(call.model, _LINE_LIMIT)}{taken_over}{unknown}"
        if stored is not None:
            yield from _asked_lines(stored.messages)
        if call.error is not None:
            yield f"< not answered: {_indented(f'{call.error.kind}: {call.error.message}')}"
        elif stored is not None and _is_its_own(stored, call):
            yield f"< {_spent(stored.response)}: {_indented(stored.response.readable) or '(empty)'}"
        elif stored is not None:
            yield "< its answer is not known here: another run that asked the same got a newer one"


def _spent(answer: Response) -> str:
    """`assistant (stop, 23ms, 12/3 tokens)`."""
    usage = answer.usage
    counted = f"{tokens(usage.input_tokens)}/{tokens(usage.output_tokens)} tokens"
    return (
        f"assistant ({one_line(answer.finish_reason or UNKNOWN, _LINE_LIMIT)}, {duration(answer.latency_s)}, {counted})"
    )


def _check_lines(result: Result) -> Iterator[str]:
    for check in result.checks:
        explained = f": {_indented(check.explanation)}" if check.explanation else ""
        yield f"{'passed' if check.passed else 'failed'}  {_check_name(check)}{explained}"


def _check_name(check: CheckResult) -> str:
    shown = check.summary or check.name
    weight = "" if check.weight == 1 else f", weight {check.weight:g}"
    weight += "" if check.weight else ": only informs"
    return f"{one_line(shown, _LINE_LIMIT)} (score {fraction(check.score)}{weight})"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
