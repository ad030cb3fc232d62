"""Images and files of messages, read when they are sent: not before, so that no session holds them all."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import FilePart, ImagePart, Message, Part, ToolResult
from pytest_benchmodels.core.text import quote

__all__ = ["has_files", "with_files"]


def has_files(messages: tuple[Message, ...]) -> bool:
    """Whether any of them names a file that is still to be read."""
    return any(map(_has_files, messages))


def _has_files(message: Message) -> bool:
    return not isinstance(message.content, str) and any(map(_is_file, message.content))


def _is_file(part: Part) -> bool:
    if isinstance(part, ToolResult):
        return not isinstance(part.content, str) and any(map(_is_file, part.content))
    return isinstance(part, ImagePart) and bool(part.path)


def with_files(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with the content of their files. Raises `ProviderError` where one is not what it was."""
    return tuple([_with_parts(message) if _has_files(message) else message for message in messages])


def _with_parts(message: Message) -> Message:
    return replace(message, content=tuple(map(_with_content, message.parts)))


def _with_content(part: Any) -> Any:
    if not _is_file(part):
        return part
    if isinstance(part, ToolResult):
        return replace(part, content=tuple(map(_with_content, part.content)))
    return replace(part, data=base64.b64encode(_content(part)).decode(), path="")


def _content(part: ImagePart) -> bytes:
    shown = os.path.relpath(part.path) if Path(part.path).is_relative_to(Path.cwd()) else part.path
    what = f"{'file' if isinstance(part, FilePart) else 'image'} {quote(shown, 300)}"
    try:
        # Without waiting: a pipe may have taken the file's place.
        with open(part.path, "rb", opener=_open_at_once) as file:
            content = file.read(part.size + 1)
    except OSError as error:
        told = f"{what} cannot be read any more: {error.strerror or error}; put it back, and run this again"
        raise ProviderError("file", told, sent=False) from None
    if hashlib.sha256(content).hexdigest() != part.digest:
        told = (
            f"{what} has changed since it was collected: leave it as it is until the session ends, and run this again"
        )
        raise ProviderError("file", told, sent=False)
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
