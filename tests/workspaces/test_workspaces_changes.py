"""What a run changed: any change of any tree is found, and can be done again where its texts are known."""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.workspace import FileChange
from pytest_benchmodels.workspaces.changes import apply_changes, find_changes, take_snapshot
from pytest_benchmodels.workspaces.diffs import DiffError, apply_diff, unified_diff
from pytest_benchmodels.workspaces.tree import Tree

_NAMES = st.sampled_from(["a", "b.txt", "grün", "with space", ".hidden", "-x", "line\nbreak", "日本", "c"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_LINES = st.lists(
    st.sampled_from(["", "x", "same", "ü", "-", "+", "@@", "\\", "a\r", "\x0b", "\u2028", "--- a"]), max_size=8
)
_TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, _LINES, st.sampled_from(["", "\n", "\n\n"]))
_FILES = st.one_of(_TEXTS, st.sampled_from([("link", "a"), ("link", "../.."), ("link", "/etc/passwd")]))
_TREES = st.dictionaries(_PATHS, _FILES, max_size=6)
_MODES = st.sampled_from([0o644, 0o755, 0o600])


def as_it_is(text: str) -> str:
    return text


def fill(root: Path, tree: dict[str, str | tuple[str, str]], mode: int = 0o644) -> None:
    """Write a tree; what does not fit above or below another file is left out."""
    for path, content in tree.items():
        target = root / path
        if any((root / part).is_symlink() or (root / part).is_file() for part in _above(path)) or target.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            target.symlink_to(content[1])
        else:
            target.write_bytes(content.encode())
            target.chmod(mode)


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def held(root: Path) -> dict[str, tuple[object, ...]]:
    """All files and links of a tree, with what they hold."""
    return {
        entry.path: (str((root / entry.path).readlink()),)
        if entry.is_link
        else ((root / entry.path).read_bytes(), entry.mode)
        for entry in Tree(root).entries()
    }


def empty(root: Path) -> None:
    import shutil

    shutil.rmtree(root)
    root.mkdir()


@settings(max_examples=60, deadline=None)
@given(_TREES, _TREES, _MODES)
@example({"a": ("link", "a")}, {"a": ""}, 0o644)
@example({"a": ("link", "/etc/passwd"), "b.txt": ("link", "a")}, {"a": ""}, 0o644)
@example({"a": "", "b.txt": ("link", "a")}, {"a": "", "b.txt": ""}, 0o644)
@example({"a": ("link", "a"), "b.txt": ("link", "a")}, {"b.txt": "", "a/a": ("link", "a")}, 0o644)
@example({"a": ("link", "a"), "b.txt": ("link", "a")}, {"a": "\n", "b.txt": ""}, 0o755)
def test_a_change_that_is_done_again_makes_the_same_files(
    before: dict[str, str | tuple[str, str]], after: dict[str, str | tuple[str, str]], mode: int
) -> None:
    with TemporaryDirectory() as name:
        root, copy = Path(name, "root"), Path(name, "copy")
        for folder in (root, copy):
            folder.mkdir()
            fill(folder, before)
        snapshot = take_snapshot(Tree(root), time.time_ns())
        empty(root)
        fill(root, after, mode)

        changes, notes = find_changes(Tree(root), snapshot, lambda path: (copy / path).read_bytes(), as_it_is)

        assert notes == ()
        assert all(change.is_whole for change in changes)
        assert {change.path for change in changes} == {
            path for path in held(root).keys() | held(copy).keys() if held(root).get(path) != held(copy).get(path)
        }
        apply_changes(Tree(copy), changes)
        assert held(copy) == held(root)


@settings(deadline=None)
@given(_TEXTS, _TEXTS)
def test_a_diff_that_is_applied_makes_the_other_text(old: str, new: str) -> None:
    diff = unified_diff("a", old, new)

    assert (apply_diff(old, diff) if diff else old) == new
    assert bool(diff) == (old != new)


def test_a_diff_is_one_that_others_read() -> None:
    old, new = "".join(f"{n}\n" for n in range(9)), "".join(f"{n}\n" for n in range(9) if n != 4) + "end"

    assert unified_diff("d/a", old, new) == (
        "--- a/d/a\n+++ b/d/a\n@@ -2,8 +2,8 @@\n 1\n 2\n 3\n-4\n 5\n 6\n 7\n 8\n+end\n\\ No newline at end of file\n"
    )


def test_texts_that_would_take_long_are_replaced_as_a_whole() -> None:
    """Reversed lines: a matcher of lines would look for minutes."""
    old = "".join(f"{n}\n" for n in range(30_000))
    new = "".join(f"{n}\n" for n in reversed(range(30_000)))

    diff = unified_diff("a", old, new)

    assert diff.count("@@ -") == 1
    assert apply_diff(old, diff) == new


@pytest.mark.parametrize("other", ["", "x\n", "b\na\n"])
def test_a_diff_does_not_fit_another_text(other: str) -> None:
    with pytest.raises(DiffError):
        apply_diff(other, unified_diff("a", "a\nb\n", "a\nc\n"))


def test_what_is_no_text_or_too_long_is_told_by_its_size(tmp_path: Path) -> None:
    snapshot = take_snapshot(Tree(tmp_path), time.time_ns())
    (tmp_path / "binary").write_bytes(b"\0\1")
    (tmp_path / "latin").write_bytes(b"gr\xfcn")
    (tmp_path / "long").write_bytes(b"x" * 200_001)

    changes, _ = find_changes(Tree(tmp_path), snapshot, lambda _: None, as_it_is)

    assert [(each.path, each.diff, each.size, each.is_whole) for each in changes] == [
        ("binary", "", 2, False),
        ("latin", "", 4, False),
        ("long", "", 200_001, False),
    ]
    assert all(len(each.digest) == 64 for each in changes)


def test_a_run_has_so_much_room_for_diffs(tmp_path: Path) -> None:
    snapshot = take_snapshot(Tree(tmp_path), time.time_ns())
    for number in range(12):
        (tmp_path / f"{number:02}").write_text("x" * 190_000, "utf-8")

    changes, _ = find_changes(Tree(tmp_path), snapshot, lambda _: None, as_it_is)

    assert [each.is_whole for each in changes] == [True] * 10 + [False] * 2
    assert changes[-1].size == 190_000


def test_a_folder_with_many_changed_files_is_told_as_one(tmp_path: Path) -> None:
    snapshot = take_snapshot(Tree(tmp_path), time.time_ns())
    (tmp_path / "node_modules" / "x").mkdir(parents=True)
    for number in range(1_100):
        (tmp_path / "node_modules" / "x" / f"{number}").write_text("12", "ascii")
    (tmp_path / "own").write_text("own\n", "ascii")

    changes, notes = find_changes(Tree(tmp_path), snapshot, lambda _: None, as_it_is)

    assert [(each.path, each.kind, each.size, each.is_whole) for each in changes] == [
        ("node_modules/", "added", 2_200, False),
        ("own", "added", 4, True),
    ]
    assert notes == ("1,100 files changed below 'node_modules': told as one",)


def test_what_was_only_copied_anew_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a", "ascii")
    snapshot = take_snapshot(Tree(tmp_path), time.time_ns())
    (tmp_path / "b").write_text("a", "ascii")
    (tmp_path / "b").rename(tmp_path / "a")

    assert find_changes(Tree(tmp_path), snapshot, lambda _: b"a", as_it_is)[0] == ()


def test_a_change_with_the_old_size_and_times_is_found(tmp_path: Path) -> None:
    """As programs do that set times back."""
    file = tmp_path / "a"
    file.write_text("old", "ascii")
    was = file.stat()
    snapshot = take_snapshot(Tree(tmp_path), time.time_ns())
    file.write_text("new", "ascii")
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))

    (change,) = find_changes(Tree(tmp_path), snapshot, lambda _: b"old", as_it_is)[0]

    assert change.diff.endswith("-old\n\\ No newline at end of file\n+new\n\\ No newline at end of file\n")


def test_a_name_that_is_no_utf8_is_told_and_cannot_be_made_again(tmp_path: Path) -> None:
    snapshot = take_snapshot(Tree(tmp_path), time.time_ns())
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfcn")).write_text("x\n", "ascii")

    (change,) = find_changes(Tree(tmp_path), snapshot, lambda _: None, as_it_is)[0]

    assert (change.path, change.is_whole) == ("gr\\xfcn", False)


@pytest.mark.parametrize(
    ("there", "why"),
    [("other\n", "its diff does not fit what is there"), (None, "No such file or directory")],
)
def test_on_another_folder_it_is_not_done_again(tmp_path: Path, there: str | None, why: str) -> None:
    if there is not None:
        (tmp_path / "a").write_text(there, "utf-8")
    change = FileChange("a", "modified", unified_diff("a", "old\n", "new\n"), 4, "0")

    with pytest.raises(WorkspaceError, match=f"cannot be made again: 'a': {why}; .* run it again, without the stored"):
        apply_changes(Tree(tmp_path), [change])


def test_another_digest_is_another_file(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="another content than then"):
        apply_changes(Tree(tmp_path), [FileChange("a", "added", unified_diff("a", None, "new\n"), 4, "0")])


def test_a_stored_change_leads_nowhere_else(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "out").symlink_to(tmp_path)
    for path in ("../a", "/etc/a", "out/a"):
        with pytest.raises(WorkspaceError):
            apply_changes(Tree(work), [FileChange(path, "added", unified_diff("a", None, "x\n"), 2, "0")])
    assert [each.name for each in tmp_path.iterdir()] == ["work"]
