"""The images and files that messages hold: where they may lie, what they are, how large they may be."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pytest_benchmodels.core.message import FilePart, ImagePart, Part, Role, TextPart
from pytest_benchmodels.formats.dataset import DatasetError, inside

__all__ = ["Media"]

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_DATA_URL = re.compile(r"data:image/[a-z+.-]+;base64,([A-Za-z0-9+/=\s]+)", re.IGNORECASE)
_MOST_BYTES = 20_000_000
_HEAD_BYTES = 16
_MOST_BYTES_TOGETHER = 500_000_000


class Media:
    """The images and files that messages of one scenario file hold; each is looked at once.

    Of images and PDFs only what they are is kept, and a digest: they are read again when a request is sent.
    Raises ValueError with what is wrong: with where one lies (never outside the scenario file's folder, unless the user
    allowed that), its kind or its size.
    """

    def __init__(self, folder: Path, allowed: tuple[Path, ...]) -> None:
        self._folder = folder
        self._allowed = allowed
        self._parts: dict[tuple[str, str], Part] = {}
        self._left = _MOST_BYTES_TOGETHER

    def part(self, kind: str, written: str, role: Role) -> Part:
        """An `image`, of a file or a data URL, known by its first bytes, whatever its name says; or a `file`.

        That is a PDF, or a text, which stands in the message as such.
        """
        if (kind, written) not in self._parts:
            self._parts[kind, written] = self._image(written) if kind == "image" else self._file(written)
        part = self._parts[kind, written]
        if role == "system" and not isinstance(part, TextPart):
            raise ValueError("stands in a message of role system, where no API has a place for it: give it role user")
        return part

    def _image(self, written: str) -> ImagePart:
        if match := _DATA_URL.fullmatch(written):
            try:
                content = base64.b64decode(match[1], validate=False)
            except ValueError:
                raise ValueError("is no base64 behind its comma") from None
            return ImagePart(_image_type(content), base64.b64encode(content).decode())
        with _opened(path := self._path(written)) as file:
            return ImagePart(_image_type(file.read(_HEAD_BYTES)), path=str(path), **_content_of(file))

    def _file(self, written: str) -> Part:
        with _opened(path := self._path(written)) as file:
            if file.read(_HEAD_BYTES).startswith(b"%PDF-"):
                return FilePart("application/pdf", path=str(path), name=Path(written).name, **_content_of(file))
            return TextPart(self._text(file))

    def _text(self, file: BinaryIO) -> str:
        """A text is a part of the message as such, and so of what is told of it: it is held in memory."""
        self._left -= _size(file)
        if self._left < 0:
            limit = _MOST_BYTES_TOGETHER // 1_000_000
            raise ValueError(f"is too much: text files of one scenario file have {limit} MB at most; split it")
        file.seek(0)
        try:
            text = file.read(_MOST_BYTES).decode("utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ValueError("is neither a PDF nor a text in UTF-8: convert it to one; a picture is an `image:`")
        return text

    def _path(self, written: str) -> Path:
        if "://" in written or written[:5].lower() == "data:":
            remedy = "save it there, or write an image as data:image/png;base64,..."
            raise ValueError(f"is no file in the scenario file's folder and no data URL of an image: {remedy}")
        try:
            path = inside(written, self._folder, self._allowed)
        except DatasetError as error:
            raise ValueError(str(error)) from None
        if _is_hidden(Path(written)) or self._leads_to_hidden(path):
            raise ValueError("is hidden, or in a hidden folder: what stands there (.env) is not to be sent to a model")
        if not path.is_file():
            raise ValueError("does not exist, or is no file")
        return path

    def _leads_to_hidden(self, path: Path) -> bool:
        """Whether a link in the way leads to a hidden file. Where the scenario file's own folder lies is no matter."""
        roots = [root.resolve() for root in (self._folder, *self._allowed)]
        return all(_is_hidden(path.relative_to(root)) for root in roots if path.is_relative_to(root))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts if part not in (".", ".."))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file that is not empty, and no larger than may be."""
    try:
        with path.open("rb") as file:
            if not _size(file):
                raise ValueError("is empty")
            if _size(file) > _MOST_BYTES:
                raise ValueError(f"is larger than {_MOST_BYTES // 1_000_000} MB, which no API takes: make it smaller")
            yield file
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def _image_type(head: bytes) -> str:
    known = [media_type for begin, media_type in _SIGNATURES.items() if head.startswith(begin)]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        known = ["image/webp"]
    if not known:
        raise ValueError("is not a PNG, JPEG, WebP or GIF: convert it to one; a PDF is a `file:`")
    return known[0]


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _content_of(file: BinaryIO) -> dict[str, Any]:
    """What a part says of its file's content, of which no more than a piece is in memory."""
    file.seek(0)
    return {"size": _size(file), "digest": hashlib.file_digest(file, "sha256").hexdigest()}  # type: ignore[arg-type] # typeshed wants a class of its own
