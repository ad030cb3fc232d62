"""What a command printed -> its answer, and what a command is given."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_benchmodels.core.agent import Agent, AgentOutput, EventCall, parse_place, placeholders_in
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.fingerprint import fingerprint
from pytest_benchmodels.core.message import FilePart, Message, TextPart, ToolCall
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario, Turn
from pytest_benchmodels.providers.agent_error import classified
from pytest_benchmodels.providers.agent_output import Printed, read_output
from pytest_benchmodels.providers.command import prompt_of
from pytest_benchmodels.providers.dialect import UnreadableError
from pytest_benchmodels.providers.key import Key


def found(document: Any, path: str) -> list[Any]:
    values = [document]
    for step in parse_place(path):
        values = [each for value in values for each in step.find(value)]
    return values


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("a", [{"b": [1, {"c": "x"}], "d.e": 2}]),
        ("a.b.0", [1]),
        ("a.b.1.c", ["x"]),
        ("a.b.7", []),
        ("a.b.*", [1, {"c": "x"}]),
        ("a.@names", ["b", "d.e"]),
        ("[kind=end].a.b.0", [1]),
        ("[kind=other].a", []),
        ("[kind=end][n=3].n", [3]),
        ("a.b.1[c=x].c", ["x"]),
        ("a.b.1[c=y].c", []),
        ("[kind=end]", [{"kind": "end", "n": 3, "a": {"b": [1, {"c": "x"}], "d.e": 2}}]),
        ("none.at.all", []),
        ("n.deeper", []),
    ],
)
def test_a_path_leads_to_values(path: str, values: list[Any]) -> None:
    document = {"kind": "end", "n": 3, "a": {"b": [1, {"c": "x"}], "d.e": 2}}
    assert found(document, path) == values


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a[b", "a[b].c", "a]b", "[=x].a"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="write names with dots between them"):
        parse_place(path)


def test_placeholders_are_names_in_braces() -> None:
    assert placeholders_in('--x={model}{prompt}{"a": 1}{A}{}') == ("model", "prompt")


def read(output: AgentOutput, *lines: object, is_cut: bool = False) -> Printed:
    return read_output(
        output, "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), is_cut=is_cut
    )


EVENTS = AgentOutput("jsonl", text=("[t=say].text", "text"), input_tokens=("in", "cached"), cost_usd=("usd",))


def test_the_last_event_counts_or_the_sum_of_all() -> None:
    lines = ({"t": "say", "text": "one", "in": 1, "cached": 10}, "a warning", {"text": "two", "in": 5, "usd": 0.5})

    last = read(EVENTS, *lines)
    sums = read(AgentOutput("jsonl", text=("text",), input_tokens=("in", "cached"), sums=True), *lines)

    assert (last.text, last.usage.input_tokens, last.usage.stated_cost_usd) == ("one", 5, 0.5)
    assert (sums.text, sums.usage.input_tokens) == ("two", 16)


@pytest.mark.parametrize("value", [-1, True, "12", None, 1e400, 10**400, [], float("nan")])
def test_what_is_no_figure_is_not_known(value: object) -> None:
    assert read(EVENTS, {"text": "x", "in": value}).usage.input_tokens is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (False, ""),
        (None, ""),
        ("", ""),
        (0, ""),
        (True, "half an answer"),
        ("no luck", "no luck"),
        ({"message": "no luck"}, "no luck"),
        ({"name": "E", "data": {"message": "no luck"}}, "no luck"),
        ({"code": 3}, '{"code": 3}'),
        (["x"], "half an answer"),
    ],
)
def test_an_agents_own_error_is_told_in_its_words(value: object, told: str) -> None:
    output = AgentOutput("json", text=("text",), error=("bad",))
    assert read(output, {"text": "half an answer", "bad": value}).error == told


def test_an_error_without_words_names_its_place() -> None:
    assert read(AgentOutput("json", text=("text",), error=("bad",)), {"bad": True}).error == "bad is True"


@pytest.mark.parametrize(
    ("form", "printed", "said"),
    [
        ("json", "nothing", "is no JSON document: it begins with 'nothing'"),
        ("json", '{"a": ', "is no JSON document"),
        ("json", "[" * 100_000, "is no JSON document"),
        ("json", '"a text"', "is no JSON document"),
        ("json_line", "one\ntwo", "has no line that is a JSON object"),
        ("jsonl", "[1]\n", "has no line that is a JSON object"),
    ],
)
def test_what_cannot_be_read_is_told(form: Any, printed: str, said: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_output(AgentOutput(form, text=("a",)), printed)

    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 300


def test_of_a_cut_output_events_can_be_read_and_a_document_cannot() -> None:
    assert read(EVENTS, 't": "say"}', {"text": "x"}, is_cut=True).text == "x"
    with pytest.raises(UnreadableError, match="longer than what is kept"):
        read(AgentOutput("json", text=("text",)), {"text": "x"}, is_cut=True)


def test_tool_calls_are_a_transcript() -> None:
    spec = EventCall("[t=tool].call", "name", "with.arguments", "result")
    output = AgentOutput("jsonl", text=("text",), calls=(spec,))
    lines = (
        {"t": "tool", "call": {"id": "1", "name": "add", "with": {"arguments": {"a": 1}}, "result": {"sum": 2}}},
        {"t": "tool", "call": {"name": "ls", "with": {"arguments": "-l"}}},
        {"t": "tool", "call": {"name": 7}},
        {"t": "tool", "call": "none"},
        {"text": "done"},
    )

    printed = read(output, *lines)

    assert printed.calls == (ToolCall("1", "add", {"a": 1}), ToolCall("", "ls", {"arguments": "-l"}))
    assert [result.content for result in printed.results] == ['{"sum": 2}', ""]


@pytest.mark.parametrize(
    ("text", "figure"), [("12", 12), ("1,234", 1234), ("58k", 58_000), ("1.2M", 1_200_000), ("1.2.3", None)]
)
def test_written_figures_are_read(text: str, figure: int | None) -> None:
    output = AgentOutput("text", input_tokens=(r"^(.*) tokens$",))
    assert read_output(output, f"Hi\n{text} tokens\n").usage.input_tokens == figure


@pytest.mark.parametrize(
    ("said", "kind", "retryable"),
    [
        ("API Error: 529 overloaded_error", "overloaded", True),
        ("exceeded retry limit, last status: 429 Too Many Requests", "rate-limit", True),
        ("[API Error: RESOURCE_EXHAUSTED]", "rate-limit", True),
        ("You've hit your session limit · resets 1:30am", "quota", False),
        ("Credit balance is too low", "quota", False),
        ("Invalid API key · Please run /login", "auth", False),
        ("The model `gpt-9` does not exist or you do not have access to it.", "not-found", False),
        ("line 429: segmentation fault", "agent", False),
        ("Request rejected (429)", "rate-limit", True),
        ("401 Unauthorized", "auth", False),
        ("TypeError: x is undefined", "agent", False),
        ("", "agent", False),
    ],
)
def test_failures_are_known_by_their_words(said: str, kind: str, retryable: bool) -> None:  # noqa: FBT001 - a case
    fault = classified(said)
    assert (fault.kind, fault.retryable) == (kind, retryable)


def test_a_wait_that_it_names_is_kept() -> None:
    assert classified("429 rate limit reached, try again in 20s").wait_s == 20


def test_a_conversation_is_told_in_one_prompt() -> None:
    said = (Message("system", "Be brief."), Message("user", "one"), Message("assistant", "1"), Message("user", "two"))

    assert prompt_of(said[:2]) == ("Be brief.", "one")
    system, prompt = prompt_of(said)
    assert system == "Be brief."
    assert prompt == (
        "The conversation so far:\n\nUser: one\n\nAssistant: 1\n\nThe next message, which you are to answer:\n\ntwo"
    )


def test_a_file_in_a_message_is_refused() -> None:
    message = Message("user", (TextPart("look"), FilePart(data="QQ==", media_type="application/pdf", name="a.pdf")))
    with pytest.raises(ProviderError, match="put it into the scenario's workspace"):
        prompt_of([message])


def of(agent: Agent) -> str:
    scenario = Scenario("a", "f.yaml:1", (Turn((Message("user", "x"),)),))
    return fingerprint(Run("f.yaml::a[m]", scenario, Model("m", "command", "", "", agent=agent)))


BASE = Agent(("x", "-p"), environment=(("K", "env:A"), ("T", "text")), folder="/one", cpus=1.0)


@pytest.mark.parametrize(
    "other",
    [
        Agent(("x",), environment=BASE.environment),
        Agent(BASE.words, "argument", environment=BASE.environment),
        Agent(BASE.words, environment=(("K", "env:A"), ("T", "another"))),
        Agent(BASE.words, environment=BASE.environment, output=AgentOutput("json", text=("a",))),
        Agent(BASE.words, environment=BASE.environment, network=True),
        Agent(BASE.words, environment=BASE.environment, max_turns=3),
    ],
)
def test_another_call_is_another_agent(other: Agent) -> None:
    assert of(other) != of(BASE)


def test_where_it_lies_and_whose_key_it_has_count_for_nothing() -> None:
    moved = Agent(BASE.words, environment=(("K", "env:B"), ("T", "text")), folder="/two", cpus=2.0, memory_mb=5)
    assert of(moved) == of(BASE)


@pytest.fixture
def changing_environment() -> Iterator[None]:
    """Another thread sets a variable and takes it away, as pytest does for each item that it reports."""
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            os.environ["BENCHMODELS_TEST_CHANGES"] = "x"
            os.environ.pop("BENCHMODELS_TEST_CHANGES")

    thread = threading.Thread(target=change)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.usefixtures("changing_environment")
def test_keys_are_found_in_an_environment_that_changes() -> None:
    for _ in range(2_000):
        Key.of_surroundings()


def test_patterns_do_not_search_an_output_for_ever() -> None:
    output = AgentOutput("text", text=("(?m)^((?:a|aa)+)b$",))

    with pytest.raises(UnreadableError, match=r"takes more than 0 s to search for '.*': avoid repeats inside repeats"):
        read_output(output, "a" * 200, patterns_s=0.0)
    assert read_output(output, "aab").text == "aa"
