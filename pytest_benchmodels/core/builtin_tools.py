"""The tools that a model gets without the author's doing: those of a workspace, and the one that asks the user.

Here stands what models are told of them; what they do is in `solvers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_benchmodels.core.tool import Tool

__all__ = ["ASK_USER", "COMMAND_S", "READ_LINES", "WORKSPACE_TOOLS"]

READ_LINES = 2_000
"""How many lines `read_file` gives where the call names no `limit`."""
COMMAND_S = 60
"""For how many seconds a command of `run_command` may run where the call names no `timeout`."""

_PATH = {"type": "string", "description": "Relative to the workspace, with slashes."}
_GLOB = "`**` stands for any folders, `*` for anything but a slash"


def _tool(name: str, description: str, properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> Tool:
    required = [each for each in properties if each not in optional]
    parameters = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return Tool(name, description, parameters, builtin=True)


WORKSPACE_TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        _tool(
            "read_file",
            f"Read a text file of the workspace, {READ_LINES:,} lines at most at a time.",
            {
                "path": _PATH,
                "offset": {"type": "integer", "minimum": 1, "description": "The first line, from 1 on."},
                "limit": {"type": "integer", "minimum": 1, "description": f"How many lines: {READ_LINES:,}."},
            },
            ("offset", "limit"),
        ),
        _tool(
            "write_file",
            "Write a whole file of the workspace, with the folders above it. What it held before is gone.",
            {"path": _PATH, "content": {"type": "string"}},
        ),
        _tool(
            "edit_file",
            "Replace a part of a file. `old` has to stand there exactly once, spaces and line ends included, "
            "unless `replace_all` is true.",
            {
                "path": _PATH,
                "old": {"type": "string"},
                "new": {"type": "string"},
                "replace_all": {"type": "boolean"},
            },
            ("replace_all",),
        ),
        _tool(
            "list_files",
            f"List the files of the workspace that fit a pattern: {_GLOB}.",
            {"pattern": {"type": "string", "description": "`**`, all files, where it is left out."}},
            ("pattern",),
        ),
        _tool(
            "search",
            "Look for a regular expression in the lines of the workspace's text files; gives `file:line: text`.",
            {
                "pattern": {"type": "string", "description": "As Python has it; `(?i)` in front ignores case."},
                "files": {"type": "string", "description": f"Which files: {_GLOB}. All where it is left out."},
            },
            ("files",),
        ),
        _tool(
            "run_command",
            "Run a command in the workspace's folder, by a shell; gives its exit status and output.",
            {
                "command": {"type": "string"},
                "timeout": {
                    "type": "number",
                    "minimum": 1,
                    "maximum": 3600,
                    "description": f"Seconds after which it is ended: {COMMAND_S}.",
                },
            },
            ("timeout",),
        ),
    )
}
"""By name. A change to what they do has to raise `_BUILTIN_VERSION` in `fingerprint`."""

ASK_USER = _tool(
    "ask_user",
    "Ask the user a question, where the task leaves open what only they can tell.",
    {"question": {"type": "string"}},
)
