"""How a run's task is worked on: the seam, and the conversation of a scenario's turns, with the tools that it has."""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from pytest_benchmodels.core.builtin_tools import ASK_USER
from pytest_benchmodels.core.call import Call, Purpose, Request, Transcript
from pytest_benchmodels.core.errors import CheckError, ConfigError, ToolError
from pytest_benchmodels.core.message import Message, Response, TextPart, ToolCall, ToolResult, text_of
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import COMMAND, Run
from pytest_benchmodels.core.scenario import Turn
from pytest_benchmodels.core.text import clip, quote, well_formed
from pytest_benchmodels.core.tool import Tool, ToolAnswer
from pytest_benchmodels.core.user_code import NoJsonError, UserCodeError, as_json, defined_at, in_thread
from pytest_benchmodels.core.user_code import call as call_user_code
from pytest_benchmodels.core.workspace import Workspace
from pytest_benchmodels.solvers.ask_user import FindModel, User
from pytest_benchmodels.solvers.workspace_tools import CompilePattern, WorkspaceTools

if TYPE_CHECKING:
    import regex

__all__ = ["Client", "Conversation", "Solver", "ToolBox"]

_RESULT_LIMIT = 100_000
_MOST_CALLS = 128
"""Of one answer; the APIs themselves let nobody offer more tools than that."""
_MOST_CHARS = 5_000_000
"""Of all results of one run: more than the largest context windows hold, and each goes out again with every step."""
CallServer = Callable[[Tool, ToolCall], Awaitable[ToolResult]]
"""Makes a call of an MCP server's tool. Raises `ToolError`."""
CallBuiltin = Callable[[ToolCall], Awaitable[ToolResult]]
"""Makes a call of a tool that is built in. Raises `ToolError` and `WorkspaceError`."""


class ToolBox:
    """The tools of one run. It counts their calls, since results may be given in turn.

    A call that cannot be made (no such tool, arguments that do not fit) is told to the model, as real agents do.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        hide: Callable[[str], str] = str,
        call_server: CallServer | None = None,
        call_builtin: CallBuiltin | None = None,
    ) -> None:
        """`hide` takes keys out of what the user's code gives back; `call_server` calls the tools of MCP servers."""
        self._tools = {tool.name: tool for tool in tools}
        self._hide = hide
        self._call_server = call_server
        self._call_builtin = call_builtin
        self._made: Counter[str] = Counter()
        self._left = _MOST_CHARS

    async def results(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """What came of calls that were made together, in their order. Raises `ToolError` and `WorkspaceError`.

        Code runs at once for all of them. What stands in the file is given in their order, whatever the code does.
        """
        made, others = calls[:_MOST_CALLS], calls[_MOST_CALLS:]
        faults = [await self._fault(call) for call in made]
        told = await self._together(
            [_refused(call, fault) if fault else self._given(call) for call, fault in zip(made, faults, strict=True)]
        )
        self._left -= sum([len(text_of(result.content)) for result in told])
        if self._left < 0:
            called = ", ".join(dict.fromkeys(quote(call.name) for call in made))
            rule = "let each give back less, or lower max_steps"
            raise ToolError(f"the results of tools came to more than {_MOST_CHARS:,} characters with {called}: {rule}")
        too_many = f"an answer may call tools {_MOST_CALLS} times, this one did {len(calls):,} times: call it again"
        return (*told, *(_refused(call, too_many) for call in others))

    async def _together(self, given: Sequence[ToolResult | Coroutine[Any, Any, ToolResult]]) -> list[ToolResult]:
        running = [asyncio.ensure_future(each) for each in given if not isinstance(each, ToolResult)]
        try:
            ended = iter(await asyncio.gather(*running))
        except Exception:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise
        return [each if isinstance(each, ToolResult) else next(ended) for each in given]

    def count(self, answer: Response) -> None:
        """Count calls whose results are there from an earlier run: what is given in turn goes on after them."""
        for call, result in answer.told_calls:
            tool = self._tools.get(call.name)
            if tool is None or result is None or result.is_rejected or isinstance(call.arguments, str):
                continue
            if tool.function is None and not tool.server and not tool.builtin:
                self._written(tool, call, call.arguments)

    def _given(self, call: ToolCall) -> ToolResult | Coroutine[Any, Any, ToolResult]:
        """What came of a call that can be made (`_fault`), or what brings it."""
        tool = self._tools[call.name]
        assert not isinstance(call.arguments, str)  # noqa: S101 - else there is a fault; for the types
        if tool.server and self._call_server is not None:
            return self._served(call, self._call_server(tool, call))
        if tool.builtin and self._call_builtin is not None:
            return self._served(call, self._call_builtin(call))
        if tool.function is not None:
            return self._computed(call, tool.function, call.arguments)
        return self._written(tool, call, call.arguments)

    async def _fault(self, call: ToolCall) -> str | None:
        """Why a call cannot be made; None where it can. A schema's pattern may take its time, in which others go on."""
        tool = self._tools.get(call.name)
        if tool is None:
            return f"there is no tool {quote(call.name)}; there are {', '.join(self._tools)}"
        if isinstance(call.arguments, str):
            return f"the arguments are no JSON object: {quote(call.arguments)}"
        if tool.fault is not None:
            try:
                fault = await in_thread(partial(tool.fault, call.arguments), "benchmodels-check")
            except CheckError as error:
                said = f"tool {quote(tool.name)}: its parameters cannot judge the arguments of a call: {error}"
                raise ToolError(said) from error
            if fault:
                return f"the arguments do not fit the tool's parameters: {fault}"
        fault = _misfit(tool.function, call.arguments) if tool.function is not None else None
        return f"the arguments do not fit the tool: {fault}" if fault else None

    async def _computed(
        self, call: ToolCall, function: Callable[..., object], arguments: Mapping[str, Any]
    ) -> ToolResult:
        try:
            # A copy: what it does to them is no part of what the model said.
            given = await call_user_code(partial(function, **copy.deepcopy(dict(arguments))))
            text = given if isinstance(given, str) else await call_user_code(partial(_text, given))
        except UserCodeError as error:
            raise ToolError(f"tool {quote(call.name)} crashed: {self._hide(str(error))}") from error
        if isinstance(text, NoJsonError):
            raise ToolError(self._hide(f"tool {quote(call.name)}{defined_at(function)} gave back {text}"))
        assert isinstance(text, str)  # noqa: S101 - see `_text`
        # Cut last: half a key would not be known for one.
        return ToolResult(call.id, clip(self._hide(well_formed(text)), _RESULT_LIMIT))

    async def _served(self, call: ToolCall, result: Awaitable[ToolResult]) -> ToolResult:
        content, is_error = (given := await result).content, given.is_error
        if isinstance(content, str):
            return ToolResult(call.id, self._hide(content), is_error)
        shown = (TextPart(self._hide(part.text)) if isinstance(part, TextPart) else part for part in content)
        return ToolResult(call.id, tuple(shown), is_error)

    def _written(self, tool: Tool, call: ToolCall, arguments: Mapping[str, Any]) -> ToolResult:
        """The first answer whose arguments fit, else the next of those that are for any."""
        fitting = [each for each in tool.answers if each.arguments is not None and _has(arguments, each.arguments)]
        in_turn = [each for each in tool.answers if each.arguments is None]
        if not fitting and not in_turn:
            return ToolResult(call.id, "there is no result for these arguments", is_error=True)
        if fitting:
            return _told(call, fitting[0])
        answer = in_turn[min(self._made[tool.name], len(in_turn) - 1)]
        self._made[tool.name] += 1
        return _told(call, answer)


_NO_TOOLS = ToolBox(())


def _misfit(function: Callable[..., object], arguments: Mapping[str, Any]) -> str | None:
    """Why a function does not take these; None where it does, or where nobody can tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(**arguments)
    except TypeError as error:
        return str(error)
    return None


def _told(call: ToolCall, answer: ToolAnswer) -> ToolResult:
    return ToolResult(call.id, answer.text, is_error=answer.is_error)


def _refused(call: ToolCall, why: str) -> ToolResult:
    return ToolResult(call.id, why, is_error=True, is_rejected=True)


def _text(given: object) -> str | NoJsonError:
    """What a function gave back, as the model is told it; what is wrong with it is no crash of the user's code."""
    try:
        return as_json(given)
    except NoJsonError as error:
        return error


def _has(arguments: object, wanted: object) -> bool:
    """Whether what is wanted is there: of objects each key, of anything else the same."""
    if isinstance(wanted, Mapping):
        return isinstance(arguments, Mapping) and all(
            name in arguments and _has(arguments[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, bool) or isinstance(arguments, bool):
        return wanted is arguments
    return bool(arguments == wanted)


class Client(Protocol):
    """A client as a solver has it: what it asks is a part of one run, with its limits, account and lane."""

    @property
    def workspace(self) -> Workspace | None:
        """The run's folder, where it has one."""

    async def ask(self, request: Request, purpose: Purpose = "answer") -> Call:
        """Ask one question. A failure of the model's is in the Call."""

    def keep_results(self, call: Call, results: tuple[ToolResult, ...]) -> Call:
        """Keep with its answer what came of the tools that it called; returns the call with both."""


class Solver(Protocol):
    """Works on a run's task, by asking its model."""

    async def solve(self, run: Run, client: Client) -> Transcript:
        """Return all calls that were made for it; the last one's failure, if it has one, is the run's."""


def _no_servers() -> AbstractContextManager[CallServer | None]:
    return nullcontext()


def _nothing_hidden(model: Model, text: str) -> str:  # noqa: ARG001 - what a session puts in its place needs it
    return text


def _no_pattern(pattern: str) -> regex.Pattern[str]:
    raise ValueError(f"no patterns are looked for here: {quote(pattern)}")


def _no_model(name: str) -> Model:
    raise ConfigError(f"no model {quote(name)} is known here")


class Conversation:
    """Implements `Solver`: what the user says stands in the scenario.

    `hide` takes the keys of a model, and what looks like others, out of a text that the user's code gave back.
    `servers` gives what calls the tools of MCP servers for one run, to whose end it is entered. `compile_pattern` is
    for patterns of the model's; `find_model` finds the one that plays the user.
    """

    def __init__(
        self,
        hide: Callable[[Model, str], str] = _nothing_hidden,
        servers: Callable[[], AbstractContextManager[CallServer | None]] = _no_servers,
        compile_pattern: CompilePattern = _no_pattern,
        find_model: FindModel = _no_model,
    ) -> None:
        self._hide = hide
        self._servers = servers
        self._compile_pattern = compile_pattern
        self._find_model = find_model

    async def solve(self, run: Run, client: Client) -> Transcript:
        """Hold the whole conversation, up to the first question without an answer.

        A turn is over when an answer calls no tool, or has as many steps as it may have.
        """
        if not run.scenario.tools:  # as in most runs, which then need nobody to make calls
            return await _held(run, client, _NO_TOOLS, None)
        with self._servers() as call_server:
            hide, oracle = partial(self._hide, run.model), run.scenario.oracle
            user = None if oracle is None else User(oracle, client.ask, self._find_model, run.trial)
            tools = ToolBox(run.scenario.tools, hide, call_server, self._built_in(run, client, user))
            return await _held(run, client, tools, user)

    def _built_in(self, run: Run, client: Client, user: User | None) -> CallBuiltin:
        workspace = client.workspace
        at_work = None if workspace is None else WorkspaceTools(workspace, self._compile_pattern, run.timeout_s)

        async def called(call: ToolCall) -> ToolResult:
            if call.name == ASK_USER.name and user is not None:
                return await user.answer(call)
            if at_work is None:
                raise ToolError(f"tool {quote(call.name)} works in the run's workspace, and there is none here")
            return await at_work(call)

        return called


async def _held(run: Run, client: Client, tools: ToolBox, user: User | None) -> Transcript:
    calls: list[Call] = []
    turns = run.scenario.turns
    request = _opening(run)
    for number, turn in enumerate(turns, 1):
        request = _with_turn(request, turn, run, final=number == len(turns))
        call = await client.ask(request)
        calls.append(call)
        steps = 1
        while call.response is not None and run.scenario.wants_more(call.response, steps):
            results = call.response.tool_results  # an answer that was stored has them
            if results:
                tools.count(call.response)
            else:
                results = await tools.results(call.response.tool_calls)
            calls[-1] = client.keep_results(call, results)
            if user is not None:
                calls += user.taken_calls(calls[-1])
            said = (call.response.message, Message("tool", results))
            # What has to be called was called: forced again and again, no model would ever answer.
            choice = "none" if request.tool_choice == "none" else "auto" if request.tool_choice else None
            request = replace(request, messages=(*request.messages, *said), tool_choice=choice)
            call = await client.ask(request)
            calls.append(call)
            steps += 1
        if call.response is None:
            break
        if number < len(turns):
            # What it wants to call and is not given cannot be told: each API asks for the results at once.
            said_last = call.response.text or ("(no answer)" if call.response.tool_calls else "")
            request = replace(request, messages=(*request.messages, Message("assistant", said_last)))
    return Transcript(tuple(calls))


def _opening(run: Run) -> Request:
    system = () if run.scenario.system is None else (Message("system", run.scenario.system),)
    scenario = run.scenario
    # A command-line agent has tools of its own in a workspace; those of the author's it is told of, and cannot take.
    is_agent = run.model.provider == COMMAND
    tools = tuple([tool for tool in scenario.tools if not tool.builtin]) if is_agent else scenario.tools
    return Request(
        run.model,
        system,
        {**run.model.params, **scenario.params},
        trial=run.trial,
        tools=tools,
        tool_choice=scenario.tool_choice if tools else None,
        script=scenario.metadata.get("sim_agent"),
    )


def _with_turn(request: Request, turn: Turn, run: Run, *, final: bool) -> Request:
    return replace(
        request,
        messages=request.messages + turn.messages,
        tool_choice=run.scenario.tool_choice if request.tools else None,
        checks=turn.checks + run.scenario.checks if final else turn.checks,
        target=run.scenario.target if final else None,
    )
