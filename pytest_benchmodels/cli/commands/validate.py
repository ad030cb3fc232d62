"""`benchmodels validate`: what is wrong with scenario files, without a test session."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from pytest_benchmodels import formats
from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.formats.configfile import read_config
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.reports.units import plural

from ..completion import completes_files
from ..output import Output
from ..rootdir import find_rootdir
from ..scenario_files import scenario_files

__all__ = ["add_arguments", "run"]

_CODE_NOTE = "; validate runs no code: `pytest --bench --collect-only` knows the checks of conftest.py too"


def add_arguments(parser: ArgumentParser) -> None:
    completes_files(parser.add_argument("paths", nargs="+", metavar="PATH", help="scenario files, and folders of them"))
    completes_files(
        parser.add_argument(
            "--config", metavar="FILE", help="whose `allow_paths` hold (default: the bench.toml that pytest would find)"
        )
    )
    parser.add_argument(
        "--allow-path",
        action="append",
        default=[],
        metavar="FOLDER",
        help="datasets may come from here too; may be repeated",
    )
    parser.add_argument(
        "--format",
        choices=("text", "github"),
        default="text",
        help="`github` writes problems as annotations of a workflow (default: text)",
    )


def run(arguments: Namespace, output: Output) -> int:
    given = list(scenario_files(arguments.paths))
    rootdir = find_rootdir(list(map(Path, arguments.paths)))
    options = formats.LoadOptions(graders=BUILTIN, allowed=_allowed(arguments, rootdir))
    files = scenarios = broken = problems = 0
    for path, named in given:
        try:
            found = formats.load(path, str(path), _noting(options, path, rootdir), named=named)
        except ScenarioFileError as error:
            broken += 1
            problems += len(error.problems)
            for problem in error.problems:
                if arguments.format == "github":
                    output.command(_annotation(problem))
                else:
                    output.line(str(problem), "bad")
            continue
        if found is not None:
            files += 1
            scenarios += len(found)
    checked = f"{plural(files + broken, 'file')}, {plural(scenarios, 'scenario')}"
    output.line(
        f"{checked}: {plural(problems, 'problem')} in {plural(broken, 'file')}" if broken else f"{checked}: no problem"
    )
    return int(broken > 0)


def _allowed(arguments: Namespace, rootdir: Path) -> tuple[Path, ...]:
    """Where datasets may come from. Raises `ConfigError` for a bench.toml that is wrong."""
    typed = tuple(Path(path).resolve() for path in arguments.allow_path)
    named = arguments.config is not None
    config = Path(arguments.config).resolve() if named else rootdir / "bench.toml"
    return (*typed, *read_config(config).allowed(config.parent)) if named or config.is_file() else typed


def _noting(options: formats.LoadOptions, path: Path, rootdir: Path) -> formats.LoadOptions:
    """Let unknown checks be told with a remedy where pytest would find a conftest.py, which may define them."""
    folder = path.resolve().parent
    folders = [parent for parent in (folder, *folder.parents) if parent.is_relative_to(rootdir.resolve())]
    has_code = any((parent / "conftest.py").is_file() for parent in folders)
    return replace(options, unknown_check_note=_CODE_NOTE) if has_code else options


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions."""
    return f"::error file={_escaped(problem.path, ':,')},line={problem.line}::{_escaped(problem.message)}"


def _escaped(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
