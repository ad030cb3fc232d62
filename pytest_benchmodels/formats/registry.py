"""Which files are read, and how: our own formats, and those of a user's `pytest_bench_formats`.

To add one of ours: a module that makes a `FileFormat`, its test, and its name in `BUILTIN`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.document import FileFormat
from pytest_benchmodels.formats.reading import JSON, JSONL, YAML

__all__ = ["BUILTIN", "file_format", "own_formats"]

BUILTIN = (YAML, JSON, JSONL)
"""Those that come with the package."""

_HOOK = "pytest_bench_formats"


def file_format(path: Path, own: Iterable[FileFormat]) -> FileFormat:
    """The format of a file: the first of a user's `own` that has its name, else ours. All else is read as YAML."""
    return next((known for known in own if known.has(path)), None) or next(
        (known for known in BUILTIN if path.suffix.lower() in known.suffixes), YAML
    )


def own_formats(found: Iterable[object]) -> tuple[FileFormat, ...]:
    """What hooks returned as formats, those with the longest patterns, which say most, first.

    Raises `ConfigError` for what cannot be one, and for a pattern that two of them have.
    """
    returns = list(found)
    if not returns:
        return ()
    from pytest_benchmodels.formats.own_format import own_format, reader_name  # noqa: PLC0415 - milliseconds that most sessions need not pay

    readers: dict[str, object] = {}
    for returned in returns:
        if not isinstance(returned, Mapping):
            rule = "give a mapping of names to readers, such as {'*.csv': read_csv}"
            raise ConfigError(f"{_HOOK} returned {quote(returned)}: {rule}")
        for names, reader in returned.items():
            for pattern in map(_pattern, names if isinstance(names, tuple) else (names,)):
                if pattern in readers:
                    both = f"{reader_name(readers[pattern])} and {reader_name(reader)}"
                    raise ConfigError(f"{_HOOK}: {quote(pattern)} has two readers, {both}: keep one of them")
                readers[pattern] = reader
    return tuple(own_format(pattern, readers[pattern]) for pattern in sorted(readers, key=len, reverse=True))


def _pattern(name: object) -> str:
    """A suffix or a pattern, as a pattern; `ConfigError` for one that names no files, or all of one of our formats."""
    if not isinstance(name, str) or not name.strip("."):
        rule = "name files by a suffix ('.csv') or a pattern ('*.prompt.md')"
        raise ConfigError(f"{_HOOK}: {quote(name)} is no name of files: {rule}")
    pattern = f"*{name}" if name.startswith(".") and "*" not in name and "/" not in name else name
    for known in BUILTIN:
        for suffix in known.suffixes:
            if all(Path(f"scenarios/{stem}{suffix}").match(pattern) for stem in ("a", "Z 1")):
                rule = f"every file that ends in {suffix} would be its own: narrow it, for example to '*.mine{suffix}'"
                raise ConfigError(f"{_HOOK}: {quote(name)} takes over a format that is there already: {rule}")
    return pattern
