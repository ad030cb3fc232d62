"""Commands in workspaces: what they see and may do, what is kept of them, and that nothing outlives them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import Command, CommandResult, RanCommand, Work, WorkspaceSpec
from pytest_benchmodels.workspaces.command_confinement import command_confinement
from pytest_benchmodels.workspaces.folder import Folder, FolderWorkspaces
from pytest_benchmodels.workspaces.visible_programs import visible_programs
from tests.workspaces.made import COMMAND_WAYS, Marked, need, opened, prepared, run, run_of

pytestmark = pytest.mark.parametrize("way", COMMAND_WAYS)


@pytest.fixture(autouse=True)
def _needed(way: str) -> None:
    need(way)


def shell(scratch: Path, way: str, script: str) -> str:
    ended = run(scratch, Command(script), way)
    return ended.output + ended.errors


def test_words_text_stdin_and_environment_reach_it(way: str, scratch: Path) -> None:
    text = Command('cat; echo "$NAME"; pwd; echo oh >&2; exit 3', stdin="grün\n", environment={"NAME": "x y"})
    ended = run(scratch, text, way)

    assert (ended.status, ended.errors) == (3, "oh\n")
    assert ended.output.splitlines()[:2] == ["grün", "x y"]
    assert ended.output.endswith("/work\n")
    assert ended.cpu_s is not None
    assert run(scratch, Command(("printf", "%s", "a b; c")), way).output == "a b; c"


def test_a_program_that_is_no_shell_is_told_where_it_works(way: str, scratch: Path) -> None:
    ended = run(scratch, Command(("printenv", "PWD")), way)

    assert ended.output.endswith("/work\n")
    assert run(scratch, Command(("pwd", "-P")), way).output.endswith("/work\n")


@pytest.mark.parametrize("name", ["a=b", "-i", "--help"])
def test_a_program_is_started_whatever_it_is_called(way: str, scratch: Path, name: str) -> None:
    async def work(workspace: Folder) -> CommandResult:
        workspace.write(name, b'#!/bin/sh\necho "$@" "$NAME"\n')
        await workspace.run(Command(f'chmod +x "./{name}"'))
        return await workspace.run(Command((name, "echo", "x y"), environment={"NAME": "kept", "PATH": "."}))

    ended = prepared(scratch, WorkspaceSpec(), work, way)

    assert (ended.status, ended.output, ended.errors) == (0, "echo x y kept\n", "")


def test_its_folder_home_and_temporary_folder_can_be_written(way: str, scratch: Path) -> None:
    script = 'echo 1 > a && echo 2 > "$HOME/b" && echo 3 > "$TMPDIR/c" && cat a "$HOME/b" "$TMPDIR/c" > /dev/stdout; ls'

    assert shell(scratch, way, script) == "1\n2\n3\na\n"


def test_keys_are_in_no_environment_and_in_no_process_that_it_sees(
    way: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "limits":
        pytest.skip("nothing keeps it from looking at processes of its user")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123")
    script = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'"

    printed = shell(scratch, way, script)

    assert "PATH=" in printed
    assert "very-secret" not in printed


def test_files_of_the_user_are_not_there(way: str, scratch: Path) -> None:
    if way == "limits":
        pytest.skip("nothing holds it back")
    secret = scratch / "secret"
    secret.write_text("secret", "utf-8")
    secret.chmod(0o666)
    folder = Path(__file__).parent
    script = f"cat {secret} {folder}/made.py; echo x > {secret}; ls ~root ~/.. {Path.home()}/.ssh; cat /etc/shadow"

    printed = shell(scratch, way, script)

    assert "Workspaces for tests" not in printed
    assert "root:" not in printed
    assert secret.read_text("utf-8") == "secret"


def test_what_is_named_can_be_read_and_written(way: str, scratch: Path) -> None:
    readable, writable = scratch / "readable", scratch / "writable"
    for folder in (readable, writable):
        folder.mkdir()
        folder.chmod(0o777)
    (readable / "file").write_text("hello\n", "utf-8")
    script = f"cat {readable}/file; echo made > {writable}/file; echo no > {readable}/other"
    command = Command(script, readable=(str(readable),), writable=(str(writable),))

    ended = run(scratch, command, way)

    assert ended.output == "hello\n"
    assert (writable / "file").read_text("utf-8") == "made\n"
    assert (readable / "other").exists() == (way == "limits")


@pytest.mark.parametrize("path", ["/no/such/file", "relative"])
def test_what_is_named_has_to_be_there(way: str, scratch: Path, path: str) -> None:
    with pytest.raises(WorkspaceError, match=f"{path}, which is not there: name an absolute path"):
        run(scratch, Command("true", readable=(path,)), way)


def test_the_network_is_there_where_it_is_allowed(way: str, scratch: Path) -> None:
    if "network" in " ".join(command_confinement(way).open):
        pytest.skip("nothing holds it back")
    script = "import socket; print(sorted(name for _, name in socket.if_nameindex()))"

    assert run(scratch, Command(("python3", "-c", script)), way).output == "['lo']\n"
    own = sorted(name for _, name in socket.if_nameindex())
    assert run(scratch, Command(("python3", "-c", script), network=True), way).output == f"{own}\n"


def test_programs_of_the_path_are_found(way: str, scratch: Path) -> None:
    """The session's Python, in a virtual environment, with what is installed there."""
    ended = run(scratch, Command(("python", "-c", "import msgspec, sys; print(sys.prefix)")), way)

    assert (ended.output.strip(), ended.errors) == (sys.prefix, "")


def test_a_program_that_is_not_there_is_told_as_shells_do(way: str, scratch: Path) -> None:
    ended = run(scratch, Command(("no-such-program", "x")), way)

    assert ended.status == 127
    assert "no-such-program" in ended.errors
    assert ended.errors.endswith(": No such file or directory\n")


def test_a_signal_is_told_as_shells_do(way: str, scratch: Path) -> None:
    assert run(scratch, Command("kill -9 $$"), way).status == 137


def test_a_file_has_a_greatest_size(way: str, scratch: Path) -> None:
    script = "head -c 3000000 /dev/zero > big"

    assert run(scratch, Command(script, file_mb=2), way).status != 0
    assert run(scratch, Command(script, file_mb=4), way).status == 0


def test_memory_has_an_end(way: str, scratch: Path) -> None:
    words = ("python3", "-c", "x = bytearray(400_000_000); print(len(x))")

    assert run(scratch, Command(words, memory_mb=200), way).status != 0
    assert run(scratch, Command(words, memory_mb=1_000), way).output == "400000000\n"


def test_processes_have_a_greatest_number(way: str, scratch: Path) -> None:
    if "processes" in " ".join(command_confinement(way).open):
        pytest.skip("nothing limits them here: root may start any number")
    script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 600 & done"

    assert "fork" in run(scratch, Command(script, processes=5), way).errors


def test_what_it_leaves_in_the_background_ends_with_it(way: str, scratch: Path) -> None:
    """And the output that they hold open holds nobody up."""
    marked = Marked()
    script = f"{marked.sleeps()} & (setsid {marked.sleeps()} &) ; trap '' HUP; nohup {marked.sleeps()} & echo out"

    ended = run(scratch, Command(script), way)

    assert (ended.status, ended.output) == (0, "out\n")
    assert marked.living() == []


def cut_short(scratch: Path, way: str, script: str, times: int = 1) -> RanCommand:
    """Run a script, cancel it as soon as it has made the file `there`, and tell how it is kept."""

    async def whole() -> Work:
        made, workspace = opened(scratch, WorkspaceSpec(), way)
        await workspace.prepare()
        task = asyncio.ensure_future(workspace.run(Command(script, processes=60), "agent"))
        while not (workspace.path / "there").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        work = await workspace.close(passed=True)
        made.close()
        return work

    (ran,) = asyncio.run(whole()).commands
    return ran


SURVIVORS = {
    "ignores TERM": "trap '' TERM INT HUP; echo so far; touch there; while :; do {sleeps}; done",
    "forks": "echo so far; for n in 1 2 3 4 5 6 7 8; do {sleeps} & done; touch there; wait",
    "another session": "echo so far; setsid sh -c \"trap '' TERM; touch there; {sleeps2}\" & wait; {sleeps}",
    "forks twice": "echo so far; (setsid sh -c \"trap '' TERM; touch there; {sleeps2}\" &) ; {sleeps}",
    "stops": "echo so far; {sleeps} & touch there; kill -STOP $$",
    "closes its pipes": "echo so far; exec 0<&- 1>&- 2>&-; touch there; {sleeps}",
    "leaves its pipes to others": "echo so far; (setsid {sleeps} &) ; (setsid {sleeps} &) ; touch there; {sleeps}",
    "begins anew": "echo so far; trap '' TERM; f() {{ (f &) ; exit 0; }}; (f &) ; touch there; {sleeps}",
}


@pytest.mark.parametrize("script", SURVIVORS.values(), ids=SURVIVORS)
def test_whatever_it_does_it_ends(way: str, scratch: Path, script: str) -> None:
    """And what it wrote so far is kept."""
    marked = Marked()
    whole = script.format(sleeps=marked.sleeps(), sleeps2=f"MARK={marked.mark} sleep 600; : {marked.mark}")

    ran = cut_short(scratch, way, whole)

    assert (ran.purpose, ran.status) == ("agent", None)
    assert ran.output.startswith("so far\n")
    assert marked.living() == []


def test_it_may_end_by_itself_when_it_is_asked(way: str, scratch: Path) -> None:
    ran = cut_short(scratch, way, "trap 'echo bye; exit 0' TERM; touch there; while :; do sleep 0.05; done")

    assert (ran.status, ran.output.splitlines()[0]) == (None, "bye")


def test_to_cancel_it_twice_leaves_nothing_either(way: str, scratch: Path) -> None:
    marked = Marked()

    cut_short(scratch, way, f"trap '' TERM; touch there; {marked.sleeps()}; sleep 600", times=2)

    assert marked.living() == []


@pytest.mark.parametrize("number", ["KILL", "STOP"])
def test_to_end_or_stop_what_watches_over_it_helps_nobody(way: str, scratch: Path, number: str) -> None:
    """Confined, it ends or stops no process but those that it may; without, what it started is looked for."""
    marked = Marked()
    script = f"(setsid {marked.sleeps()} &) ; kill -{number} $PPID; {marked.sleeps()}"

    command = Command(script, timeout_s=0.5)

    if (way, number) == ("limits", "KILL"):
        with pytest.raises(WorkspaceError, match="the process that watched over a command was ended"):
            run(scratch, command, way)
    else:
        assert run(scratch, command, way).status is None

    assert marked.living() == []


def test_its_own_time_ends_it(way: str, scratch: Path) -> None:
    marked = Marked()

    ended = run(scratch, Command(f"trap '' TERM; {marked.sleeps()}; {marked.sleeps()}", timeout_s=0.2), way)

    assert ended.status is None
    assert marked.living() == []


def test_only_the_end_of_long_output_is_kept(way: str, scratch: Path) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"

    ended = run(scratch, Command(script, output_bytes=200), way)

    assert ended.is_cut
    assert len(ended.output) <= 200
    lines = ended.output.splitlines()
    assert lines == [f"line {number}" for number in range(3000 - len(lines), 3000)]


def test_no_character_is_cut_in_half(way: str, scratch: Path) -> None:
    ended = run(scratch, Command("printf 'ab\\377%1000s' '' | sed 's/ /ü/g'", output_bytes=101), way)

    assert (ended.output, ended.is_cut) == ("ü" * 50, True)
    assert run(scratch, Command("printf 'ab\\377c'"), way).output == "ab\ufffdc"


def test_input_that_nobody_reads_holds_nobody_up(way: str, scratch: Path) -> None:
    assert run(scratch, Command("exit 4", stdin="x" * 5_000_000), way).status == 4


def test_keys_are_hidden_in_all_that_is_kept(way: str, scratch: Path) -> None:
    async def whole() -> str:
        made = FolderWorkspaces(scratch / "w", "none", lambda _, text: text.replace("sk-secret", "***"), way)
        workspace = made.open(run_of(), WorkspaceSpec())
        await workspace.prepare()
        ended = await workspace.run(Command("echo sk-secret | tee file; echo sk-secret >&2"))
        changes = workspace.changes()
        work = await workspace.close(passed=True)
        made.close()
        assert not changes[0].is_whole
        return f"{ended} {changes} {work}"

    told = asyncio.run(whole())

    assert "sk-secret" not in told
    assert "***" in told


PROGRAM = """
import asyncio, sys
from pathlib import Path
from pytest_benchmodels.core.workspace import Command, WorkspaceSpec
from tests.workspaces.made import prepared

prepared(Path({folder!r}), WorkspaceSpec(), lambda workspace: workspace.run(Command({script!r})), {way!r})
"""


def test_a_killed_session_leaves_no_process(way: str, scratch: Path) -> None:
    marked = Marked()
    script = f"trap '' TERM; (setsid {marked.sleeps()} &) ; touch there; {marked.sleeps()}"
    session = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(folder=str(scratch), script=script, way=way)],
        cwd=Path(__file__).parents[2],
    )
    while not list(scratch.glob("workspaces/*/*/work/there")):
        assert session.poll() is None

    session.send_signal(signal.SIGKILL)
    session.wait()

    while marked.living():  # a test that ends proves it: nobody else would end them
        os.sched_yield()


def test_programs_below_the_temporary_folder_are_there_for_each_command(
    way: str, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a virtual environment: `lib64` is a link, which bubblewrap makes in what stands for /tmp, and that stays.
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "lib64").symlink_to("lib")
    (folder / "bin" / "greet").write_text("#!/bin/sh\necho hello\n", "utf-8")
    (folder / "bin" / "greet").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    visible_programs.cache_clear()

    async def twice(workspace: Folder) -> list[CommandResult]:
        return [await workspace.run(Command("greet")) for _ in range(2)]

    try:
        ended = prepared(scratch, WorkspaceSpec(), twice, way)
    finally:
        visible_programs.cache_clear()

    assert [(each.status, each.output, each.errors) for each in ended] == [(0, "hello\n", "")] * 2
