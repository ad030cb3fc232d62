"""Tools of MCP servers: processes that are spoken to by the Model Context Protocol, over their stdin and stdout.

Source: https://modelcontextprotocol.io/specification/2025-11-25. What is said in it is a matter of the package `mcp`;
the processes are ours, so that none outlives its run, and none can keep one waiting or fill the memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import weakref
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_benchmodels.core.errors import ToolError
from pytest_benchmodels.core.message import ImagePart, TextPart, ToolCall, ToolResult
from pytest_benchmodels.core.text import clip, plain, quote, told, well_formed
from pytest_benchmodels.core.tool import Tool

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from mcp import ClientSession, types
    from mcp.client._transport import ReadStream, WriteStream
    from mcp.shared.message import SessionMessage

__all__ = ["ServerSettings", "Servers", "listed_tools"]

T = TypeVar("T")

_LONGEST_LINE = 32_000_000  # bytes of one message
_RESULT_LIMIT = 100_000
_LARGEST_IMAGE = 28_000_000  # characters of base64, which are 20 MB
_TAIL_BYTES = 4000
_TAIL_LINES = 5
_TAIL_S = 1.0
_UNTIL_TERM_S, _UNTIL_KILL_S = 2.0, 1.0
"""How long a server may take to end by itself, and after SIGTERM: together less than a session's end waits."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One `[mcp.NAME]` of bench.toml. `timeout_s`, in seconds, holds for its start and for each call.

    `env` is what it gets beside a minimal environment; `hide` takes the secrets among that out of a text.
    """

    name: str
    command: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 30.0
    shared: bool = False
    hide: Callable[[str], str] = field(default=str, repr=False)


def listed_tools(settings: ServerSettings) -> tuple[Tool, ...]:
    """Start a server, ask for its tools, and end it. Raises `ToolError`."""

    async def listed() -> tuple[Tool, ...]:
        server = _Server(settings)
        try:
            return await server.tools()
        finally:
            await server.end()

    return asyncio.run(listed())


class Servers:
    """The servers of one event loop's runs: each run has its own, which its first call starts, or all share one.

    A shared one that has ended is started anew for the next call.
    """

    def __init__(self, settings: Callable[[str], ServerSettings]) -> None:
        """`settings` gives those of a server's name."""
        self._settings = settings
        self._shared: dict[str, _Server] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @contextmanager
    def of_run(self) -> Iterator[Callable[[Tool, ToolCall], Awaitable[ToolResult]]]:
        """What makes the calls of one run; it raises `ToolError`. The run's own servers begin to end with it."""
        own: dict[str, _Server] = {}

        async def call(tool: Tool, wanted: ToolCall) -> ToolResult:
            settings = self._settings(tool.server)
            servers = self._shared if settings.shared else own
            if (server := servers.get(tool.server)) is None or (settings.shared and server.is_over):
                server = servers[tool.server] = _Server(settings)
                if settings.shared:
                    self._end_with(server)
            return await server.call(wanted)

        try:
            yield call
        finally:
            for server in own.values():
                server.dismiss()
                self._end_with(server)

    async def aclose(self) -> None:
        """Wait until all of them have ended."""
        for server in self._shared.values():
            server.dismiss()
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    def _end_with(self, server: _Server) -> None:
        task = asyncio.ensure_future(server.ended())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Server:
    """One process. It lives in a task of its own: whoever waits for it may be given up, and it still ends in order."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._dismissed = asyncio.Event()
        self._session: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._fault: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._said = b""
        self._life = asyncio.ensure_future(self._live())
        self._begun = asyncio.ensure_future(self._begin())

    @property
    def is_over(self) -> bool:
        """Whether it ended, or is about to."""
        return self._fault.done() or self._dismissed.is_set()

    async def tools(self) -> tuple[Tool, ...]:
        """All its tools. Raises `ToolError`."""
        from mcp import types  # noqa: PLC0415 - an extra, and 1 s that only its users pay

        session, version = await self._ready()
        found: list[types.Tool] = []

        async def ask() -> None:
            cursor: str | None = None
            while True:
                page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)
                found.extend(page.tools)
                if not (cursor := page.next_cursor):
                    return

        await self._answered(ask(), "did not list its tools")
        name = self._settings.name
        hide = self._settings.hide
        return tuple(
            [
                Tool(tool.name, hide(tool.description or ""), tool.input_schema, server=name, server_version=version)
                for tool in found
            ]
        )

    async def call(self, call: ToolCall) -> ToolResult:
        """What came of a call. Raises `ToolError` where the server failed, not the call."""
        session, _ = await self._ready()
        return await self._answered(self._called(session, call), f"gave no result of {quote(call.name)}")

    async def _called(self, session: ClientSession, call: ToolCall) -> ToolResult:
        from mcp import MCPError  # noqa: PLC0415 - as above

        arguments = dict(call.arguments) if isinstance(call.arguments, Mapping) else {}
        try:
            result = await session.call_tool(call.name, arguments)
        except MCPError as error:
            if _is_closed(error):
                raise
            return ToolResult(call.id, clip(self._text(error.message), _RESULT_LIMIT), is_error=True)
        return ToolResult(call.id, self._content(result), is_error=bool(result.is_error))

    def dismiss(self) -> None:
        """Let it end."""
        self._dismissed.set()

    async def end(self) -> None:
        """Let it end, and wait for that."""
        self.dismiss()
        await self.ended()

    async def ended(self) -> None:
        """Wait until its processes are gone."""
        await asyncio.gather(self._life, return_exceptions=True)
        self._begun.cancel()
        await asyncio.gather(self._begun, return_exceptions=True)

    async def _ready(self) -> tuple[ClientSession, str]:
        # Several calls may wait for the start: it is not theirs to give up.
        return await asyncio.shield(self._begun)

    async def _begin(self) -> tuple[ClientSession, str]:
        """The session, and what the server says of its version."""

        async def begin() -> tuple[ClientSession, str]:
            session = await self._session
            about = (await session.initialize()).server_info
            return session, f"{about.name} {about.version}"

        try:
            return await self._answered(begin(), "did not start")
        except BaseException:
            self.dismiss()
            raise

    async def _answered(self, answer: Awaitable[T], doing: str) -> T:
        """What it answers in time. `doing` says what it did not, where the time is over. Raises `ToolError`."""
        asked = asyncio.ensure_future(answer)
        either: set[asyncio.Future[Any]] = {asked, self._fault}
        limit_s = self._settings.timeout_s
        try:
            await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                return asked.result()
            why = f"{doing} within {limit_s:g} s"
        except Exception as error:  # noqa: BLE001 - the end of the process, or what the package takes for wrong
            why = f"{doing}: {told(error)}"
            if _is_closed(error):
                # Which end that was is told in a moment, with its status.
                await asyncio.wait((self._fault,), timeout=_TAIL_S)
        finally:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        raise self._error(f"{doing}: {self._fault.result()}" if self._fault.done() else why)

    def _error(self, what: str) -> ToolError:
        """With the last lines of its stderr, where there are any."""
        lines = self._said.decode("utf-8", "replace").strip().splitlines()[-_TAIL_LINES:]
        said = f"; the end of its stderr: {' | '.join(line.strip() for line in lines)}" if lines else ""
        return ToolError(self._settings.hide(plain(f"MCP server {quote(self._settings.name)} {what}{said}")))

    def _text(self, text: str) -> str:
        return self._settings.hide(well_formed(text))

    def _content(self, result: types.CallToolResult) -> str | tuple[TextPart | ImagePart, ...]:
        """Texts and images as they are; structured content as JSON, where no text tells it already."""
        parts = [self._part(block) for block in result.content]
        if result.structured_content is not None and not any(isinstance(part, TextPart) for part in parts):
            parts.append(TextPart(self._text(json.dumps(result.structured_content, ensure_ascii=False))))
        if any(isinstance(part, ImagePart) for part in parts):
            shown = (TextPart(clip(part.text, _RESULT_LIMIT)) if isinstance(part, TextPart) else part for part in parts)
            return tuple(shown)
        return clip("\n".join(part.text for part in parts if isinstance(part, TextPart)), _RESULT_LIMIT)

    def _part(self, block: types.ContentBlock) -> TextPart | ImagePart:
        if block.type == "text":
            return TextPart(self._text(block.text))
        if block.type == "image":
            if len(block.data) > _LARGEST_IMAGE or not block.data:
                return TextPart("[an image that is empty, or larger than 20 MB]")
            return ImagePart(block.mime_type, block.data)
        if block.type == "resource" and (text := getattr(block.resource, "text", None)) is not None:
            return TextPart(self._text(text))
        return TextPart(f"[{block.type}, which no model takes]")

    async def _live(self) -> None:
        """From the process's start to its end."""
        try:
            process = await self._started()
        except (OSError, ValueError) as error:
            self._fail(f"{told(error)}; see `command` and `cwd` of [mcp.{self._settings.name}]")
            return
        # For whatever ends the interpreter before the loop has come to its end: it kills the whole group.
        last_resort = weakref.finalize(process, _kill, process.pid)
        listening = asyncio.ensure_future(self._listen(process))
        try:
            await self._converse(process, listening)
        finally:
            await _end(process)
            last_resort.detach()
            await asyncio.wait((listening,), timeout=_TAIL_S)
            listening.cancel()

    async def _started(self) -> Process:
        from mcp.client.stdio import get_default_environment  # noqa: PLC0415 - as above

        settings = self._settings
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *settings.command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=settings.cwd,
            env={**get_default_environment(), **settings.env},
            start_new_session=True,
            limit=_LONGEST_LINE,
        )

    async def _converse(self, process: Process, listening: asyncio.Future[None]) -> None:
        """Let the session talk with it until it is dismissed, or ends by itself."""
        from anyio import create_memory_object_stream  # noqa: PLC0415 - as above
        from mcp import ClientSession  # noqa: PLC0415 - as above
        from mcp.shared.message import SessionMessage  # noqa: PLC0415 - as above

        heard, hearing = create_memory_object_stream[SessionMessage | Exception]()
        saying, said = create_memory_object_stream[SessionMessage]()
        reading = asyncio.ensure_future(self._read(process, heard, listening))
        writing = asyncio.ensure_future(_write(process, said))
        try:
            async with ClientSession(hearing, saying) as session:
                self._session.set_result(session)
                dismissed = asyncio.ensure_future(self._dismissed.wait())
                either: set[asyncio.Future[Any]] = {dismissed, self._fault}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                dismissed.cancel()
        except Exception as error:  # noqa: BLE001 - whatever the package makes of what a server says
            self._fail(f"it cannot be understood: {told(error)}")
        finally:
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            for stream in (heard, hearing, saying, said):
                stream.close()

    async def _read(
        self, process: Process, heard: WriteStream[SessionMessage], listening: asyncio.Future[None]
    ) -> None:
        from mcp.shared.message import SessionMessage  # noqa: PLC0415 - as above
        from mcp.types import jsonrpc_message_adapter  # noqa: PLC0415 - as above

        assert process.stdout is not None  # noqa: S101 - it was started with one
        try:
            while line := await process.stdout.readline():
                if not line.strip():
                    continue
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    said = quote(line.decode("utf-8", "replace").strip(), 200)
                    self._fail(f"it wrote to its stdout what is no message of the protocol: {said}")
                    return
                await heard.send(SessionMessage(message))
        except ValueError:
            self._fail(f"it wrote a line of more than {_LONGEST_LINE // 1_000_000} MB")
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TAIL_S)
        await asyncio.wait((listening,), timeout=_TAIL_S)
        status = process.returncode
        self._fail("it closed its stdout" if status is None else f"it ended with status {status}")

    async def _listen(self, process: Process) -> None:
        """Keep the end of its stderr."""
        assert process.stderr is not None  # noqa: S101 - it was started with one
        while some := await process.stderr.read(_TAIL_BYTES):
            self._said = (self._said + some)[-_TAIL_BYTES:]

    def _fail(self, why: str) -> None:
        if not self._fault.done():
            self._fault.set_result(why)


def _is_closed(error: Exception) -> bool:
    """Whether it says no more than that the process has hung up."""
    from mcp import types  # noqa: PLC0415 - as above

    return getattr(error, "code", None) == types.CONNECTION_CLOSED


async def _write(process: Process, said: ReadStream[SessionMessage]) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with one
    with suppress(ConnectionError):  # whoever reads its stdout sees how it ended
        async for each in said:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(f"{text}\n".encode())
            await process.stdin.drain()


async def _end(process: Process) -> None:
    """Let it end as the protocol wants it, by the end of its stdin; then by force, with all that it has started."""
    assert process.stdin is not None  # noqa: S101 - it was started with one
    process.stdin.close()
    # What it still has to say is in nobody's way: a full pipe would keep it from ending, and us from seeing that.
    rest = asyncio.ensure_future(_ignore(process.stdout))
    for patience_s, number in ((_UNTIL_TERM_S, signal.SIGTERM), (_UNTIL_KILL_S, signal.SIGKILL)):
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), patience_s)
            break
        _kill(process.pid, number)
    _kill(process.pid)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _UNTIL_KILL_S)
    rest.cancel()


async def _ignore(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(_TAIL_BYTES):
        pass


def _kill(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
