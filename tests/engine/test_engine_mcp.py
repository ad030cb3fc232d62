"""MCP servers without a session: what they may say, and how much of it is taken."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ToolError
from pytest_benchmodels.core.message import ToolCall, ToolResult
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.solvers.mcp import Servers, ServerSettings, listed_tools

SERVER = """
import json, sys

for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "initialize":
        version = request["params"]["protocolVersion"]
        about = {"name": "by hand", "version": "1"}
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    elif request["method"] == "tools/list":
        result = json.loads(sys.argv[1])
    elif request["method"] == "tools/call":
        result = json.loads(sys.argv[2])
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
"""
TOOLS = {"tools": [{"name": "look", "description": "Looks.", "inputSchema": {"type": "object"}}]}


def settings(folder: Path, *said: object, script: str = SERVER, timeout_s: float = 60) -> ServerSettings:
    (folder / "server.py").write_text(script, encoding="utf-8")
    return ServerSettings("s", (sys.executable, "server.py", *map(json.dumps, said)), folder, timeout_s=timeout_s)


def called(of: ServerSettings) -> ToolResult:
    async def call() -> ToolResult:
        servers = Servers(lambda _: of)
        try:
            with servers.of_run() as made:
                return await made(Tool("look", "", {}, server="s"), ToolCall("c", "look", {}))
        finally:
            await servers.aclose()

    return asyncio.run(call())


def test_tools_are_listed_as_the_server_says(tmp_path: Path) -> None:
    (tool,) = listed_tools(settings(tmp_path, TOOLS))

    assert (tool.name, tool.description, tool.parameters) == ("look", "Looks.", {"type": "object"})
    assert (tool.server, tool.server_version) == ("s", "by hand 1")


def test_a_list_without_an_end_ends_with_the_time(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"MCP server 's' did not list its tools within 1 s"):
        listed_tools(settings(tmp_path, {**TOOLS, "nextCursor": "more"}, timeout_s=1))


def test_a_line_without_an_end_is_not_read_on(tmp_path: Path) -> None:
    script = "import sys\nwhile True: sys.stdout.write('x' * 1_000_000)"

    with pytest.raises(ToolError, match=r"did not start: it wrote a line of more than 32 MB"):
        listed_tools(settings(tmp_path, script=script))


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ({"content": []}, ""),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\nb"),
        ({"content": [{"type": "text", "text": "a"}], "structuredContent": {"x": 1}}, "a"),
        ({"content": [], "structuredContent": {"x": "é"}}, '{"x": "é"}'),
        ({"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}]}, "inside"),
        (
            {"content": [{"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}]},
            "[audio, which no model takes]",
        ),
        ({"content": [{"type": "text", "text": "x" * 100_001}]}, f"{'x' * 100_000}... (1 more characters)"),
    ],
)
def test_what_a_result_is_told_as(tmp_path: Path, result: dict[str, Any], content: str) -> None:
    assert called(settings(tmp_path, TOOLS, result)) == ToolResult("c", content)


def test_a_result_that_does_not_fit_its_schema_is_the_servers_failure(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    tools = {"tools": [{**TOOLS["tools"][0], "outputSchema": schema}]}

    with pytest.raises(ToolError, match=r"MCP server 's' gave no result of 'look': Invalid structured content"):
        called(settings(tmp_path, tools, {"content": [], "structuredContent": {"x": "no number"}}))
