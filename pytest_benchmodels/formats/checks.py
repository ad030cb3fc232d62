"""The checks and the tools of a scenario: what the author wrote, rendered, looked at, made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UnsetType

from pytest_benchmodels.core.errors import ToolError
from pytest_benchmodels.core.scenario import Check, Combination, Extraction, Grader, Tool, ToolAnswer
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.core.user_code import defined_at
from pytest_benchmodels.formats.authored import TOOL_NAME, ToolEntries, ToolEntry
from pytest_benchmodels.formats.builtin_tools import LookedAt, name_taken
from pytest_benchmodels.formats.dataset import Budget, TemplateError, as_text, render
from pytest_benchmodels.formats.document import LoadOptions, Problems, Steps
from pytest_benchmodels.formats.explain import explain, foreign_check, summary
from pytest_benchmodels.formats.tool_faults import (
    CHOICES,
    RESULT_KEYS,
    function_fault,
    name_fault,
    parameters_fault,
    result_fault,
    whole_parameters,
)
from pytest_benchmodels.formats.workspace import text_beside

__all__ = ["CheckReader", "LocatedCheck", "ToolReader", "WrittenCheck", "each_inside"]


class WrittenCheck(NamedTuple):
    """A check and where it stands, which is the file's defaults for some."""

    value: object
    steps: Steps


LocatedCheck = tuple[Check, Steps]
"""A check and where it stands."""


class _Common(msgspec.Struct, frozen=True):
    """What may stand beside any check's name."""

    weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    negate: bool = msgspec.field(default=False, name="not")
    name: str = ""


_COMMON = ("weight", "not", "name")
_EXTRACT = "extract"
_MOST_VALUES = 200
"""Of one file, whose checks are asked for `value_fault`: each may take 10 ms, in each worker. Later ones tell it when
they judge."""


class CheckReader:
    """Makes Checks; what cannot be one is noted in `problems`.

    A check without placeholders is made once, however many scenarios or records it applies to. `folder` is that of the
    file: others that checks name lie in it.
    """

    def __init__(self, options: LoadOptions, problems: Problems, budget: Budget, folder: Path) -> None:
        self._folder = folder
        self._allowed = options.allowed
        self._graders = options.graders
        self._extraction = options.extraction
        self._unknown_note = options.unknown_check_note
        self._problems = problems
        self._budget = budget
        self._made: dict[Steps, Check | None] = {}
        self._values_asked = 0
        self._unusable: set[Steps] = set()

    def read(self, written: Sequence[WrittenCheck], names: Mapping[str, object] | None) -> list[LocatedCheck]:
        """The checks that could be read; `names` are those of the templates, None where none are rendered."""
        found = [(self._read_one(check, names), check.steps) for check in written]
        return [(check, steps) for check, steps in found if check is not None]

    def prepare(self, written: Sequence[WrittenCheck]) -> list[LocatedCheck]:
        """Note what is wrong with checks whatever the record, before the records of a dataset are read.

        Returns those that are the same for each record.
        """
        whole = []
        for check in written:
            if not _has_placeholder(check.value):
                whole.append(check)
            elif isinstance(check.value, dict) and self._kind(check.value, check.steps) is None:
                self._unusable.add(check.steps)
        return self.read(whole, None)

    def _read_one(self, written: WrittenCheck, names: Mapping[str, object] | None) -> Check | None:
        value, steps = written
        if steps in self._unusable:
            return None
        if names is not None and _has_placeholder(value):
            try:
                return self._make(render(value, names, self._budget), steps)
            except TemplateError as error:
                self._problems.add(steps, f"check {quote(_title(value))}: {error}")
                return None
        if steps not in self._made:
            self._made[steps] = made = self._make(value, steps)
            for check, place in () if made is None else each_inside(made, steps):
                if type(check.grader).value_fault is not Grader.value_fault and self._values_asked < _MOST_VALUES:
                    self._values_asked += 1
                    self._note_value_fault(check, place)
        return self._made[steps]

    def _note_value_fault(self, check: Check, steps: Steps) -> None:
        try:
            fault = check.grader.value_fault()
        except Exception as error:  # noqa: BLE001 - a grader may be anybody's: its crash is a problem of this check
            fault = f"value_fault(): {type(error).__name__}: {_reason(error)}"
        if fault is not None:
            self._problems.add((*steps, check.kind), f"check {quote(check.kind)}: {clip(plain(fault), _REASON_LIMIT)}")

    def _make(self, value: object, steps: Steps) -> Check | None:
        if isinstance(value, str):
            return self._make_bare(value, steps)
        if not isinstance(value, dict):
            self._problems.add(steps, f"a check is a mapping such as `equals: yes`, got {quote(value)}")
            return None
        kind = self._kind(value, steps)
        if kind is None:
            return None
        common = self._common({key: value[key] for key in _COMMON if key in value}, kind, steps)
        apart = {*_COMMON, _EXTRACT} if self._extracts(kind, value) else {*_COMMON}
        if _EXTRACT in apart and self._graders[kind].needs_workspace:
            rule = "judges what is in the workspace, and `extract` takes a part of the answer: leave it out"
            self._problems.add((*steps, _EXTRACT), f"check {kind!r} {rule}")
            return None
        extract = self._steps_of(value[_EXTRACT], (*steps, _EXTRACT)) if _EXTRACT in apart else ()
        grader = self._grader(kind, {key: part for key, part in value.items() if key not in apart}, steps)
        if common is None or grader is None or extract is None:
            return None
        words = f"not {summary(grader)}" if common.negate else summary(grader)
        if extract:
            words = f"{words} in the {', '.join([step.told() for step in extract])}"
        return Check(kind, common.name or kind, words, grader, common.weight, common.negate, extract)

    def _extracts(self, kind: str, value: Mapping[str, object]) -> bool:
        """Whether `extract` is the key of any check. `json` and `json_schema` have one of their own: true or false."""
        if _EXTRACT not in value or self._extraction is None:
            return False
        return not (self._is_option(kind, _EXTRACT) and isinstance(value[_EXTRACT], bool))

    def _steps_of(self, value: object, steps: Steps) -> tuple[Extraction, ...] | None:
        """The steps of `extract`: one, or a list of them; `last_number` is short for `{last_number: true}`."""
        if not isinstance(value, list):
            made = self._step(value, steps)
            return None if made is None else (made,)
        if not value:
            self._problems.add(steps, "extract is an empty list: write at least one step, such as `after: 'Answer:'`")
            return None
        found = [self._step(step, (*steps, index)) for index, step in enumerate(value)]
        taken = tuple(step for step in found if step is not None)
        return taken if len(taken) == len(found) else None

    def _step(self, value: object, steps: Steps) -> Extraction | None:
        model = self._extraction
        options = {value: True} if isinstance(value, str) else value
        if model is None or not isinstance(options, dict):
            rule = "write `last_number`, or a mapping such as `{after: 'Answer:'}` or `{line: last}`"
            self._problems.add(steps, f"extract is a step or a list of steps, got {quote(value)}: {rule}")
            return None
        try:
            return msgspec.convert(options, model)
        except msgspec.ValidationError as error:
            if not explain(options, model, steps, self._problems, "extract"):
                self._problems.add(steps, f"extract: {_reason(error)}")
        return None

    def _make_bare(self, name: str, steps: Steps) -> Check | None:
        """`- json`: a check whose value has a default."""
        grader = self._graders.get(name)
        if grader is None:
            self._problems.add(steps, self._unknown(name))
            return None
        try:
            made = grader()
        except TypeError:
            self._problems.add(steps, f"check {name!r} needs a value: write `{name}: ...`")
            return None
        return Check(name, name, summary(made), made)

    def _kind(self, value: dict[str, object], steps: Steps) -> str | None:
        """Which of the keys is the check's name: the others have to be its options."""
        named = [key for key in value if key in self._graders]
        fitting = [key for key in named if all(self._is_option(key, other) for other in named if other != key)]
        if len(fitting) == 1:
            return fitting[0]
        self._problems.add(steps, self._kind_fault(value, named))
        return None

    def _is_option(self, kind: str, key: str) -> bool:
        return key in self._graders[kind].__struct_fields__

    def _kind_fault(self, value: dict[str, object], named: list[str]) -> str:
        if named:
            return f"a check has one name, got {' and '.join(map(quote, named))}: write each as an entry of its own"
        unknown = [key for key in value if key not in _COMMON]
        if not unknown:
            return f"this check has no name; known are {', '.join(sorted(self._graders))}"
        if foreign := next((key for key in unknown if foreign_check(key, self._graders)), None):
            return self._unknown(foreign)
        guess = next((key for key in unknown if self._problems.hint(key, self._graders)), unknown[0])
        return self._unknown(guess)

    def _unknown(self, name: str) -> str:
        hint = foreign_check(name, self._graders) or self._problems.hint(name, self._graders)
        return f"unknown check {quote(name)}{hint}{self._unknown_note}"

    def _common(self, value: dict[str, object], kind: str, steps: Steps) -> _Common | None:
        try:
            return msgspec.convert(value, _Common)
        except msgspec.ValidationError:
            explain(value, _Common, steps, self._problems, f"check {kind!r}")
            return None

    def _grader(self, kind: str, options: dict[str, object], steps: Steps) -> Grader | None:
        model = self._graders[kind]
        if issubclass(model, Combination) and isinstance(nested := options[kind], list):
            inside = [self._make(check, (*steps, kind, index)) for index, check in enumerate(nested)]
            if None in inside:
                return None
            options = {**options, kind: inside}
        if (files := self._texts(model, options, kind, steps)) is None:
            return None
        options = {**options, **files}
        try:
            return msgspec.convert(options, model)
        except msgspec.ValidationError as error:
            if not explain(options, model, steps, self._problems, f"check {kind!r}"):
                self._problems.add((*steps, kind), f"check {kind!r}: {_reason(error)}")
        except Exception as error:  # noqa: BLE001 - a grader may be anybody's: its crash is a problem of this check
            self._problems.add(
                (*steps, kind), f"check {kind!r} cannot be made: {type(error).__name__}: {_reason(error)}"
            )
        return None

    def _texts(
        self, model: type[Grader], options: Mapping[str, object], kind: str, steps: Steps
    ) -> dict[str, str] | None:
        """What stands in the files that options name; None where one cannot be read."""
        texts = {}
        for name in model.file_options:
            if isinstance(written := options.get(name), str):
                try:
                    texts[name] = text_beside(written, self._folder, self._allowed)
                except ValueError as error:
                    self._problems.add((*steps, name), f"check {kind!r}: {name} {quote(written)} {error}")
                    return None
        return texts


def each_inside(check: Check, steps: Steps) -> Iterator[LocatedCheck]:
    """A check and those that it is made of, and where each stands."""
    yield check, steps
    if isinstance(check.grader, Combination):
        for index, inside in enumerate(check.grader.checks):
            yield from each_inside(inside, (*steps, check.kind, index))


def _has_placeholder(value: object) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(map(_has_placeholder, value.values()))
    return isinstance(value, list) and any(map(_has_placeholder, value))


def _reason(error: Exception) -> str:
    """What a grader says about a value, which it may quote at length."""
    return clip(plain(str(error)), 300)


def _title(value: object) -> str:
    return next((key for key in value if key not in _COMMON), "?") if isinstance(value, dict) else str(value)


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
