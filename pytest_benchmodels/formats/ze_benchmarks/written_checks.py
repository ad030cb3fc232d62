"""The checks that keys of ze-benchmarks stand for, as an author of ours would write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pytest_benchmodels.formats.document import Document, Lines, LoadOptions, Steps
from pytest_benchmodels.formats.ze_benchmarks.keys import ZeFile, ZeHeuristic

__all__ = ["ZeChecks"]

_KINDS = ("install", "test", "lint", "typecheck")
_COMMAND_S = 600
_HEURISTICS = "heuristic_checks: "
_WEIGHT = re.compile(r"\s*\((?:weight:?\s*)?(\d+(?:\.\d+)?)\s*%\)", re.IGNORECASE)
_ALL_ALIKE = 1.0
_ROUTER = "openrouter/"

_Written = tuple[dict[str, Any], Steps]


class ZeChecks:
    """The checks of one file. In the original's way of scoring, `test` does not run and `no_...` is just a name."""

    def __init__(self, file: ZeFile, context: str, options: LoadOptions) -> None:
        self._file = file
        self._context = context
        self._original = options.ze_original
        self._network = options.ze_network
        judge = options.graders.get("judge")
        self._has_judge = bool(getattr(judge, "default_model", None))
        self._categories = [_category(text, is_equal=self._original) for text in file.llm_judge.categories]

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the judge's categories."""
        return tuple(each["name"] for each in self._categories)

    @property
    def has_install(self) -> bool:
        """Whether there is a command that installs."""
        return self._validates and bool(self._file.validation.commands.install)

    @property
    def inverted(self) -> frozenset[str]:
        """The checks that pass here where the original fails them."""
        if self._original or not self._file.heuristic_checks.enabled:
            return frozenset()
        names = [entry.name for entry in self._file.heuristic_checks.patterns if _forbids(entry)]
        return frozenset(f"{_HEURISTICS}{name}" for name in names)

    @property
    def needs_workspace(self) -> bool:
        """Whether there is more than a judge."""
        return any("judge" not in check for check, _ in self._all())

    def written(self, source: Document, lines: Lines) -> list[dict[str, Any]]:
        """All of them; `lines` takes where they come from."""
        found = list(self._all())
        checks = [check for check, _ in found]
        for check, steps in found:
            lines[id(check)] = dict.fromkeys(check, source.line(steps))
        lines[id(checks)] = [source.line(steps) for _, steps in found]
        return checks

    @property
    def _validates(self) -> bool:
        return self._file.validation.required and not self._file.artifact

    def _all(self) -> Iterator[_Written]:
        if self._validates:
            yield from self._commands()
        if self._file.heuristic_checks.enabled:
            yield from self._heuristics()
        if self._file.llm_judge.enabled and self._categories:
            yield self._judge()

    def _commands(self) -> Iterator[_Written]:
        for kind in _KINDS:
            command = getattr(self._file.validation.commands, kind)
            if command and not (self._original and kind == "test"):
                check = {"command": command, "name": kind, "timeout": _COMMAND_S, "network": self._network}
                yield check, ("validation", "commands", kind)

    def _heuristics(self) -> Iterator[_Written]:
        given = self._file.heuristic_checks
        for kind in ("commands", "files", "patterns", "structured", "scripts"):
            for index, entry in enumerate(getattr(given, kind)):
                named = {"name": f"{_HEURISTICS}{entry.name}", "weight": entry.weight}
                yield {**self._heuristic(kind, entry), **named}, ("heuristic_checks", kind, index)

    def _heuristic(self, kind: str, entry: ZeHeuristic) -> dict[str, Any]:
        if kind == "commands":
            return {"command": entry.command, "timeout": _COMMAND_S, "network": self._network}
        if kind == "files":  # a folder will do
            return {"command": ["test", "-e", entry.path or entry.file]}
        if kind == "patterns":
            check = {"pattern": entry.pattern, "files": entry.file}
            return {**check, "not": True} if _forbids(entry) and not self._original else check
        if kind == "structured":
            wanted = {"json_path": entry.json_path, "section_header": entry.section_header}
            return {"file": entry.file or entry.path, **{key: value for key, value in wanted.items() if value}}
        args = [arg.replace("${workspace}", ".") for arg in entry.args]
        return {"command": [entry.script, *args], "timeout": _COMMAND_S, "network": self._network}

    def _judge(self) -> _Written:
        check: dict[str, Any] = {
            "judge": f"{self._context}\n\nScore how well this was done.".strip(),
            "categories": self._categories,
            "name": "llm_judge",
        }
        given = self._file.llm_judge
        wanted = {"temperature": given.temperature, "max_tokens": given.max_tokens}
        if not self._original:  # whose code has them from its environment
            check["params"] = {key: value for key, value in wanted.items() if value is not None}
        model = given.model
        if model and not self._has_judge:
            check["model"] = f"{_ROUTER}{model}"
        return check, ("llm_judge",)


def _forbids(entry: ZeHeuristic) -> bool:
    """Whether its name says that what it looks for must not be there."""
    return entry.name.lower().startswith("no_")


def _category(text: str, *, is_equal: bool) -> dict[str, Any]:
    """`Style (Weight: 35%): clean` as a category; without a weight in the text all count the same."""
    head, _, description = text.partition(":") if _WEIGHT.search(text) is None else _split(text)
    weight = None if is_equal else _WEIGHT.search(text)
    share = float(weight[1]) if weight is not None else 0.0
    return {"name": head.strip() or text.strip(), "description": description.strip(), "weight": share or _ALL_ALIKE}


def _split(text: str) -> tuple[str, str, str]:
    match = _WEIGHT.search(text)
    assert match is not None  # noqa: S101 - the caller looked
    rest = text[match.end() :]
    return text[: match.start()], ":", rest.lstrip(" :")
