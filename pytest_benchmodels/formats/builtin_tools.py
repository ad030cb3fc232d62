"""Which of the tools that are built in a scenario's models get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import UnsetType

from pytest_benchmodels.core.builtin_tools import ASK_USER, WORKSPACE_TOOLS
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.formats.authored import Defaults, or_else
from pytest_benchmodels.formats.document import Problems, Steps

__all__ = ["LookedAt", "builtin_tools", "has_workspace", "name_taken", "note_unknown"]


class LookedAt:
    """Gives the built-in tools what looks at the arguments of their calls; made once for a file."""

    def __init__(self, validator: Callable[[Mapping[str, Any]], Callable[[object], str | None]] | None) -> None:
        """`validator`: see `LoadOptions`."""
        self._validator = validator
        self._made: dict[str, Tool] = {}

    def tool(self, tool: Tool) -> Tool:
        """A tool, with `fault`."""
        if tool.name not in self._made:
            fault = None if self._validator is None else partial(_fault, self._validator, tool.parameters)
            self._made[tool.name] = replace(tool, fault=fault)
        return self._made[tool.name]


def _fault(
    validator: Callable[[Mapping[str, Any]], Callable[[object], str | None]],
    parameters: Mapping[str, Any],
    arguments: object,
) -> str | None:
    # Not made before the first call: what looks at schemas takes long to import, and each worker reads all scenarios.
    return validator(parameters)(arguments)


def name_taken(tool: Tool, builtin: str) -> str:
    """What is wrong with a tool of the author's that is called as a built-in one is; `builtin` is one that is there."""
    remedy = "leave it out by `only`" if tool.server else "give it another name"
    rule = f"a tool of that name is built in: {remedy}, or list those that you want (`- {builtin}`)"
    return f"tool {quote(tool.name)}: {rule}"


def builtin_tools(written: Defaults) -> tuple[Tool, ...]:
    """Those that an author's scenario has, its defaults filled in.

    Where it has a workspace these are all that work in one, unless `tools` names some of them, or is empty. A scenario
    with an `oracle` always has the tool that asks it.
    """
    asking = () if isinstance(written.oracle, UnsetType) else (ASK_USER,)
    if not has_workspace(written):
        return asking
    entries = or_else(written.tools, ())
    named = [entry for entry in entries if isinstance(entry, str)]
    is_all = isinstance(written.tools, UnsetType) or (bool(entries) and not named)
    return (*(tool for name, tool in WORKSPACE_TOOLS.items() if is_all or name in named), *asking)


def has_workspace(written: Defaults) -> bool:
    """Whether the author wrote of what a workspace is made."""
    return not (isinstance(written.workspace, UnsetType) and isinstance(written.files, UnsetType))


def note_unknown(written: Defaults, steps: Steps, problems: Problems) -> None:
    """Note each name in `tools`, which stand at `steps`, that is none of a tool which the scenario can have."""
    for index, name in enumerate(or_else(written.tools, ())):
        if not isinstance(name, str):
            continue
        known = (*WORKSPACE_TOOLS, ASK_USER.name)
        if name not in known:
            rule = f"built in are {', '.join(known)}; a tool of your own is a mapping: `name: {name[:64]}`"
            problems.add((*steps, index), f"no tool {quote(name)} is built in{problems.hint(name, known)}; {rule}")
        elif name == ASK_USER.name and isinstance(written.oracle, UnsetType):
            problems.add((*steps, index), f"tool {quote(name)} asks the oracle, and there is none: write `oracle:`")
        elif name != ASK_USER.name and not has_workspace(written):
            rule = "works in a workspace, and there is none: name its folder in `workspace:`, or write `files: {}`"
            problems.add((*steps, index), f"tool {quote(name)} {rule}")
