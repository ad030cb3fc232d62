"""`benchmodels show`: a run's figures, or one result with its transcript."""

from __future__ import annotations

import shlex
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest

import msgspec

from pytest_benchmodels.cli.commands import add_labels, add_run, add_store, completes_nodeids
from pytest_benchmodels.cli.evaluation import TimedTally, find_labels
from pytest_benchmodels.cli.output import Output, iso, moment, plain_run
from pytest_benchmodels.cli.source import Source, open_source
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.label import Labels
from pytest_benchmodels.core.message import Message, Response, readable
from pytest_benchmodels.core.plain_result import to_plain
from pytest_benchmodels.core.result import CallSummary, CheckResult, Result
from pytest_benchmodels.core.text import clip, nearest, quote
from pytest_benchmodels.reports.checks import check_lines, checks_plain
from pytest_benchmodels.reports.failure import OUT_OF_STEPS, failure_headline, ruling
from pytest_benchmodels.reports.summary import summary_lines
from pytest_benchmodels.reports.units import (
    UNKNOWN,
    dollars,
    duration,
    failed_request,
    fraction,
    one_line,
    plural,
    requests,
    tokens,
)
from pytest_benchmodels.reports.verdicts import ranking_lines, ranking_plain
from pytest_benchmodels.reports.work import work_lines
from pytest_benchmodels.store import StoredCall, StoredConversation

__all__ = ["add_arguments", "run", "transcript_lines", "transcript_plain"]

_SAID_LIMIT = 1000
_NUMBERS_LIMIT = 100
Calls = Mapping[str, StoredCall]


def transcript_lines(result: Result, answers: StoredConversation, calls: Calls) -> Iterator[str]:
    """The whole result; no text is cut. Texts are as they came: whoever writes them to a terminal escapes them."""
    yield _indented(result.nodeid)
    yield _headline(result)
    if result.error is not None:
        yield _indented(f"{result.error.kind}: {result.error.message}")
    if result.reuse:
        yield _indented(result.reuse)
    yield from _attempt_lines(result)
    yield from _turn_lines(answers, result.model)
    if result.is_out_of_steps:
        yield OUT_OF_STEPS
    yield from _check_lines(result)
    yield from _call_lines(result, calls)
    yield from work_lines(result)


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
        if stored.is_of(call):
            plain["response"] = _plain_answer(stored.response)
    return plain


def _plain_answer(answer: Response) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(answer)
    del plain["pause_s"], plain["thinking_parts"]  # these are between provider and engine, and no part of an answer
    return plain


def _headline(result: Result) -> str:
    decided = ruling(result)
    parts: list[str] = [result.status, decided] if decided else [result.status]
    if result.score is not None and not decided.startswith("score "):
        parts.append(f"score {fraction(result.score)}")
    parts += [duration(result.duration_s), requests(result)]
    if result.rejected_calls:
        parts.append(f"{result.rejected_calls} of {plural(result.tool_calls, 'tool call')} rejected")
    if result.questions:
        parts.append(f"{plural(result.questions, 'question')} to the user")
    spent = result.spent
    if spent.cost_usd is not None or spent.known_cost_usd:
        parts.append(dollars(spent.cost_usd, spent.known_cost_usd))
    if result.reruns:
        parts.append(f"run again {plural(result.reruns, 'time')}, which is in the cost")
    return ", ".join(parts)


def _attempt_lines(result: Result) -> Iterator[str]:
    for number, retry in enumerate(result.retries, 1):
        told = one_line(f"{retry.kind}: {retry.message}", _SAID_LIMIT)
        yield f"{failed_request(result)} {number}  {told}; waited {duration(retry.wait_s)}"
    for reason, seconds in sorted(result.waits.items()):
        yield f"waited {duration(seconds)} for {one_line(reason, _SAID_LIMIT)}"


def _turn_lines(answers: StoredConversation, model: str) -> Iterator[str]:
    if answers.answers and not answers.asked:
        yield "what was asked is not known here"
    asked = answers.asked or ((),) * len(answers.answers)
    for messages, answer in zip_longest(asked[: len(answers.answers) + 1], answers.answers, fillvalue=None):
        yield from _asked_lines(messages or ())
        if answer is None:
            yield "< not answered"
            continue
        if answer.thinking:
            yield f"< thinking, apart from the answer: {_indented(answer.thinking)}"
        yield f"< {_spent(answer, model)}: {_indented(answer.readable) or '(empty)'}"


def _asked_lines(messages: tuple[Message, ...]) -> Iterator[str]:
    return (f"> {message.role}: {_indented(readable(message.content))}" for message in messages)


def _call_lines(result: Result, calls: Calls) -> Iterator[str]:
    """What was asked of other models, and what they said."""
    for call in result.other_calls:
        stored = calls.get(call.fingerprint)
        taken_over = ", not asked again" if call.cached else ""
        unknown = "" if stored else "; what it was asked is not known here"
        yield f"{call.purpose}: {one_line(call.model, _SAID_LIMIT)}{taken_over}{unknown}"
        if stored is not None:
            yield from _asked_lines(stored.messages)
        if call.error is not None:
            yield f"< not answered: {_indented(f'{call.error.kind}: {call.error.message}')}"
        elif stored is not None and stored.is_of(call):
            said = stored.response.readable
            # Of the thousands of numbers of an embedding the first say as much to a reader as all.
            said = clip(said, _NUMBERS_LIMIT) if call.purpose == "embed" else said
            yield f"< {_spent(stored.response, call.model)}: {_indented(said) or '(empty)'}"
        elif stored is not None:
            yield "< its answer is not known here: another run that asked the same got a newer one"


def _spent(answer: Response, asked: str) -> str:
    """`assistant (stop, 23ms, 12/3 tokens, gpt-4o-2024-08-06)`: who answered, where that is not the model `asked`."""
    usage = answer.usage
    counted = f"{tokens(usage.input_tokens)}/{tokens(usage.output_tokens)} tokens"
    as_asked = (answer.asked_model,) if answer.asked_model else (asked, asked.partition("/")[2])
    served = "" if answer.served in ("", *as_asked) else f", {one_line(answer.served, _SAID_LIMIT)}"
    reason = one_line(answer.finish_reason or UNKNOWN, _SAID_LIMIT)
    return f"assistant ({reason}, {duration(answer.latency_s)}, {counted}{served})"


def _check_lines(result: Result) -> Iterator[str]:
    for check in result.checks:
        yield from _check_tree(check)


def _check_tree(check: CheckResult) -> Iterator[str]:
    """A check, and below it those that it is made of, of which its own text tells as well."""
    said = check.explanation.partition("\n")[0] if check.checks else _indented(check.explanation)
    explained = f": {said}" if said else ""
    yield f"{'passed' if check.passed else 'failed'}  {_check_name(check)}{explained}"
    for inner in check.checks:
        yield from (f"  {_indented(line)}" for line in _check_tree(inner))


def _check_name(check: CheckResult) -> str:
    shown = check.summary or check.name
    weight = "" if check.weight == 1 else f", weight {check.weight:g}"
    weight += "" if check.weight else ": only informs"
    return f"{one_line(shown, _SAID_LIMIT)} (score {fraction(check.score)}{weight})"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


_SHOWN = 10
_NAMED = 5
_COMPARED = 1000
_LINE_LIMIT = 300


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    completes_nodeids(
        parser.add_argument(
            "nodeid", nargs="?", metavar="NODEID", help="one result: its node id, or a part that only one has"
        )
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_labels(parser)
    add_store(parser)


def run(arguments: Namespace, output: Output) -> int:
    with open_source(arguments.run_name, arguments.store) as source:
        if arguments.nodeid is None:
            _show_run(source, output, find_labels(arguments.labels), as_json=arguments.json)
        else:
            _show_result(source, arguments.nodeid, output, as_json=arguments.json)
    return 0


def _show_run(source: Source, output: Output, labels: Labels | None, *, as_json: bool) -> None:
    tally = TimedTally(source.results(), source.run.sessions, labels=labels)
    if as_json:
        output.document(_plain(source, tally))
        return
    output.line(one_line(_title(source, tally), _LINE_LIMIT), "title")
    for line in _facts(source):
        output.line(line)
    for title, lines in _sections(source, tally):
        output.line()
        output.line(title, "title")
        for line in lines:
            output.line(line)


def _title(source: Source, tally: TimedTally) -> str:
    run, there = source.run, len(tally.outcomes)
    counted = f"{there} results" if run.total is None else f"{there} of {run.total} results"
    shard = f", shard {run.shard}" if run.shard else ""
    return f"{source.name}: {run.state}, {counted}{shard}"


def _facts(source: Source) -> Iterator[str]:
    run = source.run
    several = f", the work of {len(run.sessions)} sessions" if len(run.sessions) > 1 else ""
    end = "ended" if run.state == "unfinished" else "finished"
    yield f"began {moment(run.started_at)}, {end} {moment(run.ended_at)}{several}"
    if run.command:
        yield f"pytest {one_line(shlex.join(run.command), _LINE_LIMIT)}"


def _sections(source: Source, tally: TimedTally) -> Iterator[tuple[str, list[str]]]:
    if unsuccessful := list(_unsuccessful(source, tally)):
        yield "not passed", unsuccessful
    if ranking := tally.ranking():
        yield "model ranking", ranking_lines(ranking)
    if tally.outcomes:
        figures = tally.figures()
        notes = check_lines(figures.checks, details=True)
        yield "benchmark summary", summary_lines(figures, shutil.get_terminal_size().columns, notes)


def _unsuccessful(source: Source, tally: TimedTally) -> Iterator[str]:
    """The first results that did not pass, which a reader looks at next."""
    count = sum(outcome.status not in ("passed", "skipped") for outcome in tally.outcomes)
    found = (result for result in source.results() if result.status not in ("passed", "skipped"))
    for result in islice(found, min(_SHOWN, count)):
        yield f"{result.status:7}  {one_line(result.nodeid, _LINE_LIMIT)}  {failure_headline(result)}"
    if count > _SHOWN:
        yield f"and {count - _SHOWN} more"


def _plain(source: Source, tally: TimedTally) -> dict[str, object]:
    figures, ranking = tally.figures(), tally.ranking()
    return {
        "run": {**plain_run(source.run), "results": len(tally.outcomes)},
        "figures": {
            **{name: figure for name, figure in msgspec.to_builtins(figures).items() if name != "checks"},
            "checks": checks_plain(figures.checks),
            "statuses": figures.statuses,
            "scenarios_per_min": figures.scenarios_per_min,
            "model_runs_per_min": figures.runs_per_min,
        },
        "ranking": ranking_plain(ranking) if ranking else None,
    }


def _show_result(source: Source, wanted: str, output: Output, *, as_json: bool) -> None:
    result = _find(source, wanted)
    answers, calls = source.answers(result), source.calls(result)
    if as_json:
        output.document(transcript_plain(result, answers, calls))
        return
    for line in transcript_lines(result, answers, calls):
        output.line(line)


def _find(source: Source, wanted: str) -> Result:
    """The result with this node id, else the only one that has it in its own. Raises `ConfigError` otherwise."""
    found: Result | None = None
    names: list[str] = []
    others: list[str] = []
    for result in source.results():
        if result.nodeid == wanted:
            return result
        if wanted in result.nodeid:
            found = result
            names.append(result.nodeid)
        elif len(others) < _COMPARED:
            others.append(result.nodeid)
    if found is None:
        hint = f"{nearest(wanted, others)}; `benchmodels export` lists all"
        raise ConfigError(f"{source.name} has no result {quote(wanted, 300)}{hint}")
    if len(names) > 1:
        shown = ", ".join(map(quote, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
        raise ConfigError(f"{quote(wanted, 300)} is in {len(names)} node ids ({shown}): type more of it")
    return found
