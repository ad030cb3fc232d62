"""The tools of a model that works in a workspace, in a real folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels import ToolCall, ToolResult
from pytest_benchmodels.core.builtin_tools import WORKSPACE_TOOLS
from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import Command, CommandResult, WorkspaceSpec
from pytest_benchmodels.engine.working import OpenWorkspace
from pytest_benchmodels.graders.patterns import compile_pattern
from pytest_benchmodels.solvers.conversation import ToolBox
from pytest_benchmodels.solvers.workspace_tools import WorkspaceTools
from pytest_benchmodels.workspaces.folder import FolderWorkspaces
from tests.engine.engine_parts import run, scenario

FILES = {"a.txt": "one\ntwo\nthree\n", "src/x.py": "def f():\n    return 1\n", "src/deep/y.py": "X = 1\n"}
Call = Callable[..., ToolResult]


@pytest.fixture
def workspace(tmp_path: Path) -> OpenWorkspace:
    spec = WorkspaceSpec(files=FILES)
    made = FolderWorkspaces(tmp_path / "workspaces", "none").open(run(scenario()), spec)
    asyncio.run(made.prepare())
    return made


@pytest.fixture
def call(workspace: OpenWorkspace) -> Call:
    """Calls one tool, with tools of its own."""

    def called(name: str, **arguments: object) -> ToolResult:
        tools = WorkspaceTools(workspace, compile_pattern, 30.0)
        return asyncio.run(tools(ToolCall("1", name, arguments)))

    return called


def told(result: ToolResult) -> tuple[str, bool]:
    assert isinstance(result.content, str)
    return result.content, result.is_error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"path": "a.txt"}, ("one\ntwo\nthree\n", False)),
        ({"path": "src/../a.txt"}, ("one\ntwo\nthree\n", False)),
        ({"path": "a.txt", "offset": 2}, ("two\nthree\n[lines 2 to 3 of 3]", False)),
        ({"path": "a.txt", "offset": 2, "limit": 1}, ("two\n[lines 2 to 2 of 3; the next is line 3]", False)),
        ({"path": "a.txt", "limit": 2}, ("one\ntwo\n[lines 1 to 2 of 3; the next is line 3]", False)),
        ({"path": "a.txt", "offset": 9}, ("there is no line 9: the file has 3", True)),
        ({"path": "b.txt"}, ("'b.txt': No such file or directory", True)),
        ({"path": "src"}, ("'src': Is a directory", True)),
    ],
)
def test_read_file(call: Call, arguments: Mapping[str, Any], expected: tuple[str, bool]) -> None:
    assert told(call("read_file", **arguments)) == expected


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "src/../../x", ".."])
def test_nothing_outside_is_read_or_written(call: Call, path: str) -> None:
    tried = {"read_file": {}, "write_file": {"content": "x"}, "edit_file": {"old": "x", "new": "y"}}

    for tool, more in tried.items():
        text, is_error = told(call(tool, path=path, **more))
        assert is_error
        assert "leads out of the workspace" in text


def test_the_workspaces_own_path_is_taken_off(call: Call, workspace: OpenWorkspace) -> None:
    call("write_file", path=f"{workspace.path}/new.txt", content="x")

    assert told(call("read_file", path=f"{workspace.path}/new.txt")) == ("x", False)
    assert told(call("read_file", path="./new.txt")) == ("x", False)


@pytest.mark.parametrize("path", ["a\0b", "\udce4"], ids=["zero", "surrogate"])
def test_a_path_that_no_file_can_have_is_told(call: Call, path: str) -> None:
    text, is_error = told(call("read_file", path=path))

    assert is_error
    assert text


def test_a_long_file_is_read_in_pieces(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("long.txt", "".join(f"line {number} {'x' * 90}\n" for number in range(1, 3001)).encode())
    workspace.write("wide.txt", b"y" * 100_000 + b"\nz\n")

    text, _ = told(call("read_file", path="long.txt", limit=3000))
    last = int(text.rpartition("the next is line ")[2].removesuffix("]")) - 1
    rest, _ = told(call("read_file", path="long.txt", offset=last + 1, limit=1))
    wide, _ = told(call("read_file", path="wide.txt"))

    assert text.splitlines()[last - 1].startswith(f"line {last} ")
    assert text.endswith(f"[lines 1 to {last} of 3000; the next is line {last + 1}]")
    assert len(text) < 41_000
    assert rest.startswith(f"line {last + 1} ")
    assert "(60000 more characters)\n[lines 1 to 1 of 2; the next is line 2]" in wide


def test_what_is_no_text_or_empty_is_told(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("x.png", b"\x89PNG\0\0")
    workspace.write("empty", b"")
    workspace.write("latin.txt", "Größe".encode("latin-1"))

    assert told(call("read_file", path="x.png")) == ("'x.png' is no text", True)
    assert told(call("read_file", path="empty")) == ("(the file is empty)", False)
    assert told(call("read_file", path="latin.txt")) == ("Gr\ufffd\ufffde", False)


def test_a_file_beyond_what_is_read_says_so(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("huge.txt", b"0123456789\n" * 1_000_000)

    text, _ = told(call("read_file", path="huge.txt", limit=1))
    fault = told(call("edit_file", path="huge.txt", old="0", new="1"))

    assert text.endswith("[only the first 10,000,000 bytes of the file are read]")
    assert fault == ("'huge.txt' is larger than 10,000,000 bytes: change it by a command", True)


def test_write_file_makes_folders_and_stays_inside(call: Call, workspace: OpenWorkspace) -> None:
    assert told(call("write_file", path="new/b.txt", content="ä\ud800")) == ("wrote 3 bytes to 'new/b.txt'", False)
    assert workspace.read("new/b.txt") == "ä?".encode()
    assert told(call("write_file", path="../out.txt", content="x"))[1]
    assert not (workspace.path.parent / "out.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "said", "content"),
    [
        ({"old": "two", "new": "2"}, "replaced 1 place in 'a.txt'", "one\n2\nthree\n"),
        ({"old": "e\n", "new": "E\n", "replace_all": True}, "replaced 2 places in 'a.txt'", "onE\ntwo\nthreE\n"),
        ({"old": "two\n", "new": ""}, "replaced 1 place in 'a.txt'", "one\nthree\n"),
        ({"old": "e\n", "new": "E\n"}, "`old` is 2 times in 'a.txt': write more of what is around it, or set", None),
        ({"old": "four", "new": "4"}, "`old` is not in 'a.txt': read the file again", None),
        ({"old": "", "new": "4"}, "`old` is empty: write the text that is to be replaced", None),
        ({"old": "two", "new": "two"}, "`old` and `new` are the same", None),
        ({"path": "b.txt", "old": "a", "new": "b"}, "'b.txt': No such file or directory", None),
    ],
)
def test_edit_file(
    call: Call, workspace: OpenWorkspace, arguments: Mapping[str, Any], said: str, content: str | None
) -> None:
    text, is_error = told(call("edit_file", **{"path": "a.txt", **arguments}))

    assert text.startswith(said)
    assert is_error is (content is None)
    assert workspace.read("a.txt").decode() == (FILES["a.txt"] if content is None else content)


def test_an_edit_keeps_line_ends_and_does_not_spoil_what_is_no_utf8(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("dos.txt", b"a\r\nb\r\n")
    workspace.write("latin.txt", b"\xe4 x")

    call("edit_file", path="dos.txt", old="a", new="A")
    fault = told(call("edit_file", path="latin.txt", old="x", new="y"))

    assert workspace.read("dos.txt") == b"A\r\nb\r\n"
    assert fault == ("'latin.txt' is no UTF-8 text: change it by a command", True)
    assert workspace.read("latin.txt") == b"\xe4 x"


def test_an_edit_that_would_fill_the_memory_is_refused(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("many.txt", b"x" * 1_000_000)

    text, is_error = told(call("edit_file", path="many.txt", old="x", new="y" * 100_000, replace_all=True))

    assert (text, is_error) == ("'many.txt' would become larger than 10,000,000 bytes", True)


def test_list_files(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("odd\nname.txt", b"")

    assert told(call("list_files")) == ("a.txt\n'odd\\nname.txt'\nsrc/deep/y.py\nsrc/x.py", False)
    assert told(call("list_files", pattern="src/**"))[0].splitlines() == ["src/deep/y.py", "src/x.py"]
    assert told(call("list_files", pattern="*.rs")) == ("no file fits '*.rs'", False)


def test_of_many_files_the_first_are_listed(call: Call, workspace: OpenWorkspace) -> None:
    for number in range(1100):
        workspace.write(f"f/{number:04}", b"")

    lines = told(call("list_files", pattern="f/**"))[0].splitlines()

    assert (lines[0], lines[999], lines[1000:]) == (
        "f/0000",
        "f/0999",
        ["[100 more: ask with a narrower pattern]"],
    )


def test_search(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("x.bin", b"\0return")

    assert told(call("search", pattern=r"return \d|X = ")) == ("src/deep/y.py:1: X = 1\nsrc/x.py:2: return 1", False)
    assert told(call("search", pattern="(?i)ONE", files="*.txt")) == ("a.txt:1: one", False)
    assert told(call("search", pattern="nothing")) == ("no line matches 'nothing'", False)
    text, is_error = told(call("search", pattern="("))
    assert is_error
    assert "is no pattern that can be compiled" in text


def test_a_pattern_that_does_not_end_is_told(
    call: Call, workspace: OpenWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_benchmodels.solvers.workspace_tools._SEARCH_S", 0.05)
    workspace.write("b.txt", b"a" * 5000 + b"b")

    text, is_error = told(call("search", pattern="t|(a|aa)+$"))

    assert is_error
    assert text.startswith("the search took more than 0.05 s: write a simpler pattern")
    assert "a.txt:2: two" in text


def test_of_many_lines_the_first_are_told(call: Call, workspace: OpenWorkspace) -> None:
    workspace.write("b.txt", b"hit\n" * 300)

    lines = told(call("search", pattern="hit"))[0].splitlines()

    assert (len(lines), lines[-1]) == (201, "[more than 200 lines match: search fewer files, or for less]")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cat a.txt", ("exit status 0\none\ntwo\nthree", False)),
        ("true", ("exit status 0\n(no output)", False)),
        ("echo out; echo err >&2; exit 3", ("exit status 3\nout\n--- stderr ---\nerr", False)),
        ("echo err >&2", ("exit status 0\nerr", False)),
        ("printf '\\377'", ("exit status 0\n\ufffd", False)),
    ],
)
def test_run_command(call: Call, command: str, expected: tuple[str, bool]) -> None:
    assert told(call("run_command", command=command)) == expected


def test_a_long_output_keeps_its_head_and_its_tail(call: Call) -> None:
    text, _ = told(call("run_command", command="echo first; seq 100000; echo last"))

    assert text.startswith("exit status 0\nfirst\n1\n")
    assert text.endswith("100000\nlast")
    assert "characters left out ...]" in text
    assert len(text) < 31_000


class Recorded:
    """A workspace that runs nothing: it tells how a command would end, and which there was."""

    def __init__(self, ended: CommandResult | Exception) -> None:
        self.ended = ended
        self.commands: list[tuple[Command, str]] = []

    async def run(self, command: Command, purpose: str = "tool") -> CommandResult:
        self.commands.append((command, purpose))
        if isinstance(self.ended, Exception):
            raise self.ended
        return self.ended


@pytest.mark.parametrize(
    ("arguments", "limit_s", "expected"),
    [({}, 180.0, 60.0), ({}, None, 60.0), ({"timeout": 600}, 180.0, 180.0), ({"timeout": 600}, None, 600.0)],
)
def test_a_command_has_a_limit_that_is_none_beyond_the_runs(
    arguments: Mapping[str, Any], limit_s: float | None, expected: float
) -> None:
    workspace: Any = Recorded(CommandResult(None, "half", is_cut=True))
    tools = WorkspaceTools(workspace, compile_pattern, limit_s)

    result = asyncio.run(tools(ToolCall("1", "run_command", {"command": "x", **arguments})))

    ((command, purpose),) = workspace.commands
    assert (command.words, command.timeout_s, command.network, purpose) == ("x", expected, False, "tool")
    said = f"the command was ended after {expected:g} s\n[the beginning was too long to be kept]\nhalf"
    assert told(result) == (said, True)


def test_a_signal_that_ended_a_command_is_told() -> None:
    workspace: Any = Recorded(CommandResult(-9, "half"))
    tools = WorkspaceTools(workspace, compile_pattern, None)

    result = asyncio.run(tools(ToolCall("1", "run_command", {"command": "x"})))

    assert told(result) == ("ended by signal 9\nhalf", False)


def test_a_broken_workspace_is_no_matter_of_the_models() -> None:
    workspace: Any = Recorded(WorkspaceError("no process can be started here"))
    box = ToolBox(
        list(WORKSPACE_TOOLS.values()), call_builtin=WorkspaceTools(workspace, compile_pattern, None).__call__
    )

    with pytest.raises(WorkspaceError, match="no process can be started here"):
        asyncio.run(box.results([ToolCall("1", "run_command", {"command": "x"})]))


@pytest.mark.parametrize("error", [OSError(7, "Argument list too long"), ValueError("embedded null byte")])
def test_a_command_that_no_system_takes_is_told(error: Exception) -> None:
    workspace: Any = Recorded(error)
    tools = WorkspaceTools(workspace, compile_pattern, None)

    result = asyncio.run(tools(ToolCall("1", "run_command", {"command": "x"})))

    assert told(result) == (error.strerror if isinstance(error, OSError) else str(error), True)


def test_calls_made_together_are_done_in_their_order(workspace: OpenWorkspace) -> None:
    box = ToolBox(
        list(WORKSPACE_TOOLS.values()), call_builtin=WorkspaceTools(workspace, compile_pattern, None).__call__
    )
    texts = [f"{number}\n" for number in range(20)]
    calls = [ToolCall(text, "run_command", {"command": f"printf '%s' '{text}' >> log"}) for text in texts]

    results = asyncio.run(box.results([*calls, ToolCall("last", "read_file", {"path": "log"})]))

    assert results[-1].content == "".join(texts)


def test_keys_in_what_a_tool_gives_back_are_taken_out(workspace: OpenWorkspace) -> None:
    tools = WorkspaceTools(workspace, compile_pattern, None)
    box = ToolBox(list(WORKSPACE_TOOLS.values()), lambda text: text.replace("two", "***"), call_builtin=tools.__call__)

    (result,) = asyncio.run(box.results([ToolCall("1", "read_file", {"path": "a.txt"})]))

    assert result.content == "one\n***\nthree\n"


def test_tools_that_gave_back_too_much_say_so_and_end_no_run(workspace: OpenWorkspace) -> None:
    workspace.write("long.txt", b"0123456789" * 4_000)
    tools = WorkspaceTools(workspace, compile_pattern, None)
    box = ToolBox(list(WORKSPACE_TOOLS.values()), call_builtin=tools.__call__)
    calls = [ToolCall("1", "read_file", {"path": "long.txt"})] * 120

    results = asyncio.run(box.results(calls))

    assert [result.is_error for result in results] == [False] * 100 + [True] * 20
    assert results[-1].content == "the tools of this run gave back 4,000,000 characters, and give no more: answer now"
