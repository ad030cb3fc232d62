"""Which of the tools that are built in a scenario's models get."""

from __future__ import annotations

from msgspec import UnsetType

from pytest_benchmodels.core.builtin_tools import ASK_USER, WORKSPACE_TOOLS
from pytest_benchmodels.core.scenario import Tool
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.authored import Defaults, or_else
from pytest_benchmodels.formats.document import Problems, Steps

__all__ = ["builtin_tools", "has_workspace", "note_unknown"]


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
