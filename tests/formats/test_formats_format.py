"""Formats of other people, beside the native one."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.message import Message
from pytest_benchmodels.core.scenario import Scenario, Turn
from pytest_benchmodels.formats import Document, LoadOptions, load
from pytest_benchmodels.formats.document import Problems
from tests.formats.formats_loading import GRADERS, Loader


class Questions:
    """`{"questions": [...]}`, or JSONL records with a `q`."""

    def recognises(self, document: Document) -> bool:
        value = document.value[0] if document.kind == "jsonl" and isinstance(document.value, list) else document.value
        return isinstance(value, dict) and ("questions" in value or "q" in value)

    def scenarios(self, document: Document, options: LoadOptions) -> Iterable[Scenario]:
        assert options.graders is GRADERS
        problems = Problems(document)
        value = document.value["questions"] if isinstance(document.value, dict) else document.value
        assert isinstance(value, list)
        for index, question in enumerate(value):
            steps = ("questions", index) if isinstance(document.value, dict) else (index,)
            text = question["q"] if isinstance(question, dict) else question
            if not isinstance(text, str):
                problems.add(steps, "no question")
            source = f"{document.shown}:{document.line(steps)}"
            yield Scenario(f"q{index}", source, (Turn((Message("user", str(text)),)),))
        problems.raise_any()


OPTIONS = LoadOptions(GRADERS, formats=(Questions(),))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "# of a kind\nquestions:\n- Who?\n- Why?\n"),
        ("a.json", '{"id": "x",\n"questions": [\n"Who?",\n"Why?"]}'),
        ("a.jsonl", '\n\n{"q": "Who?"}\n{"q": "Why?"}'),
    ],
)
def test_a_format_is_asked_before_the_native_one(files: Loader, name: str, content: str) -> None:
    who, why = load(files.write(name, content), name, OPTIONS) or ()
    assert (who.id, who.source, who.turns[0].messages[0].content) == ("q0", f"{name}:3", "Who?")
    assert (why.id, why.source) == ("q1", f"{name}:4")


def test_a_formats_problems_have_lines(files: Loader) -> None:
    path = files.write("a.json", json.dumps({"questions": ["Who?", 3]}, indent=0))
    with pytest.raises(ScenarioFileError, match=r"^a\.json:4: no question$"):
        load(path, "a.json", OPTIONS)


def test_what_no_format_knows_is_left_out_or_the_native_ones(files: Loader) -> None:
    assert load(files.write("a.json", "{}"), "a.json", OPTIONS) is None
    assert [one.id for one in load(files.write("a.yaml", "prompt: x"), "a.yaml", OPTIONS) or ()] == ["a"]
