"""The tools of a scenario: what the author wrote, rendered, looked at, made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UnsetType

from pytest_benchmodels.core.errors import ToolError
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.core.tool import Tool, ToolAnswer
from pytest_benchmodels.core.user_code import defined_at
from pytest_benchmodels.formats.authored import TOOL_NAME, ToolEntries, ToolEntry
from pytest_benchmodels.formats.builtin_tools import LookedAt, name_taken
from pytest_benchmodels.formats.dataset import Budget, TemplateError, as_text, render
from pytest_benchmodels.formats.document import LoadOptions, Problems, Steps
from pytest_benchmodels.formats.tool_faults import (
    CHOICES,
    RESULT_KEYS,
    function_fault,
    name_fault,
    parameters_fault,
    result_fault,
    whole_parameters,
)

__all__ = ["ToolReader"]

_REASON_LIMIT = 300


class ToolReader:
    """Makes the tools of one file's scenarios; what is wrong with them is noted in `problems`.

    Tools without placeholders are made once, however many scenarios or records have them.
    """

    def __init__(self, options: LoadOptions, problems: Problems, budget: Budget) -> None:
        self._options = options
        self._problems = problems
        self._budget = budget
        self._made: dict[tuple[Steps, tuple[str, ...]], tuple[Tool, ...]] = {}
        self._builtin = LookedAt(options.validator)
        self._served: dict[tuple[str, str], Tool] = {}

    def read(
        self, entries: ToolEntries, names: Mapping[str, object] | None, steps: Steps, builtin: Sequence[Tool]
    ) -> tuple[Tool, ...]:
        """The tools, with the values of `names` in their texts; None where no templates are rendered.

        `builtin` are those that are there without the author's doing.
        """
        own = [entry for entry in entries if not isinstance(entry, str)]
        given = tuple(map(self._builtin.tool, builtin))
        if not own:
            return given
        if names is None:
            key = steps, tuple(tool.name for tool in given)
            if key not in self._made:
                self._made[key] = (*given, *self._tools(entries, steps, key[1]))
            return self._made[key]
        try:
            rendered = render(msgspec.to_builtins(list(entries)), names, self._budget)
            taken = [tool.name for tool in given]
            return (*given, *self._tools(msgspec.convert(rendered, list[ToolEntry | str]), steps, taken))
        except (TemplateError, msgspec.ValidationError) as error:
            self._problems.add(steps, f"tools: {error}")
            return ()

    def choice(
        self, choice: str | None, tools: Sequence[Tool], entries: ToolEntries, scenario: str, steps: Steps
    ) -> str | None:
        """What `tool_choice` of a scenario says, if it names something that is there; it may be the defaults'."""
        known = (*CHOICES, *(tool.name for tool in tools))
        servers = [entry.mcp for entry in entries if not isinstance(entry, str)]
        if any(isinstance(name, str) and self._is_unlisted(name) for name in servers):
            return choice
        if choice is not None and (not tools or choice not in known):
            rule = f"it is one of {', '.join(known)}{self._problems.hint(choice, known)}"
            if not tools:
                rule = "there are no tools to choose from: write `tools:`, or leave tool_choice out"
            self._problems.add(steps, f"tool_choice {quote(choice)} of scenario {quote(scenario)}: {rule}")
        return choice

    def _tools(self, entries: ToolEntries, steps: Steps, builtin: Sequence[str]) -> Iterator[Tool]:
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            if isinstance(entry, str):
                continue
            place: Steps = (*steps, index)
            for tool in self._of_entry(entry, place):
                if fault := name_fault(tool.name):
                    remedy = "leave it out by `only`" if tool.server else "give it another name"
                    self._problems.add((*place, "name"), f"{fault}: {remedy}")
                if tool.name in builtin:
                    self._problems.add((*place, "name"), name_taken(tool, builtin[0]))
                elif tool.name in seen:
                    remedy = "leave one out by `only`" if tool.server else "give each its own name"
                    self._problems.add((*place, "name"), f"tool {quote(tool.name)} is there twice: {remedy}")
                seen.add(tool.name)
                yield tool

    def _of_entry(self, entry: ToolEntry, steps: Steps) -> Iterator[Tool]:
        """The one tool that an entry is, or those of its server."""
        if isinstance(entry.mcp, UnsetType):
            if isinstance(entry.name, UnsetType):
                self._problems.add(steps, "a tool lacks 'name': write it, or `mcp:` for the tools of a server")
            elif not isinstance(entry.only, UnsetType):
                self._problems.add((*steps, "only"), "`only` is about the tools of a server: it stands beside `mcp`")
            else:
                yield self._tool(entry, entry.name, steps)
            return
        others = msgspec.to_builtins(entry).keys() - {"mcp", "only", "description", "parameters"}
        if others or entry.description or entry.parameters:
            self._problems.add(steps, "beside `mcp` stands nothing but `only`: the server tells the rest")
        yield from self._of_server(entry.mcp, entry, (*steps, "mcp"))

    def _is_unlisted(self, name: str) -> bool:
        """Whether a server is known, and not to be started: which tools it has cannot be told."""
        try:
            return name in self._options.servers and self._options.servers[name]() is None
        except ToolError:
            return True

    def _of_server(self, name: str, entry: ToolEntry, steps: Steps) -> Iterator[Tool]:
        servers = self._options.servers
        if name not in servers:
            there = f"there are {', '.join(map(quote, sorted(servers)))}" if servers else "it defines none"
            rule = f"bench.toml defines no such server; {there}: write [mcp.NAME] with its command there"
            self._problems.add(steps, f"mcp {quote(name)}: {rule}{self._problems.hint(name, servers)}")
            return
        try:
            tools = servers[name]()
        except ToolError as error:
            self._problems.add(steps, str(error))
            return
        if tools is None:
            return
        known = [tool.name for tool in tools]
        wanted = known if isinstance(entry.only, UnsetType) else entry.only
        for missing in (each for each in wanted if each not in known):
            rule = f"it has {', '.join(map(quote, known)) or 'none'}{self._problems.hint(missing, known)}"
            self._problems.add(steps, f"MCP server {quote(name)} has no tool {quote(missing)}; {rule}")
        yield from (self._checked(tool, steps) for tool in tools if tool.name in wanted)

    def _checked(self, tool: Tool, steps: Steps) -> Tool:
        """A server's tool, with what looks at the arguments of its calls; made once for each."""
        made = self._served.get((tool.server, tool.name))
        if made is None:
            whose = f"tool {quote(tool.name)} of MCP server {quote(tool.server)}"
            if not re.fullmatch(TOOL_NAME, tool.name):
                rule = "use letters, digits, _ and -, 64 at most; name the others by `only`"
                self._problems.add(steps, f"{whose}: no API takes this name: {rule}")
            made = replace(tool, fault=self._validator(tool.parameters, whose, steps))
            self._served[tool.server, tool.name] = made
        return made

    def _validator(
        self, parameters: Mapping[str, Any], whose: str, steps: Steps
    ) -> Callable[[object], str | None] | None:
        try:
            return None if self._options.validator is None else self._options.validator(parameters)
        except ValueError as error:
            said = clip(plain(str(error)), _REASON_LIMIT)
            self._problems.add(steps, f"parameters of {whose}: {said}")
            return None

    def _tool(self, entry: ToolEntry, name: str, steps: Steps) -> Tool:
        parameters = whole_parameters(entry.parameters)
        function = self._options.tools.get(name) if isinstance(entry.results, UnsetType) else None
        if isinstance(entry.results, UnsetType) and function is None:
            rule = "write what it gives back as `results:`, or give a function of that name by pytest_bench_tools"
            self._problems.add(steps, f"tool {quote(name)} has no results: {rule}{self._options.unknown_check_note}")
        fault, whose = None, f"tool {quote(name)}"
        if wrong := parameters_fault(entry.parameters):
            self._problems.add((*steps, "parameters"), f"parameters of {whose}: {wrong}")
        else:
            fault = self._validator(parameters, whose, (*steps, "parameters"))
            if function is not None and (unfit := function_fault(function, parameters)):
                where = defined_at(function)
                self._problems.add((*steps, "name"), f"{whose}: no call can reach its function{where}: {unfit}")
        written = () if isinstance(entry.results, UnsetType) else tuple(self._answers(entry.results, name, steps))
        return Tool(name, entry.description, parameters, written, function, fault=fault)

    def _answers(self, results: object, name: str, steps: Steps) -> Iterator[ToolAnswer]:
        place: Steps = (*steps, "results")
        if not isinstance(results, list):
            yield self._answer(results, name, place)
            return
        if not results:
            self._problems.add(place, f"tool {quote(name)} has an empty list of results: write at least one")
        for index, result in enumerate(results):
            yield self._answer(result, name, (*place, index))

    def _answer(self, result: object, name: str, steps: Steps) -> ToolAnswer:
        if not isinstance(result, dict) or not result or not result.keys() <= {*RESULT_KEYS}:
            if isinstance(result, dict) and (fault := result_fault(result)):
                self._problems.add(steps, f"results of tool {quote(name)}: {fault}")
            return ToolAnswer(as_text(result))
        arguments = result.get("arguments")
        if arguments is not None and not isinstance(arguments, dict):
            wanted = "`arguments` are a mapping of those that a call has to have"
            self._problems.add((*steps, "arguments"), f"tool {quote(name)}: {wanted}, got {quote(arguments)}")
            arguments = None
        if ("result" in result) == ("error" in result):
            self._problems.add(steps, f"tool {quote(name)}: beside `arguments` stands one of `result` and `error`")
        if "error" in result:
            return ToolAnswer(as_text(result["error"]), arguments, is_error=True)
        return ToolAnswer(as_text(result.get("result")), arguments)
