"""The JSON Schema of the native format, from the models that the loader itself uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pytest_benchmodels.core.grading import Grader
from pytest_benchmodels.formats.authored import Authored, Defaults, ScenarioFile

__all__ = ["schema"]

_REF = "#/$defs/{name}"
_COMMON: dict[str, Any] = {
    "weight": {"type": "number", "minimum": 0, "default": 1, "description": "Its part in the weighted mean."},
    "not": {"type": "boolean", "default": False, "description": "Ask for the opposite."},
    "name": {"type": "string", "description": "What reports call it."},
}
_PLACEHOLDER = {"type": "string", "pattern": r"^\{\{.*\}\}$"}
_OPENINGS = ("prompt", "messages", "turns")


def schema(graders: Mapping[str, type[Grader]]) -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario file whose checks are these.

    It is for editors: the loader refuses a few things more (a second use of an id, names without a value).
    """
    _, models = msgspec.json.schema_components([ScenarioFile, Authored, Defaults], ref_template=_REF)
    scenario, file = models["Authored"], models["ScenarioFile"]
    scenario["oneOf"] = [{"required": [key]} for key in _OPENINGS]
    models["Entry"]["oneOf"] = [{"required": [key]} for key in _OPENINGS[:-1]]
    file["required"] = ["scenarios"]
    for top in (scenario, file):
        top["properties"]["$schema"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario file of pytest-benchmodels",
        "anyOf": [{"$ref": _REF.format(name=name)} for name in ("ScenarioFile", "Authored")],
        "$defs": {
            **models,
            "Scenario": {"$ref": _REF.format(name="Authored"), "required": ["id"]},
            **_checks(graders),
        },
    }


def _checks(graders: Mapping[str, type[Grader]]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    branches: list[dict[str, Any]] = []
    bare: list[str] = []
    for name, grader in sorted(graders.items()):
        _, components = msgspec.json.schema_components([grader], ref_template=_REF)
        own = components.pop(grader.__name__)
        definitions |= components
        definitions[f"check:{name}"] = _check(name, own)
        branches.append({"$ref": _REF.format(name=f"check:{name}")})
        if name not in own["required"]:
            bare.append(name)
    if bare:
        branches.append({"enum": bare})
    return {"Check": {"anyOf": branches}, **definitions}


def _check(name: str, own: dict[str, Any]) -> dict[str, Any]:
    """One branch: the check's value and options, and what may stand beside any check."""
    properties = {key: _or_placeholder(part) for key, part in {**own["properties"], **_COMMON}.items()}
    description = " ".join(own.get("description", "").split())
    return {
        **own,
        "title": name,
        "description": description,
        "properties": properties,
        "required": sorted({name, *own["required"]}),
    }


def _or_placeholder(part: dict[str, Any]) -> dict[str, Any]:
    """A dataset's field may stand for any value; which kind it has shows only when it is filled in."""
    if not part or any(choice.get("type") == "string" for choice in part.get("anyOf", [part])):
        return part
    shown: dict[str, Any] = {key: part[key] for key in ("description", "default") if key in part}
    return {"anyOf": [part, _PLACEHOLDER], **shown}
