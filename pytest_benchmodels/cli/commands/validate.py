"""`benchmodels validate`: what is wrong with scenario files, without a test session."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from pytest_benchmodels import formats
from pytest_benchmodels.cli.commands import completes_files
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.scenario_files import Conftests, ends_as_ours, find_rootdir, scenario_files
from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.formats.compared_models import own_answers_fault
from pytest_benchmodels.formats.configfile import ConfigFile, read_config
from pytest_benchmodels.formats.ze_benchmarks.template import is_template, read_template
from pytest_benchmodels.graders import BUILTIN, Extract, registry, schema_faults
from pytest_benchmodels.reports.units import plural

__all__ = ["add_arguments", "run"]

_HOOK = b"def pytest_bench_formats"
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
        "--with-conftest",
        action="store_true",
        help="run the code of conftest.py files, and know the formats and checks that they define",
    )
    parser.add_argument(
        "--format",
        choices=("text", "github"),
        default="text",
        help="`github` writes problems as annotations of a workflow (default: text)",
    )


def run(arguments: Namespace, output: Output) -> int:
    rootdir = find_rootdir(list(map(Path, arguments.paths)))
    allowed, config = _configured(arguments, rootdir)
    options = formats.LoadOptions(
        graders=BUILTIN,
        allowed=allowed,
        validator=schema_faults,
        servers=dict.fromkeys(config.mcp, _not_started),
        extraction=Extract,
        foreign_tools=config.has_tools,
        compared_fault=partial(_compared_fault, config),
    )
    notes: dict[str, None] = {}
    options = replace(options, note=lambda text: notes.update({text: None}), ze_original=config.ze.score == "original")
    project = _Project(rootdir, options, runs_code=arguments.with_conftest)
    files = scenarios = broken = problems = 0
    paths, faults = _without_templates(arguments.paths, project, options.note)
    for path, named in [*((path, True) for path in faults), *(scenario_files(paths, project.has) if paths else ())]:
        try:
            if path in faults:
                raise faults[path]
            found = formats.load(path, str(path), project.options_of(path), named=named)
        except ScenarioFileError as error:
            broken += 1
            problems += len(error.problems)
            _tell(error, arguments, output)
            continue
        if found is not None:
            files += 1
            scenarios += len(found)
    checked = f"{plural(files + broken, 'file')}, {plural(scenarios, 'scenario')}"
    output.line(
        f"{checked}: {plural(problems, 'problem')} in {plural(broken, 'file')}" if broken else f"{checked}: no problem"
    )
    for text in notes:
        output.line(f"note: {text}")
    for conftest in project.unread:
        output.line(f"not checked: files of formats that {conftest} defines; --with-conftest runs it, and checks them")
    return int(broken > 0)


def _tell(error: ScenarioFileError, arguments: Namespace, output: Output) -> None:
    for problem in error.problems:
        if arguments.format == "github":
            output.command(_annotation(problem))
        else:
            output.line(str(problem), "bad")


def _without_templates(
    paths: Iterable[str], project: _Project, note: Callable[[str], None]
) -> tuple[list[str], dict[Path, ScenarioFileError]]:
    """The paths with the files of their suites in the place of templates, and what is wrong with templates."""
    found: list[str] = []
    faults: dict[Path, ScenarioFileError] = {}
    for text in paths:
        path = Path(text)
        if not path.is_file() or project.reads(path) or not is_template(path):
            found.append(text)
            continue
        try:
            template = read_template(path, text)
        except ScenarioFileError as error:
            faults[path] = error
            continue
        found += map(str, map(_shown, template.uses))
        if not template.uses:
            note(f"{text} names no suites, and there are none: another template may be based on it; it runs nothing")
    return found, faults


class _Project:
    """What the conftest.py files above a file bring; their code runs only if the user allows it."""

    def __init__(self, rootdir: Path, options: formats.LoadOptions, *, runs_code: bool) -> None:
        self._rootdir = rootdir.resolve()
        self._options = options
        self._conftests = Conftests(rootdir) if runs_code else None
        self._found: dict[Path, formats.LoadOptions] = {}
        self.unread: dict[Path, None] = {}

    def has(self, path: Path) -> bool:
        """Whether a file in a folder is to be checked, by its name."""
        return ends_as_ours(path) or self.reads(path)

    def reads(self, path: Path) -> bool:
        """Whether a format of a conftest.py reads it."""
        return any(known.has(path) for known in self._in(path.parent).own)

    def options_of(self, path: Path) -> formats.LoadOptions:
        """Raises `ScenarioFileError` for a file that only a format could read whose code does not run."""
        options = self._in(path.parent)
        if self._conftests is None and self.unread and not ends_as_ours(path):
            told = f"no format of ours reads {path.suffix or 'it'}; --with-conftest runs conftest.py for its formats"
            raise ScenarioFileError([Problem(str(path), 1, told)])
        return options

    def _in(self, folder: Path) -> formats.LoadOptions:
        if folder not in self._found:
            self._found[folder] = self._without_code(folder) if self._conftests is None else self._with(folder)
        return self._found[folder]

    def _with(self, folder: Path) -> formats.LoadOptions:
        assert self._conftests is not None  # noqa: S101 - the caller looked
        own = formats.own_formats(self._conftests.answers("pytest_bench_formats", folder))
        found = self._conftests.answers("pytest_bench_graders", folder)
        extra = [grader for some in found if isinstance(some, Iterable) for grader in some]
        given = self._conftests.answers("pytest_bench_tools", folder)
        tools = {name: tool for some in given if isinstance(some, Mapping) for name, tool in some.items()}
        return replace(self._options, own=own, graders=registry(extra), tools=tools)

    def _without_code(self, folder: Path) -> formats.LoadOptions:
        """Let unknown checks be told with a remedy where there is a conftest.py, which may define them."""
        here = folder.resolve()
        above = [parent for parent in (here, *here.parents) if parent.is_relative_to(self._rootdir)]
        paths = [path for parent in above if (path := parent / "conftest.py").is_file()]
        with suppress(OSError):
            self.unread.update({_shown(path): None for path in paths if _HOOK in path.read_bytes()})
        return replace(self._options, unknown_check_note=_CODE_NOTE) if paths else self._options


def _compared_fault(config: ConfigFile, name: str, models: Sequence[str]) -> str | None:
    """By their names: what these stand for is looked up when they run."""
    return own_answers_fault(name, name) if name in (models or config.models) else None


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _not_started() -> None:
    """Validating starts no MCP server: which tools it has is not known."""


def _configured(arguments: Namespace, rootdir: Path) -> tuple[tuple[Path, ...], ConfigFile]:
    """Where datasets may come from, and what bench.toml says. Raises `ConfigError` for a bench.toml that is wrong."""
    typed = tuple(Path(path).resolve() for path in arguments.allow_path)
    named = arguments.config is not None
    config = Path(arguments.config).resolve() if named else rootdir / "bench.toml"
    if not (named or config.is_file()):
        return typed, ConfigFile()
    file = read_config(config)
    return (*typed, *file.allowed(config.parent)), file


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions."""
    return f"::error file={_escaped(problem.path, ':,')},line={problem.line}::{_escaped(problem.message)}"


def _escaped(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
