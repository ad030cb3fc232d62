"""`--bench-html`: one file that shows a run to a reader, with nothing to fetch and nothing to install.

Model output is hostile. None of it becomes markup: the template escapes what it shows, results are JSON that the page's
own script puts in as text, and the page's content security policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from pytest_benchmodels.core.message import Message, Response, readable
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, CheckResult, Record, Result
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.core.text import clip, plain
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.checks import idle_lines, judging_lines, noise_lines
from pytest_benchmodels.reports.comparison import change_lines, comparison_notes, comparison_table, incomparable_lines
from pytest_benchmodels.reports.failure import ruling
from pytest_benchmodels.reports.summary import (
    asked_lines,
    closing_lines,
    cut_lines,
    position_lines,
    served_lines,
    summary_table,
    timing_lines,
    tool_lines,
)
from pytest_benchmodels.reports.units import dollars, duration, fraction, one_line, percent, plural, tokens, utc
from pytest_benchmodels.reports.verdicts import gate_line, pair_lines, ranking_table
from pytest_benchmodels.reports.work import change_line, command_line, steps_lines
from pytest_benchmodels.reports.ze_lines import ze_lines

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["island", "write_html"]

_SIZE_LIMIT = 12_000_000
_NAME_LIMIT = 300
_NUMBERS_LIMIT = 100

# `</script>` and `<!--` would end or change the element; in JSON these characters stand in strings only.
_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


@dataclass(frozen=True, slots=True)
class _Detail:
    """How many characters are shown of an answer, a question and a short text, and how many entries of a list."""

    text: int
    asked: int
    line: int
    entries: int


_DETAILS = (
    _Detail(text=10_000, asked=5000, line=1000, entries=50),
    _Detail(text=3000, asked=1500, line=500, entries=50),
    _Detail(text=1000, asked=500, line=300, entries=20),
    _Detail(text=300, asked=200, line=150, entries=10),
    _Detail(text=80, asked=80, line=80, entries=3),
)
_LEAST = _Detail(text=80, asked=0, line=80, entries=3)
"""Of what passed, if there is no room: what was asked and answered in the others is looked at first."""


_MORE = 2
"""How many times the room of others a result has that did not pass: those are what a reader opens."""


def island(records: Iterable[Record], runs: int, unsuccessful: int = 0) -> Iterator[str]:
    """A JSON array of the results in pieces, each a line.

    Each of the `runs` results has a share of what is left of the size limit, in bytes, those that did not pass, which
    are `unsuccessful` of them, a larger one: what one does not need is the next ones'. The least detail is always
    shown; of what passed, that is without questions.
    """
    left, shares = _SIZE_LIMIT, runs + unsuccessful * (_MORE - 1)
    separator = "[\n"
    questions = _Questions()
    for record in records:
        weight = 1 if record.result.status == "passed" or not unsuccessful else _MORE
        entry = _encoded(record, left * weight // max(shares, weight), questions)
        questions.shown += 1
        left, shares = left - len(entry), shares - weight
        yield separator + entry.decode()
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"


class _Questions:
    """What was asked, and which entry shows it whole: the next model that was asked the same refers to that one."""

    def __init__(self) -> None:
        self.shown = 0
        self._places: dict[bytes, int] = {}

    def told(self, asked: _Asked, detail: _Detail) -> list[Any] | int:
        """The question for the entry that is written now, or the place of the one that has it."""
        if not any(asked) or not detail.asked:
            return []
        texts = [[[message.role, readable(message.content)] for message in messages] for messages in asked]
        digest = hashlib.sha256(repr(texts).encode()).digest()  # repr escapes what no encoder takes
        # Another detail may be tried for this entry: what it shows itself it refers to only from the next one on.
        if self._places.get(digest, self.shown) < self.shown:
            return self._places[digest]
        told = [_messages(messages, detail) for messages in asked[: detail.entries]]
        if told == texts:
            self._places[digest] = self.shown
        else:
            self._places.pop(digest, None)
        return told


_Asked = tuple[tuple[Message, ...], ...]


def _messages(messages: tuple[Message, ...], detail: _Detail) -> list[list[str]]:
    shown = messages[-detail.entries :]
    return [[message.role, _text(readable(message.content), detail.asked)] for message in shown]


def _encoded(record: Record, share: int, questions: _Questions) -> bytes:
    """The result in the greatest detail that its share has room for."""
    *greater, least = _DETAILS if record.result.status != "passed" else (*_DETAILS, _LEAST)
    facts = _facts(record.result)
    room = share - len(msgspec.json.encode(facts))
    # A character takes a byte at least: what is allowed more of them than there is room for need not be tried.
    for detail in (*(detail for detail in greater if detail.text <= room), least):
        told = _explained(record.result, detail) | _work(record.result, detail)
        explained = told | _conversation(record, detail, questions)
        encoded = _escaped(
            msgspec.json.encode(facts | {name: fact for name, fact in explained.items() if fact or _is_zero(fact)})
        )
        if len(encoded) <= share:
            break
    return encoded


def _escaped(data: bytes) -> bytes:
    for character, escape in _ESCAPES:
        data = data.replace(character, escape)
    return data


def _facts(result: Result) -> dict[str, Any]:
    """What the page's script reads of the whole; what is not known, empty or as usual is left out."""
    spent = result.spent
    facts = {
        "nodeid": _text(result.nodeid, _NAME_LIMIT),
        "scenario": _text(result.scenario, _NAME_LIMIT),
        "model": _text(result.model, _NAME_LIMIT),
        "status": result.status,
        "trial": result.trial,
        "score": _number(result.score),
        "threshold": _number(result.threshold),
        "ruling": ruling(result),
        "started": _number(result.started_at),
        "duration": _number(result.duration_s),
        "latency": _number(result.told_latency_s),
        "wait": _number(result.wait_s),
        "retry": _number(result.retry_s),
        "connect": _number(result.connect_s),
        "client": _number(result.client_s),
        "cost": _number(spent.cost_usd, 8),
        "known_cost": _number(spent.known_cost_usd, 8) if spent.cost_usd is None and spent.known_cost_usd else None,
        "reruns": result.reruns or None,
        "input": spent.usage.input_tokens,
        "output": spent.usage.output_tokens,
        "known_input": spent.known_usage.input_tokens if spent.usage.input_tokens is None else None,
        "known_output": spent.known_usage.output_tokens if spent.usage.output_tokens is None else None,
        "attempts": result.attempts,
        "cached": result.cached,
        "cut": result.response is not None and result.is_truncated,
        "out_of_steps": result.response is not None and result.is_out_of_steps,
    }
    return {name: fact for name, fact in facts.items() if fact or _is_zero(fact)}


def _explained(result: Result, detail: _Detail) -> dict[str, Any]:
    """The texts of a result, without what was asked and answered."""
    error, response = result.error, result.response
    return {
        "waits": {_text(reason, detail.line): _number(seconds) for reason, seconds in result.waits.items()},
        "reuse": _text(result.reuse, detail.line),
        "checks": [_check(check, detail) for check in result.checks[: detail.entries]],
        "more_checks": len(result.checks[detail.entries :]) or None,
        "retries": [
            [_text(retry.kind, detail.line), _text(retry.message, detail.line), _number(retry.wait_s)]
            for retry in result.retries[: detail.entries]
        ],
        "more_retries": len(result.retries[detail.entries :]) or None,
        "error": error and [_text(error.kind, detail.line), _text(error.message, detail.text)],
        "finish": _text((response and response.finish_reason) or "", detail.line),
        "served": _text(", ".join(dict.fromkeys(_served(result))), detail.line),
    }


def _work(result: Result, detail: _Detail) -> dict[str, Any]:
    """What was done in the run's workspace."""
    work, changes = result.work, result.changes
    told: dict[str, Any] = {
        "changes": [[_text(change_line(change), detail.line), _text(change.diff, detail.text)] for change in changes][
            : detail.entries
        ],
        "more_changes": len(changes[detail.entries :]) or None,
    }
    if work is not None:
        told["work"] = [f"commands were confined {_text(work.confined, detail.line)}"] if work.confined else []
        told["work"] += [*steps_lines(result), *(_text(note, detail.line) for note in work.notes)]
        told["work"] += [f"kept in {_text(work.kept, detail.line)}"] if work.kept else []
        told["commands"] = [
            [_text(command_line(command).strip(), detail.line), _text(command.output, detail.text)]
            for command in work.commands[: detail.entries]
        ]
        told["more_commands"] = len(work.commands[detail.entries :]) or None
    return told


def _is_zero(fact: object) -> bool:
    """Whether it is a figure of 0, which tells something. False equals 0 as well, and does not."""
    return isinstance(fact, int | float) and not isinstance(fact, bool) and not fact


def _conversation(record: Record, detail: _Detail, questions: _Questions) -> dict[str, Any]:
    """What was asked and answered, turn by turn; and what other models were asked."""
    answers = record.answers or record.result.all_answers
    first = max(len(answers) - detail.entries, 0)
    known = {call.fingerprint: call for call in record.calls}
    others = record.result.other_calls[: detail.entries]
    return {
        "answers": [_answer(answer, detail) for answer in answers[first:]],
        "asked": questions.told(record.asked[first : len(answers) + 1], detail),
        "others": [_other(call, known.get(call.fingerprint), detail) for call in others],
        "more_others": len(record.result.other_calls[detail.entries :]) or None,
        "left_out": not detail.asked and any(record.asked),
    }


def _other(call: CallSummary, known: AnsweredCall | None, detail: _Detail) -> dict[str, Any]:
    facts: dict[str, Any] = {"purpose": call.purpose, "model": _text(call.model, _NAME_LIMIT), "cached": call.cached}
    if call.error is not None:
        facts["error"] = [_text(call.error.kind, detail.line), _text(call.error.message, detail.line)]
    if known is not None and not detail.asked:
        facts["left_out"] = True
    elif known is not None:
        answer = _answer(known.response, detail)
        if call.purpose == "embed":  # of its thousands of numbers the first say as much to a reader as all
            answer[0] = clip(answer[0], _NUMBERS_LIMIT)
        facts |= {"asked": _messages(known.messages, detail), "answer": answer}
    return {name: fact for name, fact in facts.items() if fact}


def _served(result: Result) -> Iterator[str]:
    """Who answered, where the name is not the one that was asked for, a date behind it included."""
    for answer in result.all_answers:
        if answer.asked_model and answer.served not in ("", answer.asked_model):
            yield answer.served


def _answer(answer: Response, detail: _Detail) -> list[Any]:
    said, thought = answer.readable, answer.thinking
    return [_text(said, detail.text), len(said), *([_text(thought, detail.text), len(thought)] if thought else [])]


def _check(check: CheckResult, detail: _Detail) -> list[Any]:
    """Votes stand behind it where there are any, then the checks that it is made of; its text leaves these to them."""
    return [
        _text(check.name, detail.line),
        _text(check.summary, detail.line),
        check.passed,
        _number(check.score),
        _number(check.weight),
        _text(check.explanation.partition("\n")[0] if check.checks else check.explanation, detail.line),
        *([[_vote(vote, detail) for vote in check.votes[: detail.entries]]] if check.votes or check.checks else []),
        *([[_check(inner, detail) for inner in check.checks[: detail.entries]]] if check.checks else []),
    ]


def _vote(vote: Vote, detail: _Detail) -> list[Any]:
    return [_text(vote.judge, detail.line), vote.passed, _number(vote.score), vote.order, _number(vote.confidence)]


def _text(text: str, limit: int) -> str:
    return plain(clip(text, limit))


def _number(value: float | None, digits: int = 4) -> float | None:
    return round(value, digits) if value is not None and math.isfinite(value) else None


_POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_TITLE_LIMIT = 200


def write_html(stream: BinaryIO, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write the page, one result after another: it is never in memory as a whole.

    It has about 12 MB at most up to some 30,000 results; long texts are cut as far as that takes, and say so.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, which only this report needs

    script, style, figures = _part("report.js"), _part("report.css"), evaluation.figures
    records = map(Record, results) if evaluation.transcripts is None else evaluation.transcripts()
    pieces = _template().generate(
        policy=_POLICY.format(script=_hash(script), style=_hash(style)),
        # Markup, as it stands: both are this package's own, and `island` is escaped for where it stands.
        script=Markup(script),  # noqa: S704 - the package's own file
        style=Markup(style),  # noqa: S704 - the package's own file
        island=map(Markup, island(records, figures.runs, figures.runs - figures.statuses["passed"])),
        **_sections(evaluation),
    )
    stream.writelines(piece.encode() for piece in pieces)


def _sections(evaluation: Evaluation) -> dict[str, Any]:
    figures, comparison, ranking = evaluation.figures, evaluation.comparison, evaluation.ranking
    titles, rows = summary_table(figures.models)
    return {
        "run": evaluation.run,
        "figures": figures,
        "closing": [
            *served_lines(figures),
            *tool_lines(figures),
            *timing_lines(figures),
            *asked_lines(figures),
            *position_lines(figures),
            *closing_lines(figures),
        ],
        "cut_off": list(cut_lines(figures)),
        "judging": list(judging_lines(figures.checks.judging)) if figures.checks.judging else [],
        "noise": list(noise_lines(figures.checks)),
        "idle": list(idle_lines(figures.checks.idle)),
        "gates": [(bool(verdict.held), " ".join(gate_line(verdict).split())) for verdict in evaluation.gates],
        "titles": titles,
        "ze_lines": list(ze_lines(evaluation.ze_models)),
        "models": list(zip(figures.models, rows, strict=True)),
        "comparison": comparison,
        "comparison_table": comparison_table(comparison) if comparison else None,
        "incomparable": incomparable_lines(comparison.changes) if comparison else [],
        "changed": change_lines(comparison.changes) if comparison else [],
        "baseline": evaluation.baseline or "another run",
        "ranking_table": ranking_table(ranking) if ranking and ranking.models else None,
        "told_apart": list(pair_lines(ranking)) if ranking else [],
    }


def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - 50 ms, for this report only

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        dollars=dollars,
        duration=duration,
        fraction=fraction,
        name=partial(one_line, limit=_TITLE_LIMIT),
        notes=comparison_notes,
        percent=percent,
        plural=plural,
        tokens=tokens,
        utc=utc,
    )
    return environment.from_string(_part("report.html"))


def _shown(value: object) -> object:
    """What stands for a value in the page. Markup is a str of its own kind, and stays as it is."""
    return plain(value) if type(value) is str else value


def _part(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The hash of an inline script or style, as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
