"""Answers as models give them, each with a careful reader's verdict; the documentation lists those judged wrongly."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Check
from pytest_benchmodels.engine.grading import judge
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.graders.number_reader import read_number
from tests.graders.grading_contexts import context

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "answers.jsonl").read_text("utf-8").splitlines()
]
PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
KNOWN = {
    (json.dumps(yaml.safe_load(check)), json.loads(answer))
    for check, answer in re.findall(r"^\| `(\{.*?\})` \| `(\".*?\")` \| (?:passes|fails) \|", PAGE, re.MULTILINE)
}
BEYOND = "beyond the rules"


def key(row: dict[str, Any]) -> tuple[str, str]:
    return json.dumps(row["check"]), row["answer"]


async def verdict(row: dict[str, Any]) -> bool:
    options = dict(row["check"])
    negate = options.pop("not", False)
    kind = next(iter(options))
    check = Check(kind, kind, kind, msgspec.convert(options, BUILTIN[kind]), negate=negate)
    (result,) = await judge([check], context(row["answer"], check))
    return result.passed


def judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows judged wrongly."""
    import asyncio

    async def wrong() -> list[dict[str, Any]]:
        return [row for row in rows if await verdict(row) is not row["passes"]]

    return asyncio.run(wrong())


@pytest.mark.parametrize("kind", sorted({row["kind"] for row in ROWS}))
def test_each_answer_of_a_kind_is_judged_as_a_reader_would_but_for_those_listed(kind: str) -> None:
    rows = [row for row in ROWS if row["kind"] == kind]
    assert {key(row) for row in judged(rows)} == {key(row) for row in rows} & KNOWN


def test_the_list_of_the_documentation_is_of_answers_in_the_table() -> None:
    assert KNOWN
    assert {key(row) for row in ROWS} >= KNOWN


def test_97_of_100_are_right_and_both_verdicts_are_tried_for_each_check() -> None:
    ordinary = [row for row in ROWS if row["kind"] != BEYOND]
    assert len(ordinary) > 2_000
    assert sum(key(row) in KNOWN for row in ordinary) < 0.03 * len(ordinary)
    tried = Counter((next(iter(row["check"])), row["passes"]) for row in ROWS)
    checks = {kind for kind, _ in tried}
    assert checks >= {"number", "choice", "label", "json", "contains", "equals", "regex", "similar", "max_words"}
    assert all(tried[kind, True] and tried[kind, False] for kind in checks)


NUMBER = PAGE.split("## number", 1)[1].split("\n## ", 1)[0]
PLACES = re.findall(r"^\| [^|`]*.*? \| `(\".*?\")` \| (\d*) ?\|$", NUMBER, re.MULTILINE)
SPELLINGS = [
    (value, spelling)
    for value, spellings in re.findall(r"^\| (-?[\d.]+) \| (`.*`) \|$", NUMBER, re.MULTILINE)
    for spelling in re.findall(r"`([^`]+)`", spellings)
]


@pytest.mark.parametrize(("answer", "value"), PLACES)
def test_each_place_is_read_as_documented(answer: str, value: str) -> None:
    found = read_number(json.loads(answer)).number
    assert (None if found is None else str(found.value)) == (value or None)


@pytest.mark.parametrize(("value", "spelling"), SPELLINGS)
def test_each_spelling_is_read_as_documented_alone_and_in_a_sentence(value: str, spelling: str) -> None:
    for answer in (
        spelling,
        f"The answer is {spelling}.",
        rf"\boxed{{{spelling}}}",
        f"**{spelling}**",
        f"So it is {spelling}.",
    ):
        grade = msgspec.convert({"number": float(value)}, BUILTIN["number"]).grade(Response(answer))
        assert grade.passed, (answer, grade.explanation)
    assert msgspec.convert({"number": spelling}, BUILTIN["number"]).grade(Response(spelling)).passed


def test_the_documented_tables_were_found() -> None:
    assert len(PLACES) == 13
    assert len(SPELLINGS) > 50
