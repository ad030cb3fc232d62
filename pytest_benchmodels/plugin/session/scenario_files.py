"""What the session knows of scenario files: the checks and formats that hold in a folder, and how much they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

import pytest

from pytest_benchmodels import graders
from pytest_benchmodels.core.errors import ConfigError, ProviderError, ToolError
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import file_of
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.formats import FileFormat, LoadOptions, fixture_folders, own_formats
from pytest_benchmodels.formats.compared_models import own_answers_fault
from pytest_benchmodels.formats.configfile import ConfigFile
from pytest_benchmodels.plugin.options import Settings
from pytest_benchmodels.plugin.session.models import Models
from pytest_benchmodels.plugin.session.templates import Templates
from pytest_benchmodels.plugin.session.user_models import answers, usage_errors
from pytest_benchmodels.providers.key import Key
from pytest_benchmodels.solvers.mcp import ServerSettings, listed_tools
from pytest_benchmodels.statistics.ze_scores import ZeScoring

__all__ = ["LEFT_OUT", "NOTES", "ScenarioFiles", "left_out_line"]

_EXTRA = 'pip install "pytest-benchmodels[mcp]"'
LEFT_OUT = "benchmodels-left-out"
"""Under which a worker tells how many YAML files it left out."""
NOTES = "benchmodels-notes"
"""Under which it tells what authors should know of their files."""


class ScenarioFiles:
    """A plugin object that hears of checks and formats, and is asked by whoever collects.

    `asked_runs` is how many runs the files ask for that were collected, `left_out` how many YAML files were none of
    ours. `notes` are what authors should know of their files. `broken_folders` are those whose conftest.py files
    bring what is no format. `templates` are those of ze-benchmarks that the command line names.
    """

    def __init__(self, config: pytest.Config, settings: Settings, file: ConfigFile, models: Models) -> None:
        self._config = config
        self._settings = settings
        self._file = file
        self._models = models
        self.asked_runs = 0
        self.left_out = 0
        self.notes: dict[str, None] = {}
        self.broken_folders: set[Path] = set()
        self.templates = Templates()
        self._load_options: dict[tuple[int, ...], LoadOptions] = {}
        self._own_formats: dict[Path, tuple[FileFormat, ...]] = {}
        self._fixtures: dict[Path, frozenset[str]] = {}
        self._tags: set[str] = set()
        self._servers: dict[str, tuple[Tool, ...] | ToolError] = {}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse what cannot be a check or a format before anything is collected, or a worker started.

        Of checks of deeper folders' conftest.py files that is told when their folder is collected.
        """
        with usage_errors():
            for folder in dict.fromkeys((self._config.rootpath, *self._named_folders())):
                self.load_options(session.gethookproxy(folder))
                self.own_formats(session, folder)
            self._expand_templates(session)

    def _expand_templates(self, session: pytest.Session) -> None:
        """Let pytest collect the files of a template's suites in its place, under the node ids that they always have.

        Each process does so: workers are given the command line as it was typed.
        """
        folder = self._config.invocation_params.dir
        self._config.args = self.templates.expanded(self._config.args, folder, partial(self._is_own, session))

    def _is_own(self, session: pytest.Session, path: Path) -> bool:
        """Whether a reader of the user's reads a file."""
        return any(known.has(path) for known in self.own_formats(session, path.parent))

    def load_options(self, hook: Any) -> LoadOptions:
        """What the loader needs for a file of a folder, by the hooks of that; raises `ConfigError`."""
        extra = [grader for some in answers(hook.pytest_bench_graders) for grader in _listed(some)]
        tools = _tools(answers(hook.pytest_bench_tools))
        known = tuple(map(id, extra))  # of classes that the registry keeps alive; what is none may have no hash
        known += tuple(map(id, tools.values()))
        if known not in self._load_options:
            config = self._config
            roots = (config.rootpath, config.invocation_params.dir, *self._named_folders())
            judge = self._file.judge
            own = graders.judge_by(judge.model or self._settings.judge, structured=judge.structured)
            embeddings = graders.embeddings_by(self._file.embeddings.model or "")
            registry = {**graders.registry(extra), own.kind(): own, embeddings.kind(): embeddings}
            self._load_options[known] = LoadOptions(
                registry,
                self._file.allowed(self._base),
                tuple(dict.fromkeys(roots)),
                tools=tools,
                validator=graders.schema_faults,
                extraction=graders.Extract,
                servers={name: partial(self._tools_of, name) for name in self._file.mcp},
                foreign_tools=self._file.has_tools,
                compared_fault=self._compared_fault,
                note=self._take_note,
                ze_scoring=ZeScoring,
                ze_original=self._file.ze.score == "original",
                ze_network=self._file.ze.network,
            )
        return self._load_options[known]

    def _compared_fault(self, name: str, scenario_models: Sequence[str]) -> str | None:
        """Why the stored answers of a model are nothing to compare with; None if they are.

        Another name of a model that answers has the same stored answers, unless its params differ.
        """
        try:
            compared = self._models.resolve(name)
        except ConfigError as error:
            return str(error)
        for other in self._models.named_for(tuple(scenario_models)):
            with suppress(ConfigError):  # one that cannot answer is told when it is to run
                if _have_same_answers(self._models.resolve(other), compared):
                    return own_answers_fault(name, other)
        return None

    def _take_note(self, text: str) -> None:
        """Of keys that change nothing `benchmodels validate` tells."""
        if "workspace is empty" in text:
            self.notes[text] = None

    @property
    def _base(self) -> Path:
        """The folder of bench.toml."""
        return self._settings.config_file.parent if self._settings.config_file else self._config.rootpath

    def server_settings(self, name: str) -> ServerSettings:
        """Those of an MCP server of bench.toml. Raises `ToolError` for a variable that is not set."""
        entry = self._file.mcp[name]
        secret = [(key, value[4:]) for key, value in entry.env.items() if value.startswith("env:")]
        try:
            key = Key.from_environment(None, secret)
        except ProviderError as error:
            raise ToolError(f"MCP server {quote(name)}: {str(error).removeprefix('no API key: ')}") from None
        return ServerSettings(
            name,
            tuple(entry.command),
            self._base / (entry.cwd or ""),
            {**entry.env, **key.own_headers},
            entry.timeout,
            entry.shared,
            key.and_surroundings().hide,
        )

    def _tools_of(self, name: str) -> tuple[Tool, ...]:
        """The tools of a server, which is started for that once a session. Raises `ToolError`."""
        if name not in self._servers:
            try:
                if find_spec("mcp") is None:
                    raise ToolError(f"[mcp.{name}] needs the package mcp: {_EXTRA}")  # noqa: TRY301 - kept as the others
                self._servers[name] = listed_tools(self.server_settings(name))
            except ToolError as error:
                self._servers[name] = error
        found = self._servers[name]
        if isinstance(found, ToolError):
            raise ToolError(str(found))
        return found

    def own_formats(self, session: pytest.Session, folder: Path) -> tuple[FileFormat, ...]:
        """The user's formats of files in a folder, by the conftest.py files that hold there; raises `ConfigError`."""
        if folder not in self._own_formats:
            self.broken_folders.add(folder)
            self._own_formats[folder] = own_formats(answers(session.gethookproxy(folder).pytest_bench_formats))
            self.broken_folders.discard(folder)
        return self._own_formats[folder]

    def is_scenario_file(self, path: PurePath, own: Iterable[FileFormat] | None = None) -> bool:
        """Whether a file is collected, by its name; `own` are the user's formats that hold there, else all known."""
        if any(map(path.match, self._settings.patterns)):
            return True
        known = own if own is not None else {one for some in self._own_formats.values() for one in some}
        return any(one.has(path) for one in known)

    def is_fixture(self, path: Path) -> bool:
        """Whether a scenario file beside or above a folder names it as a workspace: its tests are for agents."""
        if not path.is_dir():
            return False
        real, root = os.path.realpath(path), self._config.rootpath
        above = [folder for folder in path.parents if folder == root or root in folder.parents] or [path.parent]
        return any(real in self._fixtures_of(folder) for folder in above)

    def _fixtures_of(self, folder: Path) -> frozenset[str]:
        if folder not in self._fixtures:
            self._fixtures[folder] = frozenset()
            with suppress(OSError):  # a folder above those of the session may not be readable
                files = [file for file in folder.iterdir() if self.is_scenario_file(file, ()) and file.is_file()]
                self._fixtures[folder] = frozenset().union(*map(fixture_folders, files))
        return self._fixtures[folder]

    def _named_folders(self) -> Iterator[Path]:
        """The folders of the command line's paths."""
        for argument in self._config.args:
            path = self._config.invocation_params.dir / file_of(argument)
            if path.exists():
                yield path if path.is_dir() else path.parent

    def register_tags(self, tags: Iterable[str]) -> None:
        """Let tags be markers: `--strict-markers` is for typing errors in tests, a scenario's tags are data."""
        for tag in tags:
            if tag not in self._tags:
                self._tags.add(tag)
                self._config.addinivalue_line("markers", f"{tag}: tag of a scenario")

    def ask_for(self, runs: int) -> str | None:
        """Count runs before they are made; say why they must not be, if that is so."""
        self.asked_runs += runs
        return self.refusal()

    def refusal(self) -> str | None:
        """Why what was asked for so far must not be run; None if it may."""
        if self.asked_runs <= self._settings.max_runs:
            return None
        return (
            f"this session would have {self.asked_runs:,} runs, more than {self._settings.max_runs:,}: lower `repeat` "
            f"or --bench-repeat, name fewer models or files, or allow it with --bench-max-runs {self.asked_runs}"
        )


def _have_same_answers(one: Model, other: Model) -> bool:
    """Whether the store takes them for one model."""
    return one.asks == other.asks and one.params == other.params and one.query == other.query


def _listed(returned: object) -> Iterable[Any]:
    """What one `pytest_bench_graders` returned; `ConfigError` for what is no list."""
    if isinstance(returned, type) or not isinstance(returned, Iterable):
        rule = "give a list of Grader classes, such as [Polite]"
        raise ConfigError(f"pytest_bench_graders returned {quote(returned)}: {rule}")
    return returned


def _tools(found: Iterable[object]) -> dict[str, Callable[..., object]]:
    """All that `pytest_bench_tools` returned; `ConfigError` for what is no mapping of functions."""
    tools: dict[str, Callable[..., object]] = {}
    for some in found:
        if not isinstance(some, Mapping) or not all(isinstance(name, str) and callable(some[name]) for name in some):
            rule = 'give functions by the names of tools, such as {"get_weather": get_weather}'
            raise ConfigError(f"pytest_bench_tools returned {quote(some)}: {rule}")
        tools.update(some)
    return tools


def left_out_line(count: int) -> str:
    """What became of YAML files that hold no scenarios, and what to do where one of them should."""
    files, them = ("1 YAML file", "it") if count == 1 else (f"{count} YAML files", "them")
    return f"bench: left out {files} without a key of a scenario file; name {them} to see why, or set bench_files"
