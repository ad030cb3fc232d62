"""A tool that a model may call, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Tool", "ToolAnswer"]


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool gives back: to any call, or to those that have at least these `arguments`."""

    text: str
    arguments: Mapping[str, Any] | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call. `parameters` are a JSON Schema of its arguments.

    `answers` are what the author wrote as its results: those with `arguments` are for calls that fit, the others are
    given in turn, the last of them again and again. `function` is the user's code, where that is the tool: it takes the
    arguments by name. `server` names the MCP server whose tool it is, `server_version` is what that says of itself.
    `builtin`: it is one of `builtin_tools`. `fault` says what is wrong with a call's arguments, None if nothing is.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    answers: tuple[ToolAnswer, ...] = ()
    function: Callable[..., object] | None = None
    server: str = ""
    server_version: str = ""
    builtin: bool = False
    fault: Callable[[object], str | None] | None = field(default=None, compare=False, repr=False)
