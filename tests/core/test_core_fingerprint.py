"""What makes two runs the same question, and two grades the same judgement."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.fingerprint import (
    CALL_PARTS,
    PARTS,
    call_fingerprint,
    explain_difference,
    fingerprint,
    grade_fingerprint,
)
from pytest_benchmodels.core.message import ImagePart, Message, Part, TextPart, ToolCall, ToolResult
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check, Grader, Scenario, Turn
from pytest_benchmodels.core.tool import Tool


class Word(Grader, frozen=True):
    word: str
    bounded: ClassVar[bool] = True


def check(grader: Grader, *, weight: float = 1.0, negate: bool = False) -> Check:
    return Check(grader.kind(), grader.kind(), grader.kind(), grader, weight, negate)


ASKED = (Turn((Message("user", "hello"),)), Turn((Message("user", "and?"),), (check(Word("yes")),)))
SCENARIO = Scenario(
    "s", "s.yaml:1", ASKED, (check(Word("hi")),), system="be brief", params={"temperature": 0, "seed": 1}
)
MODEL = Model("alias", "openai", "gpt", "http://one.invalid/v1", params={"seed": 2, "top_p": 1})
RUN = Run("s.yaml::s[alias]", SCENARIO, MODEL)


def asking(**changes: object) -> Run:
    return replace(RUN, scenario=replace(SCENARIO, **changes))  # type: ignore[arg-type] # the test names the fields


def told(**changes: object) -> Run:
    return replace(RUN, model=replace(MODEL, **changes))  # type: ignore[arg-type] # the test names the fields


@pytest.mark.parametrize(
    ("other", "parts"),
    [
        (asking(system="be long"), ("messages",)),
        (asking(system=None), ("messages",)),
        (asking(turns=ASKED[:1]), ("messages",)),
        (asking(turns=(Turn((Message("system", "hello"),)), ASKED[1])), ("messages",)),
        (asking(params={"temperature": 1, "seed": 1}), ("params",)),
        (told(params={"seed": 2, "top_p": 0.5}), ("params",)),
        (told(name="gpt-large"), ("model",)),
        (told(provider="openrouter"), ("model",)),
        (told(base_url="http://two.invalid/v1"), ("address",)),
        (told(query=(("api-version", "2024-10-21"),)), ("address",)),
        (replace(RUN, trial=2), ("trial",)),
        (replace(told(name="gpt-large", params={}), trial=2), ("params", "model", "trial")),
    ],
)
def test_a_part_that_differs_is_named(other: Run, parts: tuple[str, ...]) -> None:
    assert explain_difference(fingerprint(RUN), fingerprint(other)) == parts


@pytest.mark.parametrize(
    "other",
    [
        asking(checks=(), threshold=0.5, tags=("smoke",), id="renamed"),
        asking(params={"seed": 1, "temperature": 0}),
        told(params={"seed": 3, "top_p": 1}),  # the scenario's own wins
        told(id="other-alias", timeout_s=1.0),
        replace(RUN, nodeid="moved.yaml::s[alias]", timeout_s=None),
    ],
)
def test_what_is_not_sent_does_not_count(other: Run) -> None:
    assert fingerprint(other) == fingerprint(RUN)


def test_the_simulated_providers_port_does_not_count() -> None:
    prints = [fingerprint(told(provider="sim", base_url=f"http://127.0.0.1:{port}")) for port in (1024, 2048)]
    assert prints[0] == prints[1]


@pytest.mark.parametrize(
    ("provider", "name", "parts"), [("sim", "agent", ("model",)), ("sim", "steady", ()), ("openrouter", "agent", ())]
)
def test_a_script_is_a_part_of_the_model_that_plays_it(provider: str, name: str, parts: tuple[str, ...]) -> None:
    scenarios = [replace(RUN.scenario, metadata={"sim_agent": [text]}) for text in ("a", "b", "a")]
    model = replace(RUN.model, provider=provider, name=name)
    one, other, again = (fingerprint(replace(RUN, scenario=scenario, model=model)) for scenario in scenarios)

    assert explain_difference(one, other) == parts
    assert one == again


def test_texts_have_the_fingerprint_that_they_had_before_there_were_parts() -> None:
    rest = "f51656eb2274cfa5-2d181e3eb7b79c4c-3bcb8a40de1e0840-1"

    assert fingerprint(RUN) == f"e740d784b7a8cf192f5911698102af08-{rest}"
    assert fingerprint(asking(system=None, turns=ASKED[:1])) == f"ced1c66e469be3910099480c82077332-{rest}"
    assert fingerprint(asking(system="\ud800 é")) == f"8882453c967957fc627fed5022a05128-{rest}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TextPart("a"), TextPart("b")),
        (ImagePart("image/png", "AAAA"), ImagePart("image/png", "AAAB")),
        (ImagePart("image/png", "AAAA"), ImagePart("image/gif", "AAAA")),
        (ImagePart(url="https://host/a"), ImagePart(url="https://host/b")),
        (ToolCall("1", "f", {"a": 1}), ToolCall("1", "f", {"a": 2})),
        (ToolResult("1", "a"), ToolResult("1", "a", is_error=True)),
    ],
)
def test_another_part_is_another_question(one: Part, other: Part) -> None:
    first, second, again = (asking(turns=(Turn((Message("user", (part,)),)),)) for part in (one, other, one))

    assert explain_difference(fingerprint(first), fingerprint(second)) == ("messages",)
    assert fingerprint(first) == fingerprint(again)


def test_hostile_text_has_a_fingerprint() -> None:
    assert fingerprint(asking(system="\ud800")) != fingerprint(asking(system="\ud801"))


@given(st.text(), st.text())
def test_a_fingerprint_of_another_shape_differs_in_all(old: str, new: str) -> None:
    parts = explain_difference(old, new)
    assert bool(parts) == (old != new)
    if len(old.split("-")) != len(PARTS):
        assert parts in {(), PARTS}


@pytest.mark.parametrize(
    "other",
    [
        replace(SCENARIO, threshold=0.5),
        replace(SCENARIO, checks=(check(Word("ho")),)),
        replace(SCENARIO, checks=(check(Word("hi"), weight=2),)),
        replace(SCENARIO, checks=(check(Word("hi"), negate=True),)),
        replace(SCENARIO, checks=()),
        replace(SCENARIO, thinking="keep"),
        replace(SCENARIO, turns=(replace(ASKED[0], checks=ASKED[1].checks), replace(ASKED[1], checks=()))),
    ],
)
def test_other_checks_are_another_judgement(other: Scenario) -> None:
    assert grade_fingerprint(other) != grade_fingerprint(SCENARIO)


def test_whether_thinking_is_judged_is_no_part_of_the_question() -> None:
    assert fingerprint(replace(RUN, scenario=replace(SCENARIO, thinking="keep"))) == fingerprint(RUN)


def test_the_same_checks_are_the_same_judgement_whatever_was_asked() -> None:
    other = replace(SCENARIO, system=None, params={}, checks=(check(Word("hi")),))
    assert grade_fingerprint(other) == grade_fingerprint(SCENARIO)


def loaded(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("own_checks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "own_checks", module)
    spec.loader.exec_module(module)
    return module


OWN = """
from pytest_benchmodels.core.scenario import Grade, Grader

class Own(Grader, frozen=True):
    own: str

    def grade(self, response):
        return Grade.of(self.own in response.text)
"""


def test_a_users_check_counts_by_the_text_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = []
    for text in (OWN, OWN, OWN.replace(" in ", " not in ")):
        own = loaded(tmp_path / "own_checks.py", text, monkeypatch).Own("x")
        prints.append(grade_fingerprint(replace(SCENARIO, checks=(check(own),))))
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]


def test_a_check_counts_with_the_files_that_it_is_built_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = []
    for text in (OWN, OWN + "# changed\n"):
        base = loaded(tmp_path / "own_checks.py", text, monkeypatch).Own
        derived = type("Derived", (base,), {"__module__": __name__, "__annotations__": {}}, frozen=True)
        prints.append(grade_fingerprint(replace(SCENARIO, checks=(check(derived("x")),))))
    assert prints[0] != prints[1]


def test_code_without_a_file_is_never_taken_for_the_same() -> None:
    prints = []
    for _ in range(2):
        names: dict[str, type[Grader]] = {}
        exec(OWN, {"__name__": "nowhere"}, names)  # noqa: S102 - our own text
        prints.append(grade_fingerprint(replace(SCENARIO, checks=(check(names["Own"]("x")),))))
    assert prints[0] != prints[1]


QUESTION = Request(MODEL, (Message("user", "Is this right: 4?"),), {"temperature": 0}, trial=2)


@pytest.mark.parametrize(
    ("other", "number", "parts"),
    [
        (structs.replace(QUESTION, messages=(Message("user", "Is this right: 5?"),)), 1, ("messages",)),
        (structs.replace(QUESTION, messages=(Message("system", "Is this right: 4?"),)), 1, ("messages",)),
        (structs.replace(QUESTION, params={"temperature": 1}), 1, ("params",)),
        (structs.replace(QUESTION, params={}), 1, ("params",)),
        (structs.replace(QUESTION, model=replace(MODEL, name="gpt-large")), 1, ("model",)),
        (structs.replace(QUESTION, model=replace(MODEL, base_url="http://two.invalid/v1")), 1, ("address",)),
        (structs.replace(QUESTION, trial=1), 1, ("trial",)),
        (QUESTION, 2, ("number",)),
        (structs.replace(QUESTION, attempt=3), 1, ()),
        (structs.replace(QUESTION, model=replace(MODEL, id="another alias")), 1, ()),
    ],
)
def test_a_call_is_known_by_what_is_sent(other: Request, number: int, parts: tuple[str, ...]) -> None:
    one, another = call_fingerprint(QUESTION, "judge", 1), call_fingerprint(other, "judge", number)
    assert explain_difference(one, another, CALL_PARTS) == parts


def test_a_call_of_another_purpose_is_another() -> None:
    one, another = call_fingerprint(QUESTION, "judge", 1), call_fingerprint(QUESTION, "user", 1)
    assert explain_difference(one, another, CALL_PARTS) == ("purpose",)


@pytest.mark.parametrize(
    "odd", [{"params": {"key": object()}}, {"params": {"key": 1, 2: 3}}, {"params": {"key": float("nan")}}]
)
def test_a_call_that_json_cannot_say_is_like_no_other(odd: dict[str, object]) -> None:
    assert call_fingerprint(structs.replace(QUESTION, **odd), "judge") == ""


def test_a_call_with_half_a_character_has_a_fingerprint() -> None:
    one, other = [structs.replace(QUESTION, messages=(Message("user", text),)) for text in ("\ud800", "\ud801")]
    assert call_fingerprint(one, "judge") != call_fingerprint(other, "judge")


def test_a_servers_tool_counts_with_its_server_and_the_version_of_that() -> None:
    def of(tool: Tool) -> str:
        return fingerprint(Run("n", Scenario("a", "f:1", (Turn((Message("user", "hi"),)),), tools=(tool,)), MODEL))

    tool = Tool("look", "Looks.", {}, server="shop", server_version="shop 1.2")

    assert of(tool) == of(replace(tool))
    others = (replace(tool, server="other"), replace(tool, server_version="shop 1.3"), Tool("look", "Looks.", {}))
    assert len({of(tool), *map(of, others)}) == 4
