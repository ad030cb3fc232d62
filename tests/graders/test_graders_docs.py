"""docs/checks.md: what it says of each check is so."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import msgspec
import pytest
import yaml

from pytest_benchmodels.core.call import Call, GradingContext, Request, Transcript
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Message, Response, ToolCall, Usage
from pytest_benchmodels.core.model import Model, Price
from pytest_benchmodels.core.program import RunProgram, no_programs
from pytest_benchmodels.core.scenario import Combination, Grade, Grader, Scenario, Turn
from pytest_benchmodels.engine.grading import judge
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN, Extract, registry
from pytest_benchmodels.graders.code import CodePasses
from pytest_benchmodels.graders.embedding import EmbeddingSimilarity
from pytest_benchmodels.graders.judge import Judge
from pytest_benchmodels.providers.sim.embedding import embedding
from pytest_benchmodels.providers.sim.reply import own_verdict
from tests.graders.grading_contexts import context
from tests.graders.workspace_cases import judged
from tests.workspaces.runners import best_runner

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


@pytest.fixture(scope="module")
def programs() -> Iterator[RunProgram]:
    with best_runner() as runner:
        yield runner


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["check"])[:40])
def test_example(example: dict[str, Any], tmp_path: Path, programs: RunProgram) -> None:
    known = {"check", "accepts", "rejects", "errors", "price", "given"}
    assert {"check", "accepts", "rejects"} <= example.keys() <= known
    if kind_of(example).needs_workspace:
        given = example.get("given", {})
        assert [each for each in example["accepts"] if not judged(example["check"], each, tmp_path, given).passed] == []
        assert [each for each in example["rejects"] if judged(example["check"], each, tmp_path, given).passed] == []
        return
    if extracts(example) or is_made_of_checks(example):
        scenario = loaded(example["check"], tmp_path / "a.json")
        assert [answer for answer in example["accepts"] if not passes(scenario, answer)] == []
        assert [answer for answer in example["rejects"] if passes(scenario, answer)] == []
        return
    grader = msgspec.convert(example["check"], BUILTIN[next(iter(example["check"]))])
    price = Price(**example["price"]) if "price" in example else None
    for answer in example["accepts"]:
        assert graded(grader, answer, price, programs).passed, answer
    for answer in example["rejects"]:
        assert not graded(grader, answer, price, programs).passed, answer
    for answer in example.get("errors", ()):
        with pytest.raises(CheckError):
            graded(grader, answer, price, programs)


def extracts(example: dict[str, Any]) -> bool:
    """Whether it has the `extract` of any check; `json` has one of its own, true or false."""
    return not isinstance(example["check"].get("extract", False), bool)


def is_made_of_checks(example: dict[str, Any]) -> bool:
    return issubclass(kind_of(example), Combination)


def kind_of(example: dict[str, Any]) -> type[Grader]:
    return BUILTIN[next(iter(example["check"]))]


def loaded(check: dict[str, Any], path: Path) -> Scenario:
    path.write_bytes(msgspec.json.encode({"id": "a", "prompt": "?", "checks": [check]}))
    (scenario,) = load(path, path.name, LoadOptions(BUILTIN, extraction=Extract), named=True) or ()
    return scenario


def passes(scenario: Scenario, answer: str) -> bool:
    """Whether an answer does, as the engine judges it."""
    seen = GradingContext(Response(answer), Transcript(()), scenario, simulated_judge)
    (verdict,) = asyncio.run(judge(scenario.checks, seen))
    return verdict.passed


@pytest.mark.parametrize("name", ["extract", *BUILTIN])
def test_there_are_a_dozen_answers_each_way(name: str) -> None:
    told = [each for each in EXAMPLES if (extracts(each) if name == "extract" else name == next(iter(each["check"])))]

    for side in ("accepts", "rejects"):
        assert sum(len(example[side]) for example in told) >= 12


def graded(
    grader: Grader,
    answer: str | dict[str, Any] | list[Any],
    price: Price | None = None,
    programs: RunProgram = no_programs,
) -> Grade:
    """The grade of an answer; who is asked for a verdict or for embeddings is simulated."""
    if isinstance(grader, CodePasses):
        assert isinstance(answer, str)
        return asyncio.run(grader.grade(context(answer, running=programs)))
    if not isinstance(grader, Judge | EmbeddingSimilarity):
        return grader.grade(subject(answer, price))  # type: ignore[no-any-return] # a check's own
    assert isinstance(answer, str)
    asked = (Message("user", "What do you offer?"),)
    scenario = Scenario("a", "a.yaml:1", (Turn(asked),))
    return asyncio.run(
        grader.grade(GradingContext(Response(answer), Transcript(()), scenario, simulated_judge, simulated_embeddings))
    )


async def simulated_embeddings(model: str, messages: tuple[Message, ...], params: Mapping[str, object]) -> Response:
    assert model == "sim/embed"
    return Response(json.dumps([embedding(message.text) for message in messages]))


async def simulated_judge(model: str, messages: tuple[Message, ...], params: Mapping[str, object]) -> Response:
    assert model == "sim/judge"
    assert params
    return Response(own_verdict(str(messages[-1].content), 1.0, 0.0) or "")


def subject(answer: str | dict[str, Any] | list[Any], price: Price | None = None) -> Response | GradingContext:
    """An answer; a run with what each of its `answers` took; or one that called these tools, one with each answer."""
    if isinstance(answer, dict) and "answers" in answer:
        request = Request(Model("m", "sim", "steady", "", price=price), ())
        took = [Response("4", usage=msgspec.convert(each, Usage)) for each in answer["answers"]]
        transcript = Transcript(tuple(Call("answer", request, response) for response in took))
        return GradingContext(took[-1], transcript, Scenario("a", "a.yaml:1", ()))
    if isinstance(answer, str | dict):
        return Response(answer) if isinstance(answer, str) else msgspec.convert(answer, Response)
    made = [each if isinstance(each, dict) else {each: {}} for each in answer]
    called = [ToolCall(f"call_{number}", *next(iter(call.items()))) for number, call in enumerate(made)]
    request = Request(Model("m", "sim", "steady", ""), ())
    answers = [*(Response("", tool_calls=(call,)) for call in called), Response("done")]
    transcript = Transcript(tuple(Call("answer", request, response) for response in answers))
    return GradingContext(answers[-1], transcript, Scenario("a", "a.yaml:1", ()))


def test_each_check_has_its_section_its_row_and_an_example() -> None:
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == list(BUILTIN)
    assert re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE) == list(BUILTIN)
    assert {next(iter(example["check"])) for example in EXAMPLES} == set(BUILTIN)


def test_each_row_names_the_options_and_their_defaults() -> None:
    for kind, grader in BUILTIN.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| [`{kind}`]"))
        written = dict(re.findall(r"`(\w+)` \(([^)]+)\)", row.split("|")[3]))
        options = {field.name: spelled(default_of(field)) for field in msgspec.structs.fields(grader)[1:]}
        assert written == options


def default_of(field: msgspec.structs.FieldInfo) -> object:
    return field.default_factory() if callable(field.default_factory) else field.default


def spelled(default: object) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    if default == ascii_uppercase:
        return "A to Z"
    if default in ("", ()):
        return "none"
    if default is None or default is msgspec.UNSET:
        return "any"
    if isinstance(default, str | dict):
        return str(default)
    return str(default).lower() if isinstance(default, bool) else f"{default:g}"


def test_a_check_of_ones_own_works_as_shown() -> None:
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
    names: dict[str, Any] = {"__name__": "own_checks"}
    exec(code, names)  # noqa: S102 - the page's example, as a reader would run it
    known = registry([names["Palindrome"]])
    grader = msgspec.convert({"palindrome": True}, known["palindrome"])
    assert grader.grade(Response("Never odd or even")).passed
    assert grader.grade(Response("odd")).explanation == "read 'odd'"
