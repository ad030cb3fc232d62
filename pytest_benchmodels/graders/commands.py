"""Checks that run a command in the run's workspace, and judge by how it ends or by what its tests say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CheckError, WorkspaceError
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote, told
from pytest_benchmodels.core.user_code import in_thread
from pytest_benchmodels.core.workspace import Command, CommandResult, Workspace
from pytest_benchmodels.graders.globs import Globs, NameGlobs, Patterns
from pytest_benchmodels.graders.normalization import listed, right, wrong
from pytest_benchmodels.graders.runner_output import RanTest, TestRun, read_junit, read_tap
from pytest_benchmodels.graders.workspace_files import (
    UnreadableError,
    listed_content,
    undecided,
    workspace_of,
)
from pytest_benchmodels.graders.workspace_text import TextConditions, last_lines

__all__ = ["CHECKS", "CommandCheck", "PassesTests"]

_Word = Annotated[str, Meta(max_length=100_000)]
_Words = _Word | tuple[_Word, ...]
_Status = Annotated[int, Meta(ge=-64, le=255)]
_Limit = Annotated[float, Meta(gt=0, le=86_400)]
_Megabytes = Annotated[int, Meta(ge=16, le=1_000_000)]
_Name = Annotated[str, Meta(min_length=1, max_length=1000)]
_TIMEOUT_S = 600.0
_MEMORY_MB = 4000
_OUTPUT_BYTES = 2_000_000
_TAP_BYTES = 20_000_000
_REPORT_BYTES = 50_000_000
_TOLD = 5


def _refuse_no_command(words: _Words, name: str) -> None:
    parts = listed(words)
    if not parts or not parts[0].strip():
        raise ValueError(f"{name}: there is no command: write a text for a shell, or a list of words")
    if any("\0" in part for part in parts):
        raise ValueError(f"{name}: a command cannot hold the character NUL")


async def _run(context: GradingContext, command: Command) -> CommandResult:
    try:
        return await workspace_of(context).run(command, "check")
    except WorkspaceError as error:
        raise CheckError(told(error)) from error


def _ended(result: CommandResult) -> str:
    assert result.status is not None  # noqa: S101 - the callers tell of a time that is over before
    how = f"exit status {result.status}" if result.status >= 0 else f"was ended by signal {-result.status}"
    return f"{how} after {result.duration_s:.1f} s"


def _as_shells_tell(status: int | None) -> int | None:
    """137 for signal 9, which a confinement that is a process of its own gives as well."""
    return 128 - status if status is not None and status < 0 else status


def _out_of_time(timeout_s: float | None, result: CommandResult) -> Grade:
    limit_s = timeout_s or result.limit_s or 0.0
    said = f"{limit_s:g} s"
    if timeout_s is None and limit_s < _TIMEOUT_S:
        of = "was left of the run's limit: raise `timeout` of the scenario, or write one at the check"
        if not limit_s:
            return undecided(f"the command was not started: nothing {of}")
        said = f"{limit_s:.1f} s, which {of}"
    return undecided(f"the command did not end within {said}; {last_lines(result.output, result.errors)}")


class CommandCheck(Grader, frozen=True, dict=True):
    """A command in the workspace ends with this exit status, and writes what it has to.

    A text is read by a shell, a list holds the words of the command. `exit` is the exit status, or those that will do;
    a signal's number below zero. `stdout`, `stderr` and `output`, which is both, one after the other, are each a text
    that it is, a check of it such as `{contains: ok}`, or a list of these. A command that takes more than `max_seconds`
    fails; after `timeout` seconds it is ended, and fails; without that, after what is left of the run's limit, 600 at
    most. `network`: whether it may reach that. `memory` is in MB.
    """

    command: _Words
    exit: _Status | tuple[_Status, ...] = 0
    stdout: Any = UNSET
    stderr: Any = UNSET
    output: Any = UNSET
    max_seconds: _Limit | None = None
    timeout: _Limit | None = None
    network: bool = False
    memory: _Megabytes = _MEMORY_MB

    needs_workspace: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _refuse_no_command(self.command, "command")
        if self.exit == ():
            raise ValueError("exit: the list is empty: write the exit statuses that will do")
        timeout_s = self.timeout or _TIMEOUT_S
        if self.max_seconds is not None and self.max_seconds > timeout_s:
            raise ValueError(f"max_seconds {self.max_seconds:g} is beyond `timeout`, {timeout_s:g}: raise that, too")
        _ = self._conditions  # now, so that what is wrong is reported with its line

    async def grade(self, context: GradingContext) -> Grade:
        """Run it; `CheckError` where it cannot be run here."""
        words, timeout_s = self.command, self.timeout
        result = await _run(context, Command(words, timeout_s=timeout_s, network=self.network, memory_mb=self.memory))
        if result.status is None:
            return _out_of_time(timeout_s, result)
        faults = await in_thread(lambda: list(self._faults(result)), "benchmodels-check")
        if not faults:
            return right(f"{_ended(result)}")
        return wrong(f"{_ended(result)}: {'; '.join(faults)}; {last_lines(result.output, result.errors)}")

    def _faults(self, result: CommandResult) -> Iterator[str]:
        fitting = (self.exit,) if isinstance(self.exit, int) else self.exit
        if _as_shells_tell(result.status) not in map(_as_shells_tell, fitting):
            yield f"expected {' or '.join(map(str, fitting))}"
        if self.max_seconds is not None and result.duration_s > self.max_seconds:
            yield f"it took more than {self.max_seconds:g} s"
        texts = {
            "stdout": result.output,
            "stderr": result.errors,
            "output": f"{result.output}{result.errors}",
        }
        for name, conditions in self._conditions.items():
            cut = ["the beginning of its output was too long to be kept"] if result.is_cut else []
            yield from cut or conditions.faults(texts[name].replace("\r\n", "\n"), name)

    @cached_property
    def _conditions(self) -> Mapping[str, TextConditions]:
        written = {"stdout": self.stdout, "stderr": self.stderr, "output": self.output}
        return {name: TextConditions(each, name) for name, each in written.items() if each is not UNSET}


_Signature = tuple[int, ...]


class PassesTests(Grader, frozen=True, dict=True):
    """All tests that a command runs pass, and it ends with exit status 0. The score is the share of those that pass.

    What became of them stands in JUnit XML files that fit `report`, which the command has to write; or in TAP, which it
    prints, with `format: tap`. Skipped tests are left out; at least `at_least` have to run. Those that `must_pass`
    names have to run and pass; those of `may_fail` are left out where they fail. In both, `*` stands for anything.
    """

    tests_pass: _Words
    report: Patterns = ()
    format: Literal["junit", "tap"] = "junit"
    at_least: Annotated[int, Meta(ge=1)] = 1
    must_pass: tuple[_Name, ...] = ()
    may_fail: tuple[_Name, ...] = ()
    timeout: _Limit | None = None
    network: bool = False
    memory: _Megabytes = _MEMORY_MB

    needs_workspace: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _refuse_no_command(self.tests_pass, "tests_pass")
        if self.format == "junit" and not self.report:
            remedy = "name the JUnit file that the command writes, such as `report: report.xml`, or write `format: tap`"
            raise ValueError(f"how are the tests counted? {remedy}")
        if self.format == "tap" and self.report:
            raise ValueError("TAP is read from what the command prints: leave `report` out, or `format: tap`")
        _ = self._reports

    async def grade(self, context: GradingContext) -> Grade:
        """Run them; `CheckError` where they cannot be run here."""
        workspace, is_tap = workspace_of(context), self.format == "tap"
        before = await in_thread(lambda: self._signatures(workspace), "benchmodels-check")
        command = Command(
            self.tests_pass,
            timeout_s=self.timeout,
            network=self.network,
            memory_mb=self.memory,
            output_bytes=_TAP_BYTES if is_tap else _OUTPUT_BYTES,
        )
        result = await _run(context, command)
        if result.status is None:
            return _out_of_time(self.timeout, result)
        return await in_thread(lambda: self._judged(workspace, before, result), "benchmodels-check")

    def _judged(self, workspace: Workspace, before: Mapping[str, _Signature], result: CommandResult) -> Grade:
        run = TestRun()
        if self.format == "tap":
            read_tap(result.output, run)
            run.faults += ["its beginning was too long to be kept"] if result.is_cut else []
        else:
            try:
                self._read_reports(workspace, before, run)
            except UnreadableError as reason:
                said = f"{_ended(result)}: {reason}; {last_lines(result.output, result.errors)}"
                return undecided(said)
        return _verdict(self, run, result)

    def _read_reports(self, workspace: Workspace, before: Mapping[str, _Signature], run: TestRun) -> None:
        after = self._signatures(workspace)
        written = [path for path, signature in after.items() if before.get(path) != signature]
        if not written:
            before_it = f": {quote(next(iter(after)))} was there before, and was not written anew" if after else ""
            raise UnreadableError(f"it wrote no report of the tests that fits {self._reports.told()}{before_it}")
        left = _REPORT_BYTES
        for path in written:
            try:
                content = listed_content(workspace, path, _REPORT_BYTES)
            except UnreadableError as reason:
                raise UnreadableError(f"the report {quote(path)} cannot be read: it {reason}") from None
            left -= len(content)
            if left < 0:
                raise UnreadableError(f"its reports are larger than {_REPORT_BYTES // 1_000_000} MB together")
            faults = len(run.faults)
            read_junit(content, run)
            run.faults[faults:] = [f"the report {quote(path)}: {fault}" for fault in run.faults[faults:]]

    def _signatures(self, workspace: Workspace) -> Mapping[str, _Signature]:
        """The reports that there are, each with what changes whenever a file is written, even with the same content."""
        if self.format == "tap":
            return {}
        found = {}
        for path in self._reports.of(workspace.names()):
            try:
                told = os.lstat(workspace.path / path)
            except (OSError, ValueError):
                continue
            found[path] = told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns
        return found

    @cached_property
    def _reports(self) -> Globs:
        return Globs(self.report)

    @cached_property
    def must(self) -> NameGlobs:
        """The names of those that have to run and pass."""
        return NameGlobs(self.must_pass)

    @cached_property
    def may(self) -> NameGlobs:
        """The names of those that need not pass."""
        return NameGlobs(self.may_fail)


class _Tally:
    """The tests of a run by what they count for."""

    def __init__(self, check: PassesTests, run: TestRun) -> None:
        self.passed = self.skipped = self.allowed = 0
        self.failed: list[str] = []
        open_places = set(range(len(check.must_pass)))
        for test in run.tests:
            places = {place for place in range(len(check.must_pass)) if check.must.fits(place, test.names)}
            open_places -= places
            self._count(test, is_needed=bool(places), may_fail=check.may.fit(test.names))
        self.ran = self.passed + self.allowed + len(self.failed)
        self.failed += [f"{check.must_pass[place]} (which did not run)" for place in sorted(open_places)]

    def _count(self, test: RanTest, *, is_needed: bool, may_fail: bool) -> None:
        if test.outcome == "passed":
            self.passed += 1
        elif is_needed and test.outcome == "skipped":
            self.failed.append(f"{test.names[0]} (which was skipped)")
        elif test.outcome == "skipped":
            self.skipped += 1
        elif may_fail and not is_needed:
            self.allowed += 1
        else:
            self.failed.append(test.names[0])


def _verdict(check: PassesTests, run: TestRun, result: CommandResult) -> Grade:
    tally = _Tally(check, run)
    failed = len(tally.failed) + run.missing
    said = f"{tally.passed:,} of {tally.passed + failed:,} tests passed"
    said += f", {tally.skipped:,} skipped" if tally.skipped else ""
    said += f", {tally.allowed:,} failed that may" if tally.allowed else ""
    score = tally.passed / (tally.passed + failed) if tally.passed + failed else 0.0
    faults = [f"failed: {_listed(tally.failed)}"] if tally.failed else []
    faults += [f"{run.missing:,} were planned and did not run"] if run.missing else []
    if tally.ran < check.at_least:
        faults.append(f"expected at least {check.at_least:,} to run")
        score *= tally.ran / check.at_least
    doubts = list(run.faults)
    if result.status != 0 and not failed and not tally.allowed and tally.ran:
        doubts.append("none of them failed, but the command did")
    if not faults and not doubts:
        return right(f"{said}, {_ended(result)}")
    whole = "; ".join((f"{said}, {_ended(result)}", *faults, *doubts[:_TOLD]))
    explanation = f"{whole}; {last_lines(result.output, result.errors)}"
    # What contradicts itself is no measure of anything.
    if doubts:
        return Grade(0.0, passed=False, explanation=explanation, undecided=not failed)
    return Grade(min(score, 1.0), passed=False, explanation=explanation)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return ", ".join(quote(name, 120) for name in names[:_TOLD]) + more


CHECKS: tuple[type[Grader], ...] = (CommandCheck, PassesTests)
"""The checks of this family, in the order in which they are told."""
