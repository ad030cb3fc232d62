"""`benchmodels validate`: what is wrong with scenario files, without a test session."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_benchmodels import formats
from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.reports.units import plural

from ..completion import completes_files
from ..output import Output
from ..scenario_files import scenario_files

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    completes_files(parser.add_argument("paths", nargs="+", metavar="PATH", help="scenario files, and folders of them"))
    parser.add_argument(
        "--allow-path",
        action="append",
        default=[],
        metavar="FOLDER",
        help="datasets may come from here too, as with `allow_paths` in bench.toml; may be repeated",
    )
    parser.add_argument(
        "--format",
        choices=("text", "github"),
        default="text",
        help="`github` writes problems as annotations of a workflow (default: text)",
    )


def run(arguments: Namespace, output: Output) -> int:
    options = formats.LoadOptions(graders=BUILTIN, allowed=tuple(Path(path).resolve() for path in arguments.allow_path))
    files = scenarios = broken = problems = 0
    for path, named in scenario_files(arguments.paths):
        try:
            found = formats.load(path, str(path), options, named=named)
        except ScenarioFileError as error:
            broken += 1
            problems += len(error.problems)
            for problem in error.problems:
                output.line(_FORMATS[arguments.format](problem), "bad")
            continue
        if found is not None:
            files += 1
            scenarios += len(found)
    checked = f"{plural(files + broken, 'file')}, {plural(scenarios, 'scenario')}"
    output.line(
        f"{checked}: {plural(problems, 'problem')} in {plural(broken, 'file')}" if broken else f"{checked}: no problem"
    )
    return int(broken > 0)


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions."""
    return f"::error file={_escaped(problem.path, ':,')},line={problem.line}::{_escaped(problem.message)}"


def _escaped(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


_FORMATS: Mapping[str, Callable[[Problem], str]] = {"text": str, "github": _annotation}
