"""A run's folder: copied, set up, compared, made again, kept or removed; whatever fails is the run's error."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import Command, FileChange, Work, WorkspaceSpec
from pytest_benchmodels.workspaces.folder import Folder, FolderWorkspaces, Keep
from tests.workspaces.made import COMMAND_WAYS, Marked, need, opened, prepared, run_of


@pytest.fixture(params=COMMAND_WAYS)
def way(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


@pytest.fixture
def fixture(tmp_path: Path) -> Path:
    """A folder to make workspaces from."""
    made = tmp_path / "fixture"
    (made / "src").mkdir(parents=True)
    (made / ".git").mkdir()
    (made / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "ascii")
    (made / "src" / "a.py").write_text("a = 1\nb = 2\n", "ascii")
    (made / "run.sh").write_text("#!/bin/sh\n", "ascii")
    (made / "run.sh").chmod(0o755)
    (made / "link").symlink_to("src/a.py")
    os.utime(made / "src" / "a.py", (1_000_000_000, 1_000_000_000))
    return made


def changed(scratch: Path, spec: WorkspaceSpec, command: str, way: str = "best") -> tuple[FileChange, ...]:
    async def work(workspace: Folder) -> tuple[FileChange, ...]:
        ended = await workspace.run(Command(command))
        assert ended.status == 0, ended.errors
        return workspace.changes()

    return prepared(scratch, spec, work, way)


def test_a_folder_is_copied_with_all_that_matters(scratch: Path, fixture: Path, way: str) -> None:
    os.mkfifo(fixture / "pipe")

    async def work(workspace: Folder) -> None:
        assert sorted(path.name for path in workspace.path.iterdir()) == [".git", "link", "run.sh", "src"]
        ended = await workspace.run(Command("stat -c %Y src/a.py; stat -c %a run.sh; cat link; echo c >> src/a.py"))
        assert (ended.output, ended.errors) == ("1000000000\n755\na = 1\nb = 2\n", "")
        assert workspace.names("**/*.py") == ["src/a.py"]
        assert [each.path for each in workspace.changes()] == ["src/a.py"]

    prepared(scratch, WorkspaceSpec(fixture), work, way)

    assert (fixture / "src" / "a.py").read_text("ascii") == "a = 1\nb = 2\n"


def test_entries_of_the_top_are_left_out(scratch: Path, fixture: Path) -> None:
    async def work(workspace: Folder) -> None:
        assert workspace.names() == ["run.sh", "src/a.py"]

    prepared(scratch, WorkspaceSpec(fixture, left_out=(".git",)), work)


@pytest.mark.parametrize("target", ["/etc/passwd", "../other", "src/../../other"])
def test_a_link_that_leads_out_of_the_folder_is_no_part_of_it(scratch: Path, fixture: Path, target: str) -> None:
    (fixture / "out").symlink_to(target)

    with pytest.raises(WorkspaceError, match=r"fixture: the link 'out' leads out of it, to .*: put what it leads to"):
        changed(scratch, WorkspaceSpec(fixture), "true")


def test_what_setup_does_is_no_change_of_the_run(scratch: Path, fixture: Path, way: str) -> None:
    setup = ("echo made > made.txt && echo c >> src/a.py", "mkdir build && echo 1 > build/x")
    spec = WorkspaceSpec(fixture, {"given.txt": "given\n", "deep/er": ""}, setup)

    changes = changed(scratch, spec, "echo 2 >> made.txt; sed -i s/2/3/ src/a.py; rm given.txt; echo 5 > new", way)

    assert [(each.path, each.kind) for each in changes] == [
        ("given.txt", "deleted"),
        ("made.txt", "modified"),
        ("new", "added"),
        ("src/a.py", "modified"),
    ]
    assert "-b = 2\n+b = 3\n c\n" in changes[3].diff
    assert " made\n+2\n" in changes[1].diff


def test_setup_that_hangs_ends_at_the_runs_limit(scratch: Path, way: str) -> None:
    marked = Marked()
    run = replace(run_of(), timeout_s=1.0)
    spec = WorkspaceSpec(None, {}, (f"echo so far; {marked.sleeps()}", "touch never"))

    async def whole() -> Work:
        made = FolderWorkspaces(scratch / "workspaces", "none", way=way)
        workspace = made.open(run, spec)
        with pytest.raises(WorkspaceError) as raised:
            await workspace.prepare()
        assert re.match(
            r"setup did not end within the run's limit of 1 s: echo so far; env MARK=.*: so far$", str(raised.value)
        )
        work = await workspace.close(passed=False)
        made.close()
        return work

    work = asyncio.run(whole())

    assert [command.status for command in work.commands] == [None]
    assert marked.living() == []
    assert not (scratch / "workspaces").exists()


def test_all_of_it_is_made_anew(scratch: Path, fixture: Path, way: str) -> None:
    spec = WorkspaceSpec(fixture, {"given.txt": "given\n"}, ("echo made >> made.txt",))
    spoils = 'mkdir d; chmod 0 d; rm given.txt; echo x >> made.txt; echo x > "$HOME/left"; echo x > "$TMPDIR/left"'

    async def work(workspace: Folder) -> None:
        before = workspace.names()
        await workspace.run(Command(spoils))
        await workspace.renew()
        assert workspace.names() == before
        assert workspace.read("made.txt") == b"made\n"
        assert workspace.changes() == ()
        ended = await workspace.run(Command('ls -A "$HOME" "$TMPDIR"; echo 2 >> made.txt'))
        assert "left" not in ended.output
        assert " made\n+2\n" in workspace.changes()[0].diff

    prepared(scratch, spec, work, way)


def test_what_a_run_left_is_made_again(scratch: Path, fixture: Path, way: str) -> None:
    spec = WorkspaceSpec(fixture, {"x": "x"}, ("echo made > made.txt",))
    script = "rm x; mkdir x; echo y > x/y; echo 2 >> made.txt; ln -sf run.sh link; chmod 600 run.sh; printf z > .git/z"
    changes = changed(scratch, spec, script, way)

    async def again() -> tuple[tuple[FileChange, ...], str]:
        made, workspace = opened(scratch, spec, way)
        await workspace.prepare(changes)
        ended = await workspace.run(Command("cat x/y made.txt .git/z; readlink link; stat -c %a run.sh"))
        found = workspace.changes()
        await workspace.close(passed=True)
        made.close()
        return found, ended.output

    assert asyncio.run(again()) == (changes, "y\nmade\n2\nzrun.sh\n600\n")


def test_setup_that_fails_tells_what_it_said(scratch: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"setup failed with status 3: echo .*: no compiler here"):
        changed(scratch, WorkspaceSpec(setup=("echo no compiler here >&2; exit 3",)), "true")


@pytest.mark.parametrize(
    ("keep", "passed", "is_kept"),
    [("none", False, False), ("failed", False, True), ("failed", True, False), ("all", True, True)],
)
def test_which_are_kept(scratch: Path, keep: Keep, passed: bool, is_kept: bool) -> None:  # noqa: FBT001 - a table
    async def whole() -> Work:
        made, workspace = opened(scratch, WorkspaceSpec(files={"a": "1"}), keep=keep)
        await workspace.prepare()
        await workspace.run(Command("echo 2 > a"))
        work = await workspace.close(passed=passed)
        made.close()
        return work

    work = asyncio.run(whole())

    assert bool(work.kept) == is_kept
    if is_kept:
        assert (Path(work.kept) / "a").read_text("ascii") == "2\n"
        assert "kept" in Path(work.kept).parts
        assert (scratch / "workspaces").stat().st_mode & 0o777 == 0o700
        assert (scratch / "workspaces" / ".gitignore").read_text("ascii") == "*\n"
        assert len(list((scratch / "workspaces").iterdir())) == 2
    else:
        assert list(scratch.iterdir()) == []


def test_the_name_of_a_kept_one_tells_whose_it_is(scratch: Path) -> None:
    made = FolderWorkspaces(scratch / "w", "all")
    path = made.open(run_of("../a b/ü[1]\n"), WorkspaceSpec()).path
    made.close()

    assert path.parent.name == "a-b-1-sim-steady-1-1"


@pytest.mark.parametrize(
    "hostile", ["mkdir d; touch d/f; chmod 0 d", "mkdir -p d/e; chmod 0 d/e d .", "mkfifo p; ln -s p q"]
)
def test_nothing_is_left_whatever_it_holds(scratch: Path, way: str, hostile: str) -> None:
    async def work(workspace: Folder) -> None:
        await workspace.run(Command(hostile))
        workspace.changes()

    prepared(scratch, WorkspaceSpec(), work, way)

    assert list(scratch.iterdir()) == []


def make_read_only(folder: Path) -> None:
    (folder / "workspaces").touch()


def fill_name(folder: Path) -> None:
    (folder / "workspaces").symlink_to("workspaces")


@pytest.mark.parametrize("spoil", [make_read_only, fill_name])
def test_where_none_can_be_made_it_is_told(scratch: Path, spoil: Callable[[Path], None]) -> None:
    spoil(scratch)

    with pytest.raises(WorkspaceError, match="the workspace cannot be made: "):
        opened(scratch, WorkspaceSpec())


def test_a_folder_that_is_gone_is_told(scratch: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"cannot be made: No such file or directory \(.*/gone\)"):
        changed(scratch, WorkspaceSpec(tmp_path / "gone"), "true")


def test_what_a_killed_session_left_goes_when_it_is_a_day_old(scratch: Path) -> None:
    above = scratch / "workspaces"
    owners = {}
    for name, age_s in (("dead", 25 * 3600), ("young", 23 * 3600), ("living", 25 * 3600)):
        (above / name / "a" / "work").mkdir(parents=True)
        owners[name] = above / name / ".owner"
        owners[name].touch()
        then = time.time() - age_s
        os.utime(owners[name], (then, then))
    (above / "kept" / "x").mkdir(parents=True)
    (above / "own").mkdir()
    with owners["living"].open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        made, _ = opened(scratch, WorkspaceSpec())
        made.close()

    assert sorted(path.name for path in above.iterdir()) == [".gitignore", "kept", "living", "own", "young"]


def test_given_up_while_it_is_copied_it_leaves_nothing(scratch: Path, fixture: Path) -> None:
    for number in range(2_000):
        (fixture / f"{number}").touch()

    async def whole() -> None:
        made, workspace = opened(scratch, WorkspaceSpec(fixture))
        task = asyncio.ensure_future(workspace.prepare())
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the thread copies by now, or is about to
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await workspace.close(passed=False)
        made.close()

    asyncio.run(whole())

    assert list(scratch.iterdir()) == []
