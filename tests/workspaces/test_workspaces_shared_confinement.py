"""What processes of one session find out together: how commands are confined."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_benchmodels.core.workspace import Command, CommandResult, WorkspaceSpec
from pytest_benchmodels.workspaces import command_confinement as room
from pytest_benchmodels.workspaces import confinement
from pytest_benchmodels.workspaces.command_confinement import command_confinement, share_confinement
from pytest_benchmodels.workspaces.confinement import Confinement
from pytest_benchmodels.workspaces.folder import Folder
from tests.workspaces.made import need, prepared

FOUND = Confinement(
    "a way", "/usr/bin/python3", "", None, namespaces=False, files=False, open=("it can reach the moon",)
)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The ways that were tried; each process is one that never did."""
    ways: list[str] = []

    def trying(way: str) -> Confinement:
        ways.append(way)
        return FOUND

    monkeypatch.setattr(room, "_tried", trying)
    monkeypatch.setattr(room, "_SHARED", [])
    room._found.cache_clear()
    yield ways
    room._found.cache_clear()


def test_the_first_tries_and_the_others_are_told(tmp_path: Path, tried: list[str]) -> None:
    for _ in range(3):
        share_confinement(tmp_path)
        assert command_confinement() == FOUND
        room._found.cache_clear()

    assert tried == ["best"]
    assert command_confinement("limits") == FOUND
    assert tried == ["best", "limits"]


@pytest.mark.parametrize("left", ["", "{", '{"name": "half of'])
def test_one_that_was_ended_meanwhile_is_followed_by_another(tmp_path: Path, tried: list[str], left: str) -> None:
    (tmp_path / "confined-best.json").write_text(left, "utf-8")
    share_confinement(tmp_path)

    assert command_confinement() == FOUND
    room._found.cache_clear()
    assert command_confinement() == FOUND
    assert tried == ["best"]


def test_on_a_full_disk_each_tries(tmp_path: Path, tried: list[str]) -> None:
    share_confinement(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        assert command_confinement() == FOUND
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    room._found.cache_clear()

    assert command_confinement() == FOUND
    assert tried == ["best", "best"]


def test_bubblewrap_needs_no_other_program_of_the_system(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with busybox, whose `env` knows no folder, and whose `setpriv` no users."""
    need("bubblewrap")
    monkeypatch.setattr(confinement, "_program", lambda name: f"/usr/bin/no-{name}")
    monkeypatch.setattr(room, "_SHARED", [])
    room._found.cache_clear()

    async def work(workspace: Folder) -> list[CommandResult]:
        workspace.write("a", b"here\n")
        words = ("cat a; id -u; exit 3", ("no-such-program",), ("/etc",), "kill -TERM $$")
        return [await workspace.run(Command(each)) for each in words]

    try:
        found = command_confinement()
        first, *others = prepared(scratch, WorkspaceSpec(), work)
    finally:
        room._found.cache_clear()

    assert found.name == "bubblewrap"
    assert found.open == ()
    here, user = first.output.split()
    assert (first.status, here, user == "0") == (3, "here", False)
    assert [each.status for each in others] == [127, 126, 143]
