"""A file's content, and the line that each part of it came from.

A `FileFormat` says how the text of some files is read (YAML, JSON, a user's CSV); a `Format` what its content means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple, Protocol

from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.core.scenario import Extraction, Grader, Scenario, Scoring
from pytest_benchmodels.core.text import clip, harmless, nearest
from pytest_benchmodels.core.tool import Tool

__all__ = [
    "Document",
    "FileFormat",
    "Flaw",
    "Format",
    "Kind",
    "Lines",
    "LoadOptions",
    "MalformedError",
    "Problems",
    "Step",
    "Steps",
    "SuiteUse",
]

Kind = Literal["yaml", "json", "jsonl", "own"]
Step = str | int
Steps = tuple[Step, ...]
"""The way from a document's root to a part of it: `("scenarios", 3, "checks", 0)`."""

Lines = dict[int, Mapping[str, int] | Sequence[int]]
"""`id()` of a mapping or list -> lines of its entries; the document keeps both alive, so that an id stays unique."""

_MOST_PROBLEMS = 100
_MESSAGE_LIMIT = 1000


class Flaw(NamedTuple):
    """Something wrong at a line (from 1) that leaves the rest readable."""

    line: int
    message: str


class MalformedError(Exception):
    """Content that cannot be read beyond `line`."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw(line, message)


@dataclass(frozen=True, slots=True)
class Document:
    """What one file holds: mappings, lists, text, finite numbers, booleans and None, with text as keys.

    `path` is where it lies and `shown` how messages write that. A JSONL file's `value` is the list of its records; one
    that a reader of the user's read (`own`) has such a list too, or a mapping as a YAML file has. Of its lines at most
    those of its entries are known, and 0 stands for the others. A document that is `broken` could be read in part only:
    `flaws` says where it ends, and `mentions` whether keys of ours stand in the whole of it.
    """

    path: Path
    shown: str
    kind: Kind
    value: object
    lines: Lines = field(default_factory=dict, repr=False)
    flaws: tuple[Flaw, ...] = ()
    broken: bool = False
    mentions: bool = False

    def line(self, steps: Steps) -> int:
        """Line of a part, from 1; of the nearest part around it that is there, if it isn't."""
        line, value = 1, self.value
        for step in steps:
            if not isinstance(value, dict | list):
                break
            try:
                line = self.lines[id(value)][step]  # type: ignore[index]  # a step fits its container or is not found
                value = value[step]  # type: ignore[index]  # the same
            except LookupError:
                break
        return line or 1

    def source(self, steps: Steps) -> str:
        """`path:line` of an entry, for a reader; the path alone where its line is not known."""
        _, line = self._own_entry(steps)
        return f"{self.shown}:{self.line(steps)}" if self.kind != "own" or line else self.shown

    def place(self, steps: Steps) -> str:
        """`record 3`: the entry around a part by its number, from 1, where its line is not known; else nothing."""
        number, line = self._own_entry(steps)
        if line or self.kind != "own":
            return ""
        return f"record {number}" if number else "defaults" * (steps[:1] == ("defaults",))

    def _own_entry(self, steps: Steps) -> tuple[int, int]:
        """Number and line of the entry around a part of an `own` document; 0 for what is not known."""
        entries, way = self.value, steps
        if isinstance(entries, dict) and steps[:1] == ("scenarios",):
            entries, way = entries.get("scenarios"), steps[1:]
        if self.kind != "own" or not way or not isinstance(way[0], int):
            return 0, 0
        told = self.lines.get(id(entries))
        return way[0] + 1, told[way[0]] if isinstance(told, list) else 0


class Problems:
    """Collects what is wrong with one document, each thing once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: dict[Flaw, None] = dict.fromkeys(document.flaws)
        self._place: Callable[[], str] | None = None

    def __len__(self) -> int:
        return len(self._found)

    def add(self, steps: Steps, message: str) -> None:
        """Note a problem of the part that `steps` leads to."""
        place = "".join(f"{place}: " for place in (self._document.place(steps), self._place and self._place()) if place)
        self._found[Flaw(self._document.line(steps), f"{place}{message}")] = None

    def hint(self, name: str, known: Iterable[str]) -> str:
        """`; did you mean 'prompt'?`, or nothing where no name is near, or where nobody is going to read it.

        To look for it takes longer than all else that is said of a slip of the pen, and a file may have 100,000.
        """
        return nearest(name, known) if len(self._found) < _MOST_PROBLEMS else ""

    @contextmanager
    def at(self, place: Callable[[], str]) -> Iterator[None]:
        """Begin the messages of this block with a further place, which is asked for only if there is a message."""
        self._place = place
        try:
            yield
        finally:
            self._place = None

    def raise_any(self) -> None:
        """Raise `ScenarioFileError` with everything collected, if there is anything; the first hundred in full."""
        if not self._found:
            return
        flaws = sorted(self._found)
        more = len(flaws) - _MOST_PROBLEMS
        if more > 0:
            flaws = [*flaws[:_MOST_PROBLEMS], Flaw(flaws[_MOST_PROBLEMS].line, f"and {more:,} further problems")]
        shown = harmless(self._document.shown)
        # Names of the file's own (an anchor, a tag, a key) stand in messages, and may be as long as the file.
        raise ScenarioFileError(
            [Problem(shown, flaw.line, harmless(clip(flaw.message, _MESSAGE_LIMIT))) for flaw in flaws]
        )


class Format(Protocol):
    """Another way to write scenarios."""

    def recognises(self, document: Document) -> bool:
        """Tell whether a file is of this format. Of a JSONL file there may be the first record only."""

    def scenarios(self, document: Document, options: LoadOptions) -> Iterable[Scenario]:
        """All scenarios of a file. Raises `ScenarioFileError` with all of its problems, if it has any."""


Read = Callable[[Path, str], Document | None]
"""Takes where a file lies and how messages write that."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How files of some names are read.

    `patterns` are those of their names, as in pytest's `bench_files`. `read` reads a file as far as it can be read; it
    returns None for one that is none of the format. `preview` is a quick look that tells whether to read it at all,
    None where only that tells.
    """

    name: Kind
    patterns: tuple[str, ...]
    read: Read
    preview: Read = lambda _path, _shown: None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of patterns such as `*.yaml`: `.yaml`."""
        return tuple(pattern.removeprefix("*") for pattern in self.patterns)

    def has(self, path: PurePath) -> bool:
        """Whether a file of this name is one."""
        return any(map(path.match, self.patterns))


def _no_note(_text: str) -> None:
    """Nobody cares."""


@dataclass(frozen=True, slots=True)
class SuiteUse:
    """How a template of ze-benchmarks has a scenario file run.

    `models` are those that it prefers, empty where it leaves that to others. `weights` are 0 to 1 by model, empty where
    the template gives none. `kind` is the type of the suite: `functional`, `accuracy`, `performance`, or nothing.
    """

    models: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a session knows when it loads files.

    `graders` are those of all checks by name. `allowed` are folders, besides the scenario file's own, from which
    files may come, `roots` those in which scenario files are looked for; none for any. `formats` are asked in order,
    before the native one. `own` are the file formats of the user's. `unknown_check_note` ends what is said of a check
    that is none of these. `tools` are the user's functions that are tools, by name. `validator` makes of a JSON Schema
    what tells the first fault of a document, or raises ValueError; without it no arguments of tools are looked at.
    `servers` are the MCP servers of bench.toml by name: each gives its tools, None where it is not to be started, or
    raises `ToolError`. `extraction` is what a step of a check's `extract` is; without it there is no such key. With
    `foreign_tools` models may have tools that no scenario names. `compared_fault` takes the name of a model whose
    stored answers a check compares with, and the models that its scenario names: it says why that cannot be, None if it
    can. `note` takes what authors of other people's formats should know and is no fault, once for each file.
    `ze_scoring` makes the scoring of suites of ze-benchmarks, which with `ze_original` is theirs; `ze_use` is
    what a template says of the file, and with `ze_network` its commands may reach the network.
    """

    graders: Mapping[str, type[Grader]]
    allowed: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()
    formats: tuple[Format, ...] = ()
    unknown_check_note: str = ""
    own: tuple[FileFormat, ...] = ()
    tools: Mapping[str, Callable[..., object]] = field(default_factory=dict)
    validator: Callable[[Mapping[str, Any]], Callable[[object], str | None]] | None = None
    servers: Mapping[str, Callable[[], Sequence[Tool] | None]] = field(default_factory=dict)
    extraction: type[Extraction] | None = None
    foreign_tools: bool = False
    compared_fault: Callable[[str, Sequence[str]], str | None] = lambda _name, _models: None
    note: Callable[[str], None] = _no_note
    ze_scoring: Callable[..., Scoring] | None = None
    ze_original: bool = False
    ze_use: SuiteUse | None = None
    ze_network: bool = False
