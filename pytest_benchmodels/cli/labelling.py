"""Which answers people are asked to label, and what they are shown of each: never the judge's verdict."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

import msgspec

from pytest_benchmodels.cli.source import Source
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.label import LabelKey, keyed_checks, masked_weight
from pytest_benchmodels.core.message import readable
from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.text import clip, nearest, plain, quote, well_formed
from pytest_benchmodels.formats.label_file import FORMULA_MARKS
from pytest_benchmodels.graders.judge_prompt import judged_material

__all__ = ["COLUMNS", "SheetFormat", "Task", "encoded_rows", "sample", "tasks"]

SheetFormat = Literal["csv", "jsonl"]
COLUMNS = (
    *("scenario", "check", "asked", "question", "answer", "reference"),
    *("label", "labeller", "note", "digest", "sample"),
)

# Readers of CSV, ours among them, take a cell of 131,072 characters at most.
_MOST_CHARS = 60_000


@dataclass(frozen=True, slots=True)
class Task:
    """One answer to be labelled: whether it passes what is `asked` of it. Its label stands for `weight` answers."""

    key: LabelKey
    weight: float
    asked: str
    question: str
    answer: str
    reference: str = ""

    def row(self, label: str = "", labeller: str = "") -> dict[str, str]:
        """The same by the names of `COLUMNS`."""
        key, note = self.key, ""
        values = (key.scenario, key.check, self.asked, self.question, self.answer, self.reference)
        known_again = (key.digest, masked_weight(self.weight, key))
        return dict(zip(COLUMNS, (*values, label, labeller, note, *known_again), strict=True))


def sample(source: Source, count: int, seed: int, checks: Collection[str]) -> dict[LabelKey, float]:
    """At most `count` of the judged answers, each with how many it stands for; the same for the same `seed`.

    Their order tells nothing. Half of them passed, half failed, as far as there are so many: a judge that fails few
    would else be known on one side only. `checks` are the names of those to be labelled; without any, all that were
    judged by a model. Raises `ConfigError` where there is nothing to label.
    """
    verdicts: dict[LabelKey, bool] = {}
    others: dict[str, None] = {}
    for result in source.results():
        if result.status not in ("passed", "failed"):
            continue
        for key, check in keyed_checks(result):
            if key.check in checks or check.name in checks or (not checks and check.votes):
                verdicts.setdefault(key, check.passed)
            else:
                others[key.check] = None
    if not verdicts:
        raise ConfigError(_nothing(source, checks, others))
    # Sorted first: in which order runs came in is chance, and the same seed is to give the same sample.
    order = sorted(verdicts, key=lambda key: (key.scenario, key.check, key.digest))
    random = Random(seed)  # noqa: S311 - a sample that can be drawn again, and no secret
    random.shuffle(order)
    passed = [key for key in order if verdicts[key]]
    failed = [key for key in order if not verdicts[key]]
    of_failed = max(min(count // 2, len(failed)), count - len(passed))
    sides = ((passed, count - min(of_failed, len(failed))), (failed, of_failed))
    chosen = [(key, len(side) / min(many, len(side))) for side, many in sides for key in side[:many]]
    random.shuffle(chosen)
    return dict(chosen)


def _nothing(source: Source, checks: Collection[str], others: Collection[str]) -> str:
    if not checks:
        told = f"; --check NAME labels another check: {', '.join(map(quote, sorted(others)))}" if others else ""
        return f"{source.name} has no check that is a judge{told}"
    wanted = min(checks)
    there = f"; there are {', '.join(map(quote, sorted(others)))}" if others else ""
    return f"{source.name} has no graded answer with a check {quote(wanted)}{nearest(wanted, others)}{there}"


def tasks(source: Source, chosen: Mapping[LabelKey, float]) -> list[Task]:
    """What is to be shown of these answers, in their order."""
    found: dict[LabelKey, Task] = {}
    for result in source.results():
        if result.status not in ("passed", "failed"):
            continue
        for key, check in keyed_checks(result):
            if key in chosen and key not in found:
                found[key] = _task(source, result, check, key, chosen[key])
    return [found[key] for key in chosen]


def _task(source: Source, result: Result, check: CheckResult, key: LabelKey, weight: float) -> Task:
    """As the judge saw it where that is stored, else what there is: the check in few words, and the conversation."""
    # What a combination asks, which has no votes, is not what a judge inside is asked: of `none_of` it is the opposite.
    for call in source.calls(result).values() if check.votes else ():
        material = judged_material(call.messages)
        if material is not None and quote(material.asked.partition("\n\nScore ")[0], 60) in check.summary:
            parts = material.parts
            question = parts.get("conversation") or parts.get("question", "")
            asked, reference = _negated(check, material.asked), parts.get("reference", "")
            answer = (text for name, text in parts.items() if name == "answer" or name.startswith("file"))
            return Task(key, weight, asked, question, "\n\n".join(answer), reference)
    conversation = source.answers(result)
    said_before = [
        readable(message.content) for turn in conversation.asked for message in turn if message.role in ("user", "tool")
    ]
    said = [answer.readable for answer in conversation.answers or result.all_answers]
    return Task(key, weight, check.summary or check.name, "\n\n".join(said_before), "\n\n".join(said))


def _negated(check: CheckResult, asked: str) -> str:
    return f"It passes if the answer does NOT satisfy this: {asked}" if check.summary.startswith("not ") else asked


def encoded_rows(rows: Iterator[dict[str, str]], form: SheetFormat, *, heads: bool = True) -> Iterator[bytes]:
    """The rows in UTF-8, harmless for whoever opens them in a spreadsheet; `heads`: a CSV's titles before them."""
    if form == "jsonl":
        for row in rows:
            yield msgspec.json.encode({name: well_formed(text) for name, text in row.items()}) + b"\n"
        return
    if heads:
        yield _line(COLUMNS)
    for row in rows:
        yield _line([_cell(row[name]) for name in COLUMNS])


def _line(cells: Collection[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _cell(text: str) -> str:
    shown = plain(clip(text.replace("\r\n", "\n"), _MOST_CHARS))
    return f"'{shown}" if shown.startswith(FORMULA_MARKS) else shown
