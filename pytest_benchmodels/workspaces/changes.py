"""What a run changed in its workspace: found, written down within limits, and done again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from pytest_benchmodels.core.errors import WorkspaceError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.workspace import FileChange
from pytest_benchmodels.workspaces.diffs import DiffError, apply_diff, unified_diff
from pytest_benchmodels.workspaces.tree import Entry, Tree, shown_name

__all__ = ["Before", "Snapshot", "apply_changes", "find_changes", "take_snapshot"]

MOST_TEXT = 200_000
"""In bytes: a longer file is told by its size and digest."""

_MOST_DIFFS = 2_000_000
"""In characters, of a whole run."""

_MOST_FILES = 1_000
_MANY_FILES = 100
"""Of so many changed files in one folder, where there are too many in all, only the folder is told."""

_LINK = "-> "
_RACY_NS = 100_000_000
"""A file that was changed so shortly before it was looked at may be changed again without another time."""

Before = Callable[[str], "bytes | None"]
"""What a file held before the run, by its path: at most `MOST_TEXT` bytes and one; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a workspace held when it was `taken_ns` (nanoseconds since the epoch).

    `digests` are those of files that `origin`, the folder that it was copied from, does not hold as they were.
    """

    entries: dict[str, Entry]
    targets: dict[str, str]
    digests: dict[str, str]
    taken_ns: int
    origin: Tree | None = None

    def digest(self, path: str) -> str:
        """That of a file as it was."""
        if path in self.digests or self.origin is None:
            return self.digests.get(path, "")
        return _digest(self.origin, path)

    def is_untouched(self, entry: Entry) -> bool:
        """Whether a file is surely as it was, without reading it: nobody but root can set a `ctime`."""
        old = self.entries.get(entry.path)
        return old == entry and entry.stamp[2] < self.taken_ns - _RACY_NS


def take_snapshot(
    tree: Tree, now_ns: int, origin: Tree | None = None, is_original: Callable[[Entry], bool] = lambda _: False
) -> Snapshot:
    """Look at all of it. What `is_original` is as in `origin`; of the others each is read once, for its digest."""
    entries = {entry.path: entry for entry in tree.entries()}
    targets = {path: tree.target(path) for path, entry in entries.items() if entry.is_link}
    digests = {
        path: _digest(tree, path) for path, entry in entries.items() if not entry.is_link and not is_original(entry)
    }
    return Snapshot(entries, targets, digests, now_ns, origin)


def _digest(tree: Tree, path: str) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    whole = hashlib.sha256()
    try:
        for piece in tree.pieces(path):
            whole.update(piece)
    except OSError:
        return ""
    return whole.hexdigest()


def find_changes(
    tree: Tree, snapshot: Snapshot, before: Before, hide: Callable[[str], str]
) -> tuple[tuple[FileChange, ...], tuple[str, ...]]:
    """What differs, by path, and notes for a reader on what is told in short."""
    now = {entry.path: entry for entry in tree.entries()}
    touched = {path for path, entry in now.items() if not snapshot.is_untouched(entry)}
    paths = sorted(touched | (snapshot.entries.keys() - now.keys()))
    changes, notes = [], []
    if len(paths) > _MOST_FILES:
        # Equal ones have to be told apart first: what only was copied anew is no change.
        paths = [path for path in paths if _differs(tree, snapshot, now.get(path), path)]
    grouped = _grouped(paths) if len(paths) > _MOST_FILES else {}
    for folder, inside in sorted(grouped.items()):
        kinds = {_kind(path, snapshot, now) for path in inside}
        size = sum([now[path].size for path in inside if path in now])
        kind = kinds.pop() if len(kinds) == 1 else "modified"
        changes.append(FileChange(f"{shown_name(folder)}/", kind, size=size))
        notes.append(f"{len(inside):,} files changed below {quote(shown_name(folder))}: told as one")
    left = _MOST_DIFFS
    told = {path for inside in grouped.values() for path in inside}
    for path in paths:
        if path in told:
            continue
        change = _change(tree, snapshot, before, now.get(path), path)
        if change is not None:
            change = _harmless(change, hide, left)
            left -= len(change.diff)
            changes.append(change)
    return tuple(sorted(changes, key=lambda change: change.path)), tuple(notes)


def _kind(path: str, snapshot: Snapshot, now: dict[str, Entry]) -> Literal["added", "modified", "deleted"]:
    return "deleted" if path not in now else "modified" if path in snapshot.entries else "added"


def _grouped(paths: Sequence[str]) -> dict[str, list[str]]:
    """The paths below the folders of the top that hold many; where that is not enough, below all of them."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_folder[path.partition("/")[0] if "/" in path else "."].append(path)
    many = {folder: inside for folder, inside in by_folder.items() if len(inside) > _MANY_FILES}
    rest = len(paths) - sum(map(len, many.values()))
    return many if rest <= _MOST_FILES else dict(by_folder)


def _differs(tree: Tree, snapshot: Snapshot, entry: Entry | None, path: str) -> bool:
    old = snapshot.entries.get(path)
    if entry is None or old is None or entry.is_link or old.is_link or entry.mode != old.mode or entry.size != old.size:
        return True
    return _digest(tree, path) != snapshot.digest(path)


def _change(tree: Tree, snapshot: Snapshot, before: Before, entry: Entry | None, path: str) -> FileChange | None:
    """What was changed of one file; None where it is the same in another place."""
    old = snapshot.entries.get(path)
    kind: Literal["added", "modified", "deleted"] = (
        "deleted" if entry is None else "added" if old is None else "modified"
    )
    if entry is None:
        return FileChange(path, kind, _diff(path, _old_text(snapshot, before, path), None))
    if entry.is_link:
        return _link_change(tree, snapshot, path, kind)
    mode = entry.mode if old is None or old.is_link or old.mode != entry.mode else None
    digest = _digest(tree, path)
    if old is not None and not old.is_link and digest == snapshot.digest(path):
        return None if mode is None else FileChange(path, kind, "", entry.size, digest, mode=mode)
    if kind == "added" and mode == 0o644:  # as most are
        mode = None
    text = _text(_head(tree, path)) if digest else None
    had = old is not None and not old.is_link
    old_text = _old_text(snapshot, before, path) if had else None
    if text is None or (had and old_text is None):
        return FileChange(path, kind, "", entry.size, digest)
    return FileChange(path, kind, _diff(path, old_text, text), entry.size, digest, mode=mode)


def _link_change(
    tree: Tree, snapshot: Snapshot, path: str, kind: Literal["added", "modified", "deleted"]
) -> FileChange | None:
    try:
        target = tree.target(path)
    except OSError:
        return None
    if snapshot.targets.get(path) == target:
        return None
    return FileChange(path, kind, f"{_LINK}{shown_name(target)}", is_link=True)


def _head(tree: Tree, path: str) -> bytes:
    try:
        return tree.read(path, MOST_TEXT + 1)
    except OSError:
        return b"\0"


def _text(content: bytes | None) -> str | None:
    """A file's text; None for what is none, or too long."""
    if content is None or len(content) > MOST_TEXT or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _old_text(snapshot: Snapshot, before: Before, path: str) -> str | None:
    if path in snapshot.targets:
        return f"{_LINK}{shown_name(snapshot.targets[path])}"
    content = before(path)
    return _text(content)


def _diff(path: str, old: str | None, new: str | None) -> str:
    return unified_diff(shown_name(path), old, new)


def _harmless(change: FileChange, hide: Callable[[str], str], left: int) -> FileChange:
    """What may be kept of it: no key, nothing that is no text, and not more than there is room for."""
    path = hide(shown_name(change.path))
    diff = change.diff
    if len(diff) > left or path != change.path or hide(diff) != diff:
        # It cannot be done again without; with a size or a mode alone it would look as if it could.
        return replace(change, path=path, diff="", size=max(change.size, 1), mode=None)
    return change


def apply_changes(tree: Tree, changes: Iterable[FileChange]) -> None:
    """Do again what a run did. Raises `WorkspaceError` where that does not make the same files."""
    # Those first: where a folder was, there may be a file now.
    for change in sorted(changes, key=lambda change: change.kind != "deleted"):
        try:
            _apply(tree, change)
        except (OSError, DiffError, UnicodeDecodeError) as error:
            why = "its diff does not fit what is there" if isinstance(error, ValueError) else error.strerror
            raise _not_the_same(change, str(why)) from None


def _apply(tree: Tree, change: FileChange) -> None:
    if change.kind == "deleted":
        tree.remove(change.path)
        return
    if change.is_link:
        tree.link(change.path, change.diff.removeprefix(_LINK))
        return
    content: bytes | None = None
    if change.diff:
        old = b""
        if not change.diff.startswith("--- /dev/null\n"):
            old = tree.read(change.path, MOST_TEXT + 1)
        else:
            tree.remove(change.path)  # a link was there, where anything was
        content = apply_diff(old.decode("utf-8"), change.diff).encode()
    elif tree.is_link(change.path):  # it would be written where that leads
        tree.remove(change.path)
        content = b""
    elif (change.size == 0 and change.mode is None) or change.kind == "added":
        content = b""
    if content is not None:
        tree.write(change.path, content)
    if change.mode is not None:
        tree.set_mode(change.path, change.mode)
    if _digest(tree, change.path) != change.digest:
        raise _not_the_same(change, "another content than then would come of it")


def _not_the_same(change: FileChange, why: str) -> WorkspaceError:
    rule = "the folder, or what its setup makes of it, is not what it was: run it again, without the stored answer"
    return WorkspaceError(f"the workspace cannot be made again: {quote(change.path)}: {why}; {rule}")
