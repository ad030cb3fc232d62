"""`sim/agent` plays a script: the calls of tools that the scenario's metadata tell, step by step, then a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import Message, ToolCall
from pytest_benchmodels.core.text import quote

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.tool import Tool

__all__ = ["NAME", "Part", "files_of", "part_of"]

NAME = "agent"
"""The one simulated model that plays scripts."""

_FORM = "a step is a text, or a list of calls such as `{read_file: {path: a.txt}}`"


class Part(NamedTuple):
    """What is played in one turn: the calls of each answer, and the text of the last one, None where none is told."""

    calls: list[object]
    text: str | None


def part_of(request: Request) -> Part:
    """The part of a request's script for the turn that it stands in: a text is the end of a turn.

    A call of a tool that is not there ends the turn, too, with a text that says so. Raises `ProviderError` for what is
    no script.
    """
    steps = request.script
    if not isinstance(steps, list | tuple):
        raise _wrong(f"is a list of steps, got {quote(steps)}: {_FORM}")
    tools = {tool.name: tool for tool in request.tools}
    calls: list[object] = []
    for number, step in enumerate(_of_turn(steps, _turns_before(request.messages)), 1):
        if isinstance(step, str):
            return Part(calls, step)
        made = list(_calls(step, tools))
        unknown = next((name for name, _ in made if name not in tools), None)
        if unknown is not None:
            there = ", ".join(tools) or "none"
            said = f"The script calls {quote(unknown)} in step {number}, and there is no such tool; there are: {there}."
            return Part(calls, said)
        calls.append([{"name": name, "arguments": arguments} for name, arguments in made])
    return Part(calls, None)


def files_of(request: Request) -> list[dict[str, Any]]:
    """Calls that write the files that the checks ask for: what is done without a script."""
    asking = [check.grader for check in request.checks if not check.negate and hasattr(check.grader, "example_file")]
    files = filter(None, (grader.example_file() for grader in asking))
    return [{"name": "write_file", "arguments": {"path": path, "content": text}} for path, text in files]


def _turns_before(messages: Sequence[Message]) -> int:
    """How many turns are over: each ended with an answer that calls no tool."""
    last = max((place for place, message in enumerate(messages) if message.role == "user"), default=0)
    said = (message for message in messages[:last] if message.role == "assistant")
    return sum(not any(isinstance(part, ToolCall) for part in message.parts) for message in said)


def _of_turn(steps: Sequence[object], before: int) -> Iterator[object]:
    """The steps of a turn, up to its text."""
    turn = 0
    for step in steps:
        if turn == before:
            yield step
        turn += isinstance(step, str)


def _calls(step: object, tools: Mapping[str, Tool]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The calls of one step, each with its tool's name and arguments."""
    for call in step if isinstance(step, list | tuple) else [step]:
        if not isinstance(call, Mapping) or len(call) != 1:
            raise _wrong(f"holds {quote(call)}, which is no call: {_FORM}")
        ((name, given),) = call.items()
        yield name, given if isinstance(given, Mapping) else _by_name(given, tools.get(name))


def _by_name(given: object, tool: Tool | None) -> Mapping[str, Any]:
    """`{run_command: pytest}` for `{run_command: {command: pytest}}`: the first argument that the tool requires."""
    required = [] if tool is None else tool.parameters.get("required", [])
    return {} if given is None or not required else {required[0]: given}


def _wrong(why: str) -> ProviderError:
    return ProviderError("bad-request", f"metadata.sim_agent, the script of sim/{NAME}, {why}", status=400)
