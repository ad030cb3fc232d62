"""A scenario.yaml of ze-benchmarks as the entries of a file of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_benchmodels.core.scenario import Scoring
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.authored import tag_fault
from pytest_benchmodels.formats.document import Document, Lines, LoadOptions, MalformedError, Problems, SuiteUse
from pytest_benchmodels.formats.reading import content_of, decoded
from pytest_benchmodels.formats.ze_benchmarks.keys import ZeFile, agent_script, kept
from pytest_benchmodels.formats.ze_benchmarks.written_checks import ZeChecks

__all__ = ["FIXTURES", "Translation"]

_TIER = re.compile(r"(L[0-9x])(?:[-_.].*)?")
FIXTURES = ("repo-fixture", "repo")
_NO_FIXTURE = (
    "ze-benchmarks: no repo-fixture/ or repo/ beside scenario.yaml: the workspace is empty; put the fixture there, or "
    "write `workspace: {required: false}`"
)
_NO_CATEGORIES = (
    "llm_judge is enabled and has no categories: the judge is not told what to score, and the original counts it as 0. "
    'Write llm_judge.categories, or enabled: false; [ze] score = "original" in bench.toml scores it as the original'
)


class Translation:
    """One file on its way. Problems are noted with the lines of the file itself."""

    def __init__(self, document: Document, file: ZeFile, problems: Problems, options: LoadOptions) -> None:
        self._source = document
        self._file = file
        self._problems = problems
        self._options = options
        self._folder = document.path.absolute().parent
        self._checks = ZeChecks(file, self._context(), options)
        self._lines: Lines = {}

    @property
    def fault(self) -> str:
        """Why no run of the file can be judged."""
        judge = self._file.llm_judge
        return _NO_CATEGORIES if judge.enabled and not judge.categories and not self._options.ze_original else ""

    def scoring(self) -> Scoring | None:
        """How its verdicts become one score."""
        use = self._options.ze_use or SuiteUse()
        return self._options.ze_scoring and self._options.ze_scoring(
            original=self._options.ze_original,
            weights=self._file.rubric_overrides.weights,
            categories=self._checks.categories,
            inverted=self._checks.inverted,
            has_install=self._checks.has_install,
            models=use.weights,
            kind=use.kind,
            network=self._options.ze_network,
        )

    def document(self) -> Document:
        """A document of the native format, whose parts have the lines of what they were made of."""
        entries = [self._entry(tier, prompt) for tier, prompt in self._prompts()]
        self._lines[id(entries)] = [1] * len(entries)
        whole = {"scenarios": entries}
        self._lines[id(whole)] = {"scenarios": 1}
        source = self._source
        return Document(source.path, source.shown, "yaml", whole, self._lines, source.flaws)

    def _prompts(self) -> Iterator[tuple[str, Path]]:
        folder = self._folder.parent.parent / "prompts" / self._folder.name
        found = sorted(folder.glob("L*.md")) if folder.is_dir() else []
        tiers: dict[str, Path] = {}
        for path in found:
            match = _TIER.fullmatch(path.stem)
            if match is None:
                self._problems.add((), f"prompt {quote(path.name)} names no tier: begin it with L0 to L9, or Lx")
            elif match[1] in tiers:
                both = f"{quote(tiers[match[1]].name)} and {quote(path.name)}"
                self._problems.add((), f"prompts {both} are of one tier: keep one of them")
            else:
                tiers[match[1]] = path
        if not found:
            wanted = f"{self._folder.parent.parent.name}/prompts/{self._folder.name}/L1-basic.md"
            self._problems.add((), f"this scenario has no prompt: write one for each tier, as {wanted}")
        yield from tiers.items()

    def _entry(self, tier: str, prompt: Path) -> dict[str, Any]:
        file = self._file
        entry: dict[str, Any] = {
            "id": f"{self._folder.name}-{tier}",
            "prompt": self._text(prompt) + self._appendix(),
            "tags": [tier, *self._tags()],
            "metadata": {"ze": {**kept(self._source), "tier": tier}, **agent_script(self._source)},
            "checks": self._checks.written(self._source, self._lines),
            **self._workspace(),
        }
        if file.timeout_minutes is not None:
            entry["timeout"] = file.timeout_minutes * 60
        if file.oracle.answers_file and not file.artifact:
            entry["oracle"] = file.oracle.answers_file
        places = {"oracle": ("oracle", "answers_file"), "timeout": ("timeout_minutes",), "tags": ("tags",)}
        self._lines[id(entry)] = {key: self._source.line(places.get(key, ())) for key in entry}
        return entry

    def _text(self, prompt: Path) -> str:
        try:
            text = decoded(content_of(prompt))
        except MalformedError as error:
            self._problems.add((), f"prompt {quote(prompt.name)}, line {error.flaw.line}: {error.flaw.message}")
            return "?"
        if not text.strip():
            self._problems.add((), f"prompt {quote(prompt.name)} is empty: nothing would be sent")
        return text

    def _appendix(self) -> str:
        """What the original adds to the prompt of an artifact."""
        told = [f"- {name}: {value}" for name, value in self._file.artifact.items()]
        return "\n\n".join(("", "## Artifact Information", "\n".join(told))) if told else ""

    def _tags(self) -> Iterator[str]:
        """Tags that can be markers; all of them are in the metadata."""
        return (tag for tag in self._file.tags if tag_fault(tag) is None)

    def _workspace(self) -> dict[str, Any]:
        name = next((name for name in FIXTURES if (self._folder / name).is_dir()), None)
        if name is not None:
            return {"workspace": name}
        if self._file.artifact and not self._checks.needs_workspace:
            return {}
        if self._file.workspace.required and not self._file.artifact:
            self._options.note(_NO_FIXTURE)
        return {"files": {}}

    def _context(self) -> str:
        """What the judge is told beside the categories."""
        file = self._file
        parts = [file.title, file.description.strip()]
        for name, value in (("Constraints", file.constraints), ("Targets", file.targets)):
            if value:
                parts.append(f"{name}: {json.dumps(value, ensure_ascii=False, default=str)}")
        if file.reference_path:
            parts.append(f"Reference: {self._reference(file.reference_path)}")
        return "\n\n".join(part for part in parts if part)

    def _reference(self, written: str) -> str:
        """The text of the reference, which lies in the scenario's folder."""
        path = self._folder / written
        if not path.resolve().is_relative_to(self._folder.resolve()) or not path.is_file():
            rule = "is no file in the scenario's folder: put it there"
            self._problems.add(("reference_path",), f"reference_path {quote(written)} {rule}")
            return ""
        return self._text(path)
