"""A folder of somebody who means harm: its files are read and written, and nothing outside of it."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from pytest_benchmodels.workspaces.copying import remove_folder
from pytest_benchmodels.workspaces.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (tmp_path / "secret").write_text("secret", "ascii")
    return made


def test_files_are_written_with_their_folders_and_read(root: Path) -> None:
    tree = Tree(root)
    tree.write("d/e/a.txt", b"hello")
    tree.write("./a", b"1")

    assert tree.read("d/e/a.txt", 100) == b"hello"
    assert tree.read("d//e/./a.txt", 3) == b"hel"
    assert tree.names() == ["a", "d/e/a.txt"]


def test_a_file_keeps_its_mode(root: Path) -> None:
    (root / "a").touch(0o755)
    (root / "a").chmod(0o755)
    Tree(root).write("a", b"x")

    assert (root / "a").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../secret", "out/secret", "far", "up/secret", "a/b/c"]
)
def test_no_path_leads_out(root: Path, path: str) -> None:
    (root / "out").symlink_to("..")
    (root / "far").symlink_to("/etc/passwd")
    (root / "up").symlink_to("in/../..")
    (root / "in").mkdir()
    (root / "a").symlink_to("..")
    tree = Tree(root)

    with pytest.raises(PermissionError, match="leads out of the workspace"):
        tree.read(path, 10)
    with pytest.raises(PermissionError, match="leads out of the workspace"):
        tree.write(path, b"changed")
    assert (root.parent / "secret").read_text("ascii") == "secret"


@pytest.mark.parametrize("target", ["d/file", "./d/../d/file", "{root}/d/file", "other"])
def test_links_that_stay_inside_are_followed(root: Path, target: str) -> None:
    tree = Tree(root)
    tree.write("d/file", b"here")
    (root / "other").symlink_to("d/file")
    (root / "link").symlink_to(target.format(root=root))

    assert tree.read("link", 10) == b"here"
    tree.write("link", b"there")
    assert (root / "d/file").read_bytes() == b"there"
    assert (root / "link").is_symlink()


def test_links_in_a_circle_end(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")

    with pytest.raises(OSError, match="symbolic links"):
        Tree(root).read("a", 10)


def test_what_is_no_file_holds_nobody_up(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.path.relpath(root / "door"))
        tree = Tree(root)
        (root / "link").symlink_to("pipe")
        for name in ("pipe", "door", "link"):
            with pytest.raises(OSError, match="no regular file") as raised:
                tree.read(name, 10)
            assert raised.value.strerror == "no regular file (a pipe, a socket or a device)"
        for name in ("folder", "", ".", "no\0name", "none"):
            with pytest.raises(OSError):  # noqa: PT011 - each has its own
                tree.read(name, 10)
        assert tree.names() == []
        tree.write("pipe", b"now a file")
    assert tree.read("pipe", 20) == b"now a file"


def test_a_file_that_is_another_name_of_one_outside_is_not_written_through(root: Path) -> None:
    os.link(root.parent / "secret", root / "a")
    Tree(root).write("a", b"changed")

    assert (root.parent / "secret").read_text("ascii") == "secret"
    assert (root / "a").read_text("ascii") == "changed"


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(root: Path) -> None:
    """Somebody swaps it all the time: each read finds the file inside, or is refused."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "f").write_text("secret", "ascii")
    (root / "real").mkdir()
    (root / "real" / "f").write_text("inside", "ascii")
    (root / "link").symlink_to(outside)
    (root / "d").symlink_to("real")
    stopped = threading.Event()

    def swap() -> None:
        while not stopped.is_set():
            for target in ("link", "real"):
                (root / "next").symlink_to(root / target)
                (root / "next").replace(root / "d")

    thread = threading.Thread(target=swap)
    thread.start()
    found: set[bytes] = set()
    try:
        while len(found) < 2:
            try:
                found.add(Tree(root).read("d/f", 10))
            except PermissionError:
                found.add(b"refused")
    finally:
        stopped.set()
        thread.join()
    assert found == {b"inside", b"refused"}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("**", ["a.py", "d/.h.py", "d/b.py", "d/e/c.txt"]),
        ("*", ["a.py"]),
        ("**/*.py", ["a.py", "d/.h.py", "d/b.py"]),
        ("d/*", ["d/.h.py", "d/b.py"]),
        ("d/**", ["d/.h.py", "d/b.py", "d/e/c.txt"]),
        ("?.py", ["a.py"]),
        ("**/[a-b].py", ["a.py", "d/b.py"]),
        ("**/[!a].py", ["d/b.py"]),
        ("./a.py", ["a.py"]),
        ("[", []),
        ("[z-a]", []),
    ],
)
def test_names_by_pattern(root: Path, pattern: str, fits: list[str]) -> None:
    tree = Tree(root)
    for name in ("a.py", "d/.h.py", "d/b.py", "d/e/c.txt"):
        tree.write(name, b"")
    (root / "link.py").symlink_to("a.py")

    assert tree.names(pattern) == fits


def test_names_that_are_no_utf8_can_be_shown_and_read(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/gr\xfcn")).write_text("x", "ascii")
    tree = Tree(root)

    assert tree.names() == ["gr\\xfcn"]
    assert tree.read("gr\\xfcn", 10) == b"x"


def test_folders_in_folders_end(root: Path) -> None:
    """Deeper than Python may call, and longer than a path may be."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("deep", dir_fd=folder)
        below = os.open("deep", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)

    assert Tree(root).names() == []
    assert remove_folder(root)
    assert not root.exists()


def test_a_folder_whose_rights_were_taken_away_is_removed(root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "e" / "f").touch()
    (root / "d" / "e").chmod(0)
    (root / "d").chmod(0)

    assert remove_folder(root)
