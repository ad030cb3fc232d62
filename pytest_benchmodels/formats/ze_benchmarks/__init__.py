"""The suites of ze-benchmarks: `SUITE/scenarios/NAME/scenario.yaml`, with prompts in `SUITE/prompts/NAME/`.

Each prompt is a tier, and a scenario of ours, which is made as one of the native format is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.workspace import WorkspaceSpec
from pytest_benchmodels.formats.document import Document, LoadOptions, Problems
from pytest_benchmodels.formats.native import NATIVE
from pytest_benchmodels.formats.ze_benchmarks.entries import Translation
from pytest_benchmodels.formats.ze_benchmarks.keys import look_at_keys, read_file

__all__ = ["ZE", "ZeFormat"]

_NAMES = ("scenario.yaml", "scenario.yml")
_OF_OURS = frozenset({"prompt", "messages", "turns", "scenarios", "checks"})
_LEFT_OUT = ("README.md",)


class ZeFormat:
    """Recognised by where a file lies, and by its `suite`."""

    def recognises(self, document: Document) -> bool:
        """Whether it is a scenario.yaml in a folder of `scenarios`, with a `suite` and none of our own keys."""
        path, value = document.path, document.value
        is_there = path.name in _NAMES and path.absolute().parent.parent.name == "scenarios"
        return is_there and isinstance(value, dict) and "suite" in value and not _OF_OURS & value.keys()

    def scenarios(self, document: Document, options: LoadOptions) -> Iterable[Scenario]:
        """One for each tier. Raises `ScenarioFileError` with all problems of the file."""
        problems = Problems(document)
        look_at_keys(document, problems, options.note)
        file = read_file(document, problems)
        translation = Translation(document, file, problems, options)
        entries = translation.document()
        problems.raise_any()
        scoring, fault = translation.scoring(), translation.fault
        made = NATIVE.scenarios(entries, options)
        models = options.ze_use.models if options.ze_use else ()
        return tuple(
            replace(each, scoring=scoring, fault=fault, models=models, workspace=_without_readme(each)) for each in made
        )


def _without_readme(scenario: Scenario) -> WorkspaceSpec | None:
    """The workspace without what describes the fixture, which the harness leaves out as well."""
    return scenario.workspace and replace(scenario.workspace, left_out=_LEFT_OUT)


ZE = ZeFormat()
