"""Every key of a scenario.yaml of ze-benchmarks: what becomes of it, and the form of those that are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.document import Document, Problems, Steps
from pytest_benchmodels.formats.drafts import fitted

__all__ = ["KEYS", "ZeFile", "ZeHeuristic", "agent_script", "kept", "look_at_keys", "read_file"]

_SCRIPT = "sim_agent"
SUPPORTED, METADATA, REFUSED = "supported", "metadata", "refused"

KEYS: Mapping[str, str] = {
    **dict.fromkeys(("id", "suite", "title", "description", "timeout_minutes", "tags", "reference_path"), SUPPORTED),
    **dict.fromkeys(("llm_judge.enabled", "llm_judge.model", "llm_judge.categories"), SUPPORTED),
    **dict.fromkeys(("llm_judge.temperature", "llm_judge.max_tokens"), SUPPORTED),
    **dict.fromkeys((f"validation.commands.{name}" for name in ("install", "test", "lint", "typecheck")), SUPPORTED),
    **dict.fromkeys(("validation.required", "workspace.required", "oracle.answers_file"), SUPPORTED),
    **dict.fromkeys(("rubric_overrides.weights.*", "constraints.*", "targets.*", "artifact.*"), SUPPORTED),
    **dict.fromkeys(("heuristic_checks.*", "sim_agent"), SUPPORTED),
    **dict.fromkeys((f"workspace.{name}" for name in ("node", "manager", "managers_allowed", "workspaces")), METADATA),
    **dict.fromkeys(("baseline.*", "difficulty", "estimated_time", "hints", "success_criteria"), METADATA),
    **dict.fromkeys(("fixtures.*", "validation.commands.*"), METADATA),
    "warmup": REFUSED,
    "warmup.*": REFUSED,
}
"""What becomes of each key; the first pattern that fits holds. `metadata`: it is kept, and changes nothing."""

_GROUPS = frozenset(key.partition(".")[0] for key in KEYS if "." in key) - {"warmup"}
_WARMUP = "warmup is not supported: it would run before the workspace is there; write its commands into the fixture"

_Weight = Annotated[float, msgspec.Meta(ge=0)]


class _Commands(msgspec.Struct, frozen=True):
    install: str = ""
    test: str = ""
    lint: str = ""
    typecheck: str = ""


class _Validation(msgspec.Struct, frozen=True):
    commands: _Commands = _Commands()
    required: bool = True


class _Judge(msgspec.Struct, frozen=True):
    enabled: bool = False
    model: str = ""
    temperature: Annotated[float, msgspec.Meta(ge=0)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    categories: list[str] = []


class ZeHeuristic(msgspec.Struct, frozen=True):
    """An entry of `heuristic_checks`; which keys it needs depends on its list."""

    name: str
    command: str = ""
    path: str = ""
    file: str = ""
    pattern: str = ""
    json_path: str = ""
    section_header: str = ""
    script: str = ""
    args: list[str] = []
    weight: _Weight = 1.0


class _Heuristics(msgspec.Struct, frozen=True):
    enabled: bool = True
    commands: list[ZeHeuristic] = []
    files: list[ZeHeuristic] = []
    patterns: list[ZeHeuristic] = []
    structured: list[ZeHeuristic] = []
    scripts: list[ZeHeuristic] = []


class _Workspace(msgspec.Struct, frozen=True):
    required: bool = True


class _Oracle(msgspec.Struct, frozen=True):
    answers_file: str = ""


class _Rubric(msgspec.Struct, frozen=True):
    weights: dict[str, _Weight] = {}


class ZeFile(msgspec.Struct, frozen=True):
    """What is used of a scenario.yaml. Keys that are not here stay in the document."""

    id: str
    suite: str
    title: str = ""
    description: str = ""
    timeout_minutes: Annotated[float, msgspec.Meta(gt=0)] | None = None
    tags: list[str] = []
    reference_path: str = ""
    llm_judge: _Judge = _Judge()
    validation: _Validation = _Validation()
    heuristic_checks: _Heuristics = _Heuristics(enabled=False)
    workspace: _Workspace = _Workspace()
    oracle: _Oracle = _Oracle()
    rubric_overrides: _Rubric = _Rubric()
    constraints: dict[str, Any] = {}
    targets: dict[str, Any] = {}
    artifact: dict[str, Any] = {}


def read_file(document: Document, problems: Problems) -> ZeFile:
    """Fit the document; what does not is noted."""
    value = {key: part for key, part in _mapping(document).items() if key in ZeFile.__struct_fields__}
    for name in ("id", "suite"):
        if not isinstance(value.get(name), str):
            problems.add((name,), f"{name} has to be a text, got {quote(value.get(name))}")
            value[name] = "?"
    return fitted(value, ZeFile, (), problems, "this scenario")


def look_at_keys(document: Document, problems: Problems, note: Callable[[str], None]) -> None:
    """Refuse what cannot be done, and say once which keys change nothing."""
    value = _mapping(document)
    if "warmup" in value:
        problems.add(("warmup",), _WARMUP)
    for steps in _paths(value, ()):
        name = ".".join(map(str, steps))
        fate = _fate(name)
        if fate == METADATA:
            note(f"ze-benchmarks: {name} is kept as metadata: no code of the original reads it")
        elif not fate:
            note(f"ze-benchmarks: {name} is no key of the original; it is kept as metadata")


def kept(document: Document) -> dict[str, Any]:
    """The document's keys, as metadata."""
    return {key: part for key, part in _mapping(document).items() if key not in ("llm_judge", _SCRIPT)}


def agent_script(document: Document) -> dict[str, Any]:
    """What `sim/agent` is to do, where its metadata has that; empty where the file says nothing."""
    return {key: part for key, part in _mapping(document).items() if key == _SCRIPT}


def _mapping(document: Document) -> dict[str, Any]:
    return document.value if isinstance(document.value, dict) else {}


def _fate(name: str) -> str:
    return next((fate for pattern, fate in KEYS.items() if fnmatchcase(name, pattern)), "")


def _paths(value: object, steps: Steps) -> Iterator[Steps]:
    """The ways to the keys, as deep as the table names them."""
    if isinstance(value, dict) and value and len(steps) < 3 and (not steps or steps[0] in _GROUPS):
        for key, part in value.items():
            yield from _paths(part, (*steps, key))
    elif steps:
        yield steps
