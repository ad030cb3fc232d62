"""Templates of ze-benchmarks on the command line: the scenario files of their suites are run in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_benchmodels.core.errors import ConfigError, ScenarioFileError
from pytest_benchmodels.core.run import file_of
from pytest_benchmodels.core.text import harmless, quote
from pytest_benchmodels.formats.document import SuiteUse

__all__ = ["Templates"]

_MAY_BE = (".json5", ".jsonc", ".json")
_NO_SUITES = (
    "this template names no suites, and its project has none: put them into suites/ beside or above it, or name them "
    "themselves: pytest --bench suites/NAME"
)
_NO_RUN = "a template has no runs of its own: name the template and pick runs by -k, or name the scenario file's"


class Templates:
    """Knows how the templates of the command line have files run."""

    def __init__(self) -> None:
        self._uses: dict[Path, tuple[SuiteUse, str]] = {}

    def use_of(self, path: Path) -> SuiteUse | None:
        """What a template says of a scenario file; None for a file of no template."""
        found = self._uses.get(path)
        return found and found[0]

    def expanded(self, arguments: Iterable[str], folder: Path, is_own: Callable[[Path], bool]) -> list[str]:
        """The arguments, with files in the place of templates; relative paths begin in `folder`.

        `is_own` tells of a file that a reader of the user's reads. Raises `ConfigError`.
        """
        found: list[str] = []
        for argument in arguments:
            path = folder / file_of(argument)
            if path.suffix.lower() not in _MAY_BE or not path.is_file() or is_own(path):
                found.append(argument)
            else:
                found += self._files(argument, path)
        return found

    def _files(self, argument: str, path: Path) -> Iterable[str]:
        from pytest_benchmodels.formats.ze_benchmarks.template import (  # noqa: PLC0415 - few sessions have any
            is_template,
            read_template,
        )

        if not is_template(path):
            return [argument]
        shown = harmless(file_of(argument))
        if file_of(argument) != argument:
            raise ConfigError(f"{harmless(argument)}: {_NO_RUN}")
        try:
            template = read_template(path, shown)
        except ScenarioFileError as error:
            raise ConfigError(str(error)) from None
        if not template.uses:
            raise ConfigError(f"{shown}:1: {_NO_SUITES}")
        for file, use in template.uses.items():
            known, other = self._uses.setdefault(file, (use, shown))
            if known != use:
                both = f"{quote(other)} and {quote(shown)}"
                raise ConfigError(f"{both} have {quote(file.parent.name)} run in two ways: run them one by one")
        return list(map(str, template.uses))
