"""The tools of a model that works in a workspace: it reads, writes, looks for and runs what is there.

All of it goes through the run's `Workspace`, which keeps it inside. What a tool cannot do is told to the model, as a
shell would; only a workspace that is broken itself ends the run.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_benchmodels.core.builtin_tools import COMMAND_S, READ_LINES
from pytest_benchmodels.core.message import ToolCall, ToolResult
from pytest_benchmodels.core.text import clip, quote, well_formed
from pytest_benchmodels.core.user_code import in_thread
from pytest_benchmodels.core.workspace import Command, CommandResult, Workspace

if TYPE_CHECKING:
    import regex

__all__ = ["CompilePattern", "WorkspaceTools"]

T = TypeVar("T")
CompilePattern = Callable[[str], "regex.Pattern[str]"]
"""Compiles a pattern that a model wrote. Raises ValueError where it is none, or no machine should compile it."""

_MOST_BYTES = 10_000_000
"""Of one file. A model would read for weeks."""
_SEARCHED_BYTES = 2_000_000
_BINARY_WITHIN = 8_000
"""A file with a zero byte among its first ones is no text: git's rule."""
_MOST_CHARS = 40_000
"""Of one result: 10,000 tokens, which stay in the conversation to its end."""
_HEAD, _TAIL = 10_000, 20_000
"""What is kept of a longer output. Its end says what went wrong."""
_MOST_NAMES = 1_000
_MOST_MATCHES = 200
_LONGEST_LINE = 300
_SEARCH_S = 5.0
_ALL_CHARS = 4_000_000
"""Of all results of a run: less than what would end it (`ToolBox`)."""


class _RefusedError(Exception):
    """Why a call cannot be done, for the model."""


class WorkspaceTools:
    """The tools of one run. Calls that were made together are done one after another, in their order.

    `limit_s` is the run's own limit in seconds, None for none: no command runs longer.
    """

    def __init__(self, workspace: Workspace, compile_pattern: CompilePattern, limit_s: float | None) -> None:
        self._workspace = workspace
        self._compile_pattern = compile_pattern
        self._limit_s = limit_s
        self._left = _ALL_CHARS
        self._at_work = asyncio.Lock()
        self._tools: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[str]]] = {
            "read_file": self._read_file,
            "write_file": self._write_file,
            "edit_file": self._edit_file,
            "list_files": self._list_files,
            "search": self._search,
            "run_command": self._run_command,
        }

    async def __call__(self, call: ToolCall) -> ToolResult:
        """Make a call whose arguments fit the tool's parameters. Raises `WorkspaceError`."""
        assert not isinstance(call.arguments, str)  # noqa: S101 - they fit; for the types
        async with self._at_work:
            if self._left <= 0:
                told = f"the tools of this run gave back {_ALL_CHARS:,} characters, and give no more: answer now"
                return ToolResult(call.id, told, is_error=True)
            try:
                text, is_error = await self._tools[call.name](call.arguments), False
            except _RefusedError as error:
                text, is_error = str(error), True
            except (OSError, ValueError) as error:
                text, is_error = _why(error, call.arguments.get("path")), True
            self._left -= len(text)
        return ToolResult(call.id, well_formed(text), is_error)

    async def _read_file(self, arguments: Mapping[str, Any]) -> str:
        text, is_whole = await self._text(arguments["path"])
        if not text:
            return "(the file is empty)"
        shown = _lines(text, int(arguments.get("offset", 1)), int(arguments.get("limit", READ_LINES)))
        return shown if is_whole else f"{shown}\n[only the first {_MOST_BYTES:,} bytes of the file are read]"

    async def _write_file(self, arguments: Mapping[str, Any]) -> str:
        content = well_formed(arguments["content"]).encode()
        await _in_thread(partial(self._workspace.write, self._relative(arguments["path"]), content))
        return f"wrote {len(content):,} bytes to {quote(arguments['path'])}"

    async def _edit_file(self, arguments: Mapping[str, Any]) -> str:
        path, old, new = arguments["path"], well_formed(arguments["old"]), well_formed(arguments["new"])
        content = await self._content(path, _MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise _RefusedError(f"{quote(path)} is larger than {_MOST_BYTES:,} bytes: change it by a command")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise _RefusedError(f"{quote(path)} is no UTF-8 text: change it by a command") from None
        count = text.count(old) if old else 0
        if fault := _edit_fault(path, old, new, count, replaces_all=arguments.get("replace_all", False)):
            raise _RefusedError(fault)
        if len(text) + count * (len(new) - len(old)) > _MOST_BYTES:
            raise _RefusedError(f"{quote(path)} would become larger than {_MOST_BYTES:,} bytes")
        await _in_thread(partial(self._workspace.write, self._relative(path), text.replace(old, new).encode()))
        return f"replaced {count} {'place' if count == 1 else 'places'} in {quote(path)}"

    async def _list_files(self, arguments: Mapping[str, Any]) -> str:
        pattern = arguments.get("pattern", "**")
        names = await _in_thread(partial(self._workspace.names, pattern))
        if not names:
            return f"no file fits {quote(pattern)}"
        more = len(names) - _MOST_NAMES
        shown = [*map(_name, names[:_MOST_NAMES]), *[f"[{more:,} more: ask with a narrower pattern]"] * (more > 0)]
        return _ends("\n".join(shown))

    async def _search(self, arguments: Mapping[str, Any]) -> str:
        pattern = self._compile_pattern(arguments["pattern"])
        found: list[str] = []
        try:
            await _in_thread(partial(self._find, pattern, arguments.get("files", "**"), found))
        except TimeoutError:
            rule = "write a simpler pattern, without repeats inside repeats, or search fewer files"
            raise _RefusedError("\n".join((f"the search took more than {_SEARCH_S:g} s: {rule}", *found))) from None
        return _ends("\n".join(found)) or f"no line matches {quote(arguments['pattern'])}"

    def _find(self, pattern: regex.Pattern[str], files: str, found: list[str]) -> None:
        until = monotonic() + _SEARCH_S

        def left_s() -> float:
            if (left := until - monotonic()) <= 0:
                raise TimeoutError
            return left

        for name in self._workspace.names(files):
            left_s()  # a file may have no line to look at
            for number, line in self._searched(name):
                if pattern.search(line, timeout=left_s(), concurrent=True) is None:
                    continue
                if len(found) == _MOST_MATCHES:
                    found.append(f"[more than {_MOST_MATCHES} lines match: search fewer files, or for less]")
                    return
                found.append(f"{_name(name)}:{number}: {clip(line.strip(), _LONGEST_LINE)}")

    def _searched(self, name: str) -> Iterator[tuple[int, str]]:
        """A file's lines by number; none of what is no text, and of what went away meanwhile."""
        try:
            content = self._workspace.read(name, _SEARCHED_BYTES)
        except OSError:
            return
        if not _is_binary(content):
            yield from enumerate(content.decode("utf-8", "replace").split("\n"), 1)

    async def _run_command(self, arguments: Mapping[str, Any]) -> str:
        limit_s = min(float(arguments.get("timeout", COMMAND_S)), self._limit_s or float("inf"))
        command = Command(well_formed(arguments["command"]), timeout_s=limit_s)
        ended = await self._workspace.run(command, "tool")
        if ended.status is None:
            raise _RefusedError(f"the command was ended after {limit_s:g} s\n{_output(ended)}")
        return f"{_status(ended.status)}\n{_output(ended)}"

    async def _text(self, path: str) -> tuple[str, bool]:
        """A file's text, and whether that is all of it."""
        content = await self._content(path, _MOST_BYTES + 1)
        if _is_binary(content):
            raise _RefusedError(f"{quote(path)} is no text")
        return content[:_MOST_BYTES].decode("utf-8", "replace"), len(content) <= _MOST_BYTES

    async def _content(self, path: str, most: int) -> bytes:
        return await _in_thread(partial(self._workspace.read, self._relative(path), most))

    def _relative(self, path: str) -> str:
        """A path as the workspace takes it: models write `./a.txt`, and what `pwd` told them."""
        return posixpath.normpath(path.removeprefix(f"{self._workspace.path}/"))


async def _in_thread(function: Callable[[], T]) -> T:
    return await in_thread(function, "benchmodels-workspace")


def _why(error: OSError | ValueError, path: object) -> str:
    """An error in the model's own words: where the workspace lies is none of its business."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if path is None else f"{quote(path)}: {error.strerror}"


def _is_binary(content: bytes) -> bool:
    return b"\0" in content[:_BINARY_WITHIN]


def _lines(text: str, first: int, count: int) -> str:
    """So many lines of a text from that one on, with a word of what is left out; cut where they are too long."""
    lines = text.removesuffix("\n").split("\n")
    if first == 1 and len(text) <= _MOST_CHARS and len(lines) <= count:
        return text
    if first > len(lines):
        raise _RefusedError(f"there is no line {first:,}: the file has {len(lines):,}")
    shown = list(_fitting(lines[first - 1 : first - 1 + count]))
    last = first - 1 + len(shown)
    further = f"; the next is line {last + 1}" if last < len(lines) else ""
    return "\n".join((*shown, f"[lines {first} to {last} of {len(lines)}{further}]"))


def _fitting(lines: Iterable[str]) -> Iterator[str]:
    """The first lines, as many as one result holds; one at least."""
    left = _MOST_CHARS
    for line in lines:
        if left < _MOST_CHARS and len(line) > left:
            return
        yield clip(line, _MOST_CHARS)
        left -= len(line) + 1


def _edit_fault(path: str, old: str, new: str, count: int, *, replaces_all: bool) -> str | None:
    """Why a text cannot be replaced; None where it can."""
    if not old:
        return "`old` is empty: write the text that is to be replaced, or the whole file by write_file"
    if old == new:
        return "`old` and `new` are the same: nothing would change"
    if not count:
        return f"`old` is not in {quote(path)}: read the file again, each space and line end counts"
    if count > 1 and not replaces_all:
        return f"`old` is {count} times in {quote(path)}: write more of what is around it, or set replace_all"
    return None


def _name(name: str) -> str:
    """A file's name on a line of its own: it may hold anything, line ends too."""
    return name if name.isprintable() else quote(name)


def _status(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"ended by signal {-status}"


def _output(ended: CommandResult) -> str:
    parts: Sequence[str] = [ended.output]
    if ended.errors:
        parts = [ended.output, "--- stderr ---", ended.errors] if ended.output else [ended.errors]
    text = _ends("\n".join(part.rstrip("\n") for part in parts))
    note = "[the beginning was too long to be kept]\n" if ended.is_cut else ""
    return f"{note}{text}" if text else "(no output)"


def _ends(text: str) -> str:
    """A text without its middle, where it is too long."""
    if len(text) <= _HEAD + _TAIL:
        return text
    left_out = len(text) - _HEAD - _TAIL
    return f"{text[:_HEAD]}\n[... {left_out:,} characters left out ...]\n{text[-_TAIL:]}"
