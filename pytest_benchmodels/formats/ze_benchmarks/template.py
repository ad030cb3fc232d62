"""Templates of ze-benchmarks: which suites are run, and with which models.

A template is JSON5, and may be based on another one by `from`. Objects of both are merged, lists and the rest are the
template's own where it has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.core.text import harmless, quote
from pytest_benchmodels.formats.builder import Builder
from pytest_benchmodels.formats.document import Document, MalformedError, Problems, SuiteUse
from pytest_benchmodels.formats.drafts import fitted
from pytest_benchmodels.formats.json_reader import read_json
from pytest_benchmodels.formats.reading import content_of, decoded
from pytest_benchmodels.formats.ze_benchmarks.json5_text import as_json

__all__ = ["Template", "is_template", "read_template"]

_SUFFIXES = (".json5", ".jsonc")
_TELLING = frozenset({"preferred_models", "benchmarks", "persona"})
_OF_SCENARIOS = frozenset({"scenarios", "prompt", "messages", "turns", "id"})
_SUITES, _PERSONAS = "suites", "personas"
_NAMES = ("scenario.yaml", "scenario.yml")

_Weight = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Name = Annotated[str, msgspec.Meta(min_length=1)]


class _Model(msgspec.Struct, frozen=True):
    model: _Name
    weight: _Weight | None = None
    benchmarks: dict[str, _Weight] = {}


class _Suite(msgspec.Struct, frozen=True):
    name: _Name
    path: str = ""
    type: str = ""


class _Benchmarks(msgspec.Struct, frozen=True):
    test_suites: list[_Suite] = []


class _File(msgspec.Struct, frozen=True):
    """What is used of a template. Its other keys change nothing."""

    preferred_models: list[_Model] = []
    benchmarks: _Benchmarks = _Benchmarks()
    base: str | None = msgspec.field(default=None, name="from")


@dataclass(frozen=True)
class Template:
    """`uses` are the scenario files of its suites, by their absolute paths; `shown` is how messages write its own."""

    shown: str
    uses: Mapping[Path, SuiteUse] = field(default_factory=dict)


def is_template(path: Path) -> bool:
    """Whether a file is one: by its suffix, a .json file by its keys."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    if path.suffix.lower() != ".json":
        return False
    try:
        value = msgspec.json.decode(content_of(path))
    except (MalformedError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(value, dict) and bool(_TELLING & value.keys()) and not _OF_SCENARIOS & value.keys()


def read_template(path: Path, shown: str) -> Template:
    """Read a template and what it is based on. Raises `ScenarioFileError` with the problems of the file that has them.

    Suites and personas are looked for in the nearest folder above it that has `suites/` or `personas/`.
    """
    path = path.absolute()
    root = next((folder for folder in path.parents if _is_root(folder)), path.parent)
    chain = list(_chain(path, shown, root))
    merged: dict[str, Any] = {}
    for document in reversed(chain):
        merged = _merge(merged, document.value)
    file = msgspec.convert(merged, _File)
    source = next((one for one in chain if _listed(one) is not None), chain[0])
    problems = Problems(source)
    uses = dict(_uses(file, root, problems))
    problems.raise_any()
    return Template(shown, uses)


def _is_root(folder: Path) -> bool:
    return (folder / _SUITES).is_dir() or (folder / _PERSONAS).is_dir()


def _chain(path: Path, shown: str, root: Path) -> Iterator[Document]:
    """The template, what it is based on, and so on; each was looked at."""
    seen: list[Path] = []
    while True:
        document = _read(path, shown)
        problems = Problems(document)
        file = _fitted(document, problems)
        seen.append(path.resolve())
        base = None if file.base is None else _base(file.base, path, root)
        if base is not None and (fault := _fault(base, root, seen)):
            problems.add(("from",), f"from: {quote(file.base)} {fault}")
        problems.raise_any()
        yield document
        if base is None:
            return
        shown = str(Path(shown).parent / Path(file.base or "")) if (file.base or "")[:1] != "@" else _under(base, root)
        path = base


def _under(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _base(written: str, path: Path, root: Path) -> Path:
    """`@scope/name` is a persona; anything else is a path from the file's own folder."""
    return root / _PERSONAS / f"{written}.json5" if written.startswith("@") else path.parent / written


def _fault(base: Path, root: Path, seen: list[Path]) -> str:
    try:
        real = base.resolve()
        if not real.is_relative_to(root.resolve()):
            return f"lies outside of the template's project {quote(root.name)}: put it there"
        if real in seen:
            return "leads back to a template that is based on this one: leave one `from` out"
        if not real.is_file():
            return "is no file: it is a path from this file's folder, or @scope/name for personas/@scope/name.json5"
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name that no file system takes
        return "cannot be looked up: give a path from this file's folder"
    return ""


def _read(path: Path, shown: str) -> Document:
    builder = Builder()
    try:
        read_json(as_json(decoded(content_of(path))), builder)
    except MalformedError as error:
        line, message = error.flaw
        raise ScenarioFileError([Problem(harmless(shown), line, harmless(message))]) from None
    return Document(path, shown, "json", builder.root, builder.lines, tuple(builder.flaws))


def _fitted(document: Document, problems: Problems) -> _File:
    if not isinstance(document.value, dict):
        problems.add((), f"a template is an object {{...}}, got {quote(document.value)}")
        return _File()
    known = {"preferred_models", "benchmarks", "from"}
    return fitted({key: part for key, part in document.value.items() if key in known}, _File, (), problems, "this file")


def _merge(base: Any, own: Any) -> Any:
    """No deeper than a file may be nested."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    return {**base, **{key: _merge(base.get(key), part) for key, part in own.items()}}


def _listed(document: Document) -> object:
    benchmarks = document.value.get("benchmarks") if isinstance(document.value, dict) else None
    return benchmarks.get("test_suites") if isinstance(benchmarks, dict) else None


def _uses(file: _File, root: Path, problems: Problems) -> Iterator[tuple[Path, SuiteUse]]:
    models = tuple(dict.fromkeys(one.model for one in file.preferred_models))
    has_weights = any(one.weight is not None or one.benchmarks for one in file.preferred_models)
    seen: set[Path] = set()
    # Templates of the original's own repository name none: whoever starts it does.
    for index, suite in enumerate(file.benchmarks.test_suites or _all_suites(root / _SUITES)):
        steps = ("benchmarks", "test_suites", index)
        folder = root / _SUITES / (suite.path or suite.name)
        files, fault = _files(folder, root / _SUITES)
        if not fault and folder.resolve() in seen:
            fault = "is named twice: keep one of them"
        if fault:
            problems.add(steps, f"suite {quote(suite.path or suite.name)} {fault}")
            continue
        seen.add(folder.resolve())
        for path in files:
            weights = {one.model: _weight(one, suite, path) for one in file.preferred_models} if has_weights else {}
            yield path, SuiteUse(models, weights, suite.type)


def _all_suites(suites: Path) -> list[_Suite]:
    """Those of the template's project that have scenarios."""
    return [_Suite(folder.name) for folder in sorted(suites.glob("*")) if _files(folder, suites)[0]]


def _files(folder: Path, suites: Path) -> tuple[list[Path], str]:
    """The scenario files of a suite, and why there are none."""
    try:
        if not folder.resolve().is_relative_to(suites.resolve()):
            return [], f"lies outside of {quote(suites.name)}: put it there"
        found = [path for name in _NAMES for path in folder.glob(f"scenarios/*/{name}")]
    except (OSError, RuntimeError, ValueError):
        return [], "is no name of a folder: give one below suites/"
    return sorted(found), "" if found else "has no scenarios: there is no suites/PATH/scenarios/NAME/scenario.yaml"


def _weight(model: _Model, suite: _Suite, path: Path) -> float:
    """The model's, times that of the suite by its name, else of the scenario by its folder's; 1 where there is none."""
    whole = 1.0 if model.weight is None else model.weight
    return whole * model.benchmarks.get(suite.name, model.benchmarks.get(path.parent.name, 1.0))
