"""What makes two runs the same question, and two grades the same judgement."""

from __future__ import annotations

import hashlib
import inspect
import json
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from pytest_benchmodels.core.agent import Agent
from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.message import Message, without_data
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import Purpose
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Check, Combination, Grader, Scenario
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.core.user_code import code_of

__all__ = [
    "CALL_PARTS",
    "GRADE_PARTS",
    "GRADING_VERSION",
    "PARTS",
    "call_fingerprint",
    "digest_of_code",
    "explain_difference",
    "fingerprint",
    "grade_fingerprint",
]

GRADING_VERSION = 2
"""Raised whenever a check of ours, or the way scores are added up, comes to judge an answer differently."""

PARTS = ("messages", "params", "model", "address", "trial")
"""The parts of a fingerprint, in their order."""

CALL_PARTS = ("purpose", *PARTS, "number")
"""The parts of the fingerprint of a call that is no answer of a run's own model, in their order."""

_BUILTIN_VERSION = 1
"""Raised whenever a tool of `builtin_tools` comes to do something else: models are asked anew."""

GRADE_PARTS = ("version", "threshold", "checks")
"""The parts of a grade's fingerprint, in their order."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)
_STRICT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_MOST_KEPT = 2000
_NOT_THE_USERS = ("builtins", "msgspec", "pytest_benchmodels")


def fingerprint(run: Run) -> str:
    """A digest of each of `PARTS`, joined by `-`; the trial stands as its number.

    Two models, two addresses, two trials never share one. What only judges the answer is not in it. The simulated
    provider listens on another port each time, so its address counts for nothing. Of a model that code of the user's
    is or asks, the text of its file counts; of a command-line agent its words, output and variables' names; of
    `sim/agent` the scenario's script, which is what it would do.
    """
    model, scenario = run.model, run.scenario
    params = {**model.params, **scenario.params}
    return "-".join(
        (
            _MESSAGES.of(scenario),
            _digest(params) if params else _NO_PARAMS,
            _digest_of_model(model.provider, model.name, _script(run) or _code_of_model(model)),
            _digest_of_address(_address(model)),
            str(run.trial),
        )
    )


def call_fingerprint(request: Request, purpose: Purpose, number: int = 1) -> str:
    """A digest of each of `CALL_PARTS`, joined by `-`; purpose, trial and number stand as they are.

    Empty where messages or params hold what JSON cannot say: such a call can neither be told from others, nor be kept.

    `number` says which of several equal requests of one run it is, from 1 on: a check that asks three times wants three
    answers. All else is as with `fingerprint`.
    """
    model = request.model
    try:
        asked = without_data(request.messages)
        messages, params = (_STRICT.encode(msgspec.to_builtins(part)) for part in (asked, request.params))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return ""
    return "-".join(
        (
            purpose,
            _digest(messages, 32),
            _digest(params),
            _digest_of_model(model.provider, model.name, _code_of_model(model)),
            _digest_of_address(_address(model)),
            str(request.trial),
            str(number),
        )
    )


def _address(model: Model) -> str:
    address = "" if model.provider == "sim" else model.base_url
    return f"{address}?{_ENCODER.encode(sorted(model.query))}" if model.query else address


def _plain_message(message: Message) -> list[object]:
    # A text stands as it is: what was kept before there were parts has the same fingerprint.
    return [message.role, msgspec.to_builtins(message.content, enc_hook=repr)]


def explain_difference(old: str, new: str, parts: tuple[str, ...] = PARTS) -> tuple[str, ...]:
    """The parts in which two fingerprints of one kind differ; all parts if one has another shape."""
    before, after = old.split("-"), new.split("-")
    if not len(before) == len(after) == len(parts):
        return () if old == new else parts
    return tuple(part for part, one, other in zip(parts, before, after, strict=True) if one != other)


def digest_of_code(*callables: object) -> str:
    """A digest of the source files in which these are written; a new one each time where one has no file."""
    codes = [code_of(function) for function in callables]
    return _digest(sorted({_digest_of_file(code.co_filename if code else "") for code in codes}))


def grade_fingerprint(scenario: Scenario) -> str:
    """What turns this scenario's answers into a status: `GRADE_PARTS`, joined by `-`, the last two as digests.

    Code of ours counts by `GRADING_VERSION`, a user's by the text of the file that it is written in.
    """
    return _GRADES.of(scenario)


def _digest_of_messages(scenario: Scenario) -> str:
    # Of an image or a file its digest: it may lie elsewhere, or stand in the scenario itself.
    turns = [list(map(_plain_message, without_data(turn.messages))) for turn in scenario.turns]
    asked: list[object] = [scenario.system, turns]
    if scenario.tools:
        tools = [_plain_tool(tool) for tool in scenario.tools]
        asked += [tools, scenario.tool_choice, scenario.max_steps]
    if (given := scenario.workspace) is not None:
        asked.append(["workspace", given.digest(), sorted(given.files.items()), given.setup, given.left_out])
    if (user := scenario.oracle) is not None:
        asked.append(["oracle", list(user.answers.items()), user.model, user.brief])
    return _digest(asked, 32)


def _plain_tool(tool: Tool) -> list[object]:
    """What the model gets to know of it, and what it gives back."""
    answers = [[answer.text, answer.arguments, answer.is_error] for answer in tool.answers]
    code = None if tool.function is None else digest_of_code(tool.function)
    # What stands for no server is left out: what was kept before there were any has the same fingerprint.
    server = [tool.server, tool.server_version] if tool.server else []
    builtin = [["builtin", _BUILTIN_VERSION]] if tool.builtin else []
    return [tool.name, tool.description, tool.parameters, answers, code, *server, *builtin]


def _digest_of_grades(scenario: Scenario) -> str:
    turns = [[_describe(check) for check in turn.checks] for turn in scenario.turns]
    judged: list[object] = [turns, [_describe(check) for check in scenario.checks]]
    if scenario.thinking != "strip":
        judged.append(scenario.thinking)
    if scenario.scoring is not None:
        judged.append(repr(scenario.scoring))
    checks = _digest(judged, 32)
    return f"{GRADING_VERSION}-{_digest(scenario.threshold, 8)}-{checks}"


def _describe(check: Check) -> list[object]:
    described: dict[str, object] = msgspec.to_builtins(check, enc_hook=repr)
    if not check.extract:  # what was kept before there was any has the same fingerprint
        described.pop("extract")
    inside = check.grader.checks if isinstance(check.grader, Combination) else ()
    return [described, _code(type(check.grader)), *map(_describe, inside)]


@cache
def _code(grader: type[Grader]) -> list[str]:
    """The class's name, with a digest of the files of all the user's classes that it is made of."""
    files = {
        inspect.unwrap(function).__code__.co_filename
        for base in grader.__mro__
        if base.__module__.partition(".")[0] not in _NOT_THE_USERS
        for function in vars(base).values()
        if inspect.isfunction(function)
    }
    return [f"{grader.__module__}.{grader.__qualname__}", *sorted(map(_digest_of_file, files))]


def _digest_of_file(name: str) -> str:
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        # Code without a file cannot be compared with that of another session, so the answer is graded again.
        return secrets.token_hex()


@cache
def _digest_of_model(provider: str, name: str, code: str) -> str:
    return _digest([provider, name, code] if code else [provider, name])


def _code_of_model(model: Model) -> str:
    """What makes it another one under the same name: the user's code, or how a command is called."""
    return model.code if model.agent is None else _digest_of_agent(model.agent)


def _script(run: Run) -> str:
    """What `sim/agent` plays; of others, which never see it, a change asks none anew."""
    if (run.model.provider, run.model.name) != ("sim", "agent") or "sim_agent" not in run.scenario.metadata:
        return ""
    return _digest(run.scenario.metadata["sim_agent"])


@cache
def _digest_of_agent(agent: Agent) -> str:
    return _digest(agent.identity)


@cache
def _digest_of_address(address: str) -> str:
    return _digest(address)


class _OfScenario:
    """What follows from a scenario alone, kept for its runs with other models and trials, which come soon after."""

    def __init__(self, made: Callable[[Scenario], str]) -> None:
        self._made = made
        self._kept: dict[int, tuple[Scenario, str]] = {}

    def of(self, scenario: Scenario) -> str:
        scenario_kept, value = self._kept.get(id(scenario), (None, ""))
        if scenario_kept is scenario:
            return value
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        value = self._made(scenario)
        self._kept[id(scenario)] = scenario, value
        return value


def _digest(value: object, digits: int = 16) -> str:
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()[:digits]


_MESSAGES = _OfScenario(_digest_of_messages)
_GRADES = _OfScenario(_digest_of_grades)
_NO_PARAMS = _digest({})
