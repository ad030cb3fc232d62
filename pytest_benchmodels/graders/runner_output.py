"""What test runners write, read into what became of each test: JUnit XML and TAP. Both are hostile text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal
from xml.parsers import expat

from pytest_benchmodels.core.text import clip, plain

__all__ = ["RanTest", "TestRun", "read_junit", "read_tap"]

Outcome = Literal["passed", "failed", "skipped"]

_MOST_TESTS = 100_000
_TOO_MANY = f"there are more than {_MOST_TESTS:,} tests"
_MOST_ELEMENTS = 500_000
"""Of XML; and lines that may be TAP, of which the first are read. Each takes microseconds of this process."""

_DEEPEST = 20
_LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class RanTest:
    """One test. `names` are those that it may be called by, the fullest first."""

    names: tuple[str, ...]
    outcome: Outcome


@dataclass
class TestRun:
    """What became of the tests of a run.

    `missing` is how many were announced and never told of. `faults` say what is wrong with the output as a whole: with
    any of them the run has not passed.
    """

    __test__ = False  # for pytest it looks like a class of tests

    tests: list[RanTest] = field(default_factory=list)
    missing: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, names: tuple[str, ...], outcome: Outcome) -> None:
        """One test more; beyond 100,000 they are a fault."""
        if len(self.tests) < _MOST_TESTS:
            self.tests.append(RanTest(names, outcome))
        elif _TOO_MANY not in self.faults:
            self.faults.append(_TOO_MANY)


class _RefusedError(Exception):
    """What a report must not have."""


_SKIPPED = ("skipped", "disabled", "notrun", "ignored", "suppressed")
_ENDINGS = {"failure": "failed", "error": "failed", "skipped": "skipped"}


class _Junit:
    """Takes the events of one report. Texts within are passed over: only names and outcomes are kept."""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self._depth = self._elements = 0
        self._case: tuple[str, ...] | None = None
        self._case_depth = 0
        self._outcome: Outcome = "passed"
        self._suites: list[str] = []
        self.has_root = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise _RefusedError(f"has more than {_MOST_ELEMENTS:,} elements")
        name = tag.rpartition(":")[2].lower()
        if self._depth == 1:
            if name not in ("testsuites", "testsuite"):
                raise _RefusedError(f"is no JUnit report: its first element is {_short(tag)!r}, not testsuites")
            self.has_root = True
        if name == "testsuite":
            self._suites.append(_short(attributes.get("name", "")))
        elif name == "testcase" and self._case is None:
            self._case, self._case_depth = _names_of(attributes), self._depth
            states = (attributes.get("status", "").lower(), attributes.get("result", "").lower())
            self._outcome = "skipped" if any(state in _SKIPPED for state in states) else "passed"
        elif (ending := _ENDINGS.get(name)) is not None:
            self._end_by(ending)

    def _end_by(self, ending: str) -> None:
        if self._case is None:  # of the suite: what should have run there did not
            if ending == "failed":
                self._run.add((self._suites[-1] if self._suites else "a test suite",), "failed")
        elif self._depth == self._case_depth + 1 and self._outcome != "failed":
            self._outcome = "failed" if ending == "failed" else "skipped"

    def end(self, tag: str) -> None:
        if self._case is not None and self._depth == self._case_depth:
            self._run.add(self._case, self._outcome)
            self._case = None
        elif tag.rpartition(":")[2].lower() == "testsuite" and self._suites:
            self._suites.pop()
        self._depth -= 1


def read_junit(content: bytes, run: TestRun) -> None:
    """Add the tests of one JUnit XML file to `run`; what is wrong with it is one of its faults.

    A document type, and with it any entity, is refused: no file is opened and no text is multiplied.
    """
    parser = expat.ParserCreate()
    reader = _Junit(run)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat's own
    except expat.ExpatError as error:
        run.faults.append(f"it is no XML: {plain(clip(str(error), 200))}")
    except (_RefusedError, LookupError, ValueError) as error:  # an encoding that nobody knows is a LookupError
        run.faults.append(f"it {plain(clip(str(error), 200))}")


def _refuse_doctype(*_: object) -> None:
    raise _RefusedError("has a document type, which no test runner writes: it is not read")


def _names_of(attributes: dict[str, str]) -> tuple[str, ...]:
    name, owner = _short(attributes.get("name", "")), _short(attributes.get("classname", ""))
    file = _short(attributes.get("file", ""))
    longer = [f"{owner}.{name}", f"{owner}::{name}"] if owner else []
    longer += [f"{file}::{name}"] if file else []
    return (*longer, name)


def _short(name: str) -> str:
    return name[:_LONGEST_NAME]


_POINT = re.compile(r"(?P<no>not )?ok\b[ \t]*(?P<number>\d{1,9})?[ \t]*(?P<rest>.*)")
_PLAN = re.compile(r"1\.\.(?P<last>\d{1,9})[ \t]*(?P<rest>#.*)?$")
_DIRECTIVE = re.compile(r"(?<!\\)#[ \t]*(?P<name>skip|todo)(?P<rest>\w*)", re.IGNORECASE)
_TELLING = re.compile(r"^[ \t]*(?:ok\b|not ok\b|1\.\.[0-9]|Bail out!|---|\.\.\.)[^\n]*", re.MULTILINE)
_INDENT = 4


class _Level:
    """The test points of one depth: those of a file, or of a subtest."""

    def __init__(self) -> None:
        self.tests: list[tuple[str, Outcome]] = []
        self.points = 0
        self.planned: int | None = None
        self.seen: set[int] = set()
        self.twice = 0

    def faults(self) -> list[str]:
        """What is wrong with it as a whole, at its end."""
        found = [f"test {self.twice} was told of twice"] if self.twice else []
        if self.planned is None:
            found.append("it has no plan (1..N): the tests may not have run to their end")
        elif self.points > self.planned:
            found.append(f"{self.points:,} tests were told of, and {self.planned:,} were planned")
        return found

    @property
    def missing(self) -> int:
        return max(0, (self.planned or 0) - self.points)


class _Tap:
    """Reads TAP line by line. Tests in subtests are told of by `outer > inner`, and their summary is no test."""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self._levels = [_Level()]
        self._yaml: str | None = None

    def read(self, line: str) -> None:
        bare = line.lstrip(" ")
        indent = len(line) - len(bare)
        if self._yaml is not None:
            if bare.rstrip() == "..." and line.startswith(self._yaml):
                self._yaml = None
            return
        if bare.rstrip() == "---" and indent % _INDENT:
            self._yaml = line[:indent]
            return
        if bare.startswith("Bail out!"):
            self._run.faults.append(f"the tests bailed out:{plain(clip(bare[9:].rstrip(), 200)) or ' no reason given'}")
            return
        depth, off = divmod(indent, _INDENT)
        if off or depth > _DEEPEST:
            return
        if (plan := _PLAN.match(bare.rstrip())) is not None:
            self._level(depth).planned = int(plan["last"])
        elif (point := _POINT.match(bare.rstrip())) is not None:
            self._point(depth, point)

    def _level(self, depth: int) -> _Level:
        while len(self._levels) <= depth:
            self._levels.append(_Level())
        return self._levels[depth]

    def _point(self, depth: int, point: re.Match[str]) -> None:
        inside = self._closed(depth + 1)
        level = self._level(depth)
        level.points += 1
        number = int(point["number"] or level.points)
        if number in level.seen:
            level.twice = number
        level.seen.add(number)
        name, outcome = _told(point)
        if not inside:
            level.tests.append((name or f"test {number}", outcome))
        else:
            level.tests += [(f"{name} > {inner}"[:_LONGEST_NAME], each) for inner, each in inside]
            if outcome == "failed" and all(each != "failed" for _, each in inside):
                level.tests.append((name, "failed"))
        if len(level.tests) > _MOST_TESTS:
            raise _RefusedError(_TOO_MANY)

    def _closed(self, depth: int) -> list[tuple[str, Outcome]]:
        """The tests of a subtest that its summary ends; those that it lacks have failed.

        Without a plan it is none: somebody printed an indented `ok`.
        """
        if len(self._levels) <= depth:
            return []
        deeper = self._closed(depth + 1)
        level = self._levels.pop()
        if level.planned is None:
            return []
        lacking: list[tuple[str, Outcome]] = [("a test that did not run", "failed")] * min(level.missing, _MOST_TESTS)
        return [*level.tests, *deeper, *lacking, *((fault, "failed") for fault in level.faults())]

    def close(self) -> None:
        """The end of the output."""
        left = self._closed(1)
        level = self._levels[0]
        for name, outcome in (*level.tests, *left):
            self._run.add((name,), outcome)
        if left:
            self._run.faults.append("it ends within a subtest")
        self._run.missing += level.missing
        self._run.faults += level.faults()


def _told(point: re.Match[str]) -> tuple[str, Outcome]:
    """A test point's name and outcome; what is to do yet counts as skipped, whatever came of it."""
    rest = point["rest"]
    directive = _DIRECTIVE.search(rest)
    name = (rest[: directive.start()] if directive else rest).strip().removeprefix("- ").strip()
    name = name.replace("\\#", "#").replace("\\\\", "\\")[:_LONGEST_NAME]
    if directive is not None and (directive["name"].lower() == "skip" or not directive["rest"]):
        return name, "skipped"
    return name, "failed" if point["no"] else "passed"


def read_tap(text: str, run: TestRun) -> None:
    """Add the tests of a TAP stream (versions 12 to 14) to `run`; lines that are no TAP are passed over."""
    tap = _Tap(run)
    try:
        for line in islice(_TELLING.finditer(text), _MOST_ELEMENTS):
            tap.read(line[0].rstrip("\r").replace("\t", "    "))
        tap.close()
    except _RefusedError as error:
        run.faults.append(str(error))
