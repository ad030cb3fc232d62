"""What an author may write in a scenario file: its keys, their rules, and the JSON Schema that tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pytest_benchmodels.core.builtin_tools import ASK_USER, WORKSPACE_TOOLS
from pytest_benchmodels.core.scenario import Extraction, Grader, param_remedy
from pytest_benchmodels.core.text import quote

__all__ = [
    "TOOL_NAME",
    "Authored",
    "ContentPart",
    "Dataset",
    "Defaults",
    "Entry",
    "ScenarioFile",
    "Spoken",
    "ToolEntries",
    "ToolEntry",
    "Written",
    "id_fault",
    "model_fault",
    "or_else",
    "param_fault",
    "schema",
    "tag_fault",
]

T = TypeVar("T")


def _refer(name: str) -> Meta:
    """Say in the schema what a value of any type has to be; the loader reads it in a step of its own."""
    return Meta(extra_json_schema={"$ref": f"#/$defs/{name}"})


Written = Annotated[str, Meta(min_length=1)]
Checks = Annotated[
    list[Annotated[Any, _refer("Check")]],
    Meta(description="What the answer has to satisfy; each check gives a score from 0 to 1."),
]
Seconds = Annotated[float, Meta(ge=0, description="Limit of one run in seconds; 0 for no limit.")]
Threshold = Annotated[
    float,
    Meta(
        ge=0,
        le=1,
        description="Least weighted mean of the checks' scores that passes; without it each check has to pass.",
    ),
]
Repeat = Annotated[int, Meta(ge=1, le=10_000, description="How many trials each model gets.")]
ModelName = Annotated[str, Meta(min_length=1, extra_json_schema={"pattern": r"^[^\[\]\s]+$"})]
Models = Annotated[list[ModelName], Meta(min_length=1, description="`provider/name` or an alias of bench.toml.")]
Tag = Annotated[str, Meta(extra_json_schema={"pattern": r"^[A-Za-z][\w.-]*$"})]
Tags = Annotated[list[Tag], Meta(description="pytest markers, for `-m`.")]
Reason = Annotated[bool | str, Meta(description="true, or the reason.")]
Identifier = Annotated[
    str,
    Meta(
        min_length=1,
        description="Names the scenario in its file and in node ids.",
        extra_json_schema={"pattern": r"^(?!.*::)[^\[\]\x00-\x1f\x7f]+$"},
    ),
]
Delimiter = Annotated[
    str, Meta(pattern=r'^[^"\r\n\x00]$', extra={"rule": "one character, and neither a quote nor the end of a line"})
]
Target = Annotated[str | int | float | bool, Meta(description="The right answer, for graders and templates.")]


ResponseFormat = Annotated[
    Literal["json", "text"] | dict[str, Any],
    Meta(description="The API is to see to it: `json`, a JSON Schema that the answer has to fit, or `text`."),
]


class _Model(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What all models of the format share."""


class ContentPart(_Model):
    """A part of a message: one of the three."""

    text: Written | UnsetType = UNSET
    image: Annotated[Written, Meta(description="A PNG, JPEG, WebP or GIF file, or a data URL.")] | UnsetType = UNSET
    file: Annotated[Written, Meta(description="A PDF or text file.")] | UnsetType = UNSET


Thinking = Annotated[
    Literal["strip", "keep"],
    Meta(description="Whether checks see what was thought: `keep` puts it in front of the answer, in <think> tags."),
]
Parts = Annotated[list[ContentPart], Meta(min_length=1, description="Texts, images and files.")]


class Spoken(_Model):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Written | Parts


Messages = Annotated[list[Spoken], Meta(min_length=1, description="The messages of one request, in order.")]
Prompt = Annotated[Written | Parts, Meta(description="Short for one message of the user.")]


class Entry(_Model):
    """One turn of a conversation: what is sent, and what its answer has to satisfy."""

    prompt: Prompt | UnsetType = UNSET
    messages: Messages | UnsetType = UNSET
    checks: Checks | UnsetType = UNSET


TOOL_NAME = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
"""What all APIs take for the name of a tool."""
TOOL_NAME_RULE = "made of letters, digits, _ and -, a letter or _ first, and 64 at most"
"""The same in words."""


class ToolEntry(_Model):
    """A tool that the model may call, and what it gives back; or those of an MCP server."""

    name: (
        Annotated[
            str,
            Meta(
                pattern=TOOL_NAME,
                extra={"rule": TOOL_NAME_RULE},
                extra_json_schema={"not": {"enum": ["auto", "none", "required"]}},
            ),
        ]
        | UnsetType
    ) = UNSET
    mcp: Annotated[Written, Meta(description="An MCP server of bench.toml: [mcp.NAME].")] | UnsetType = UNSET
    only: (
        Annotated[list[Written], Meta(min_length=1, description="Which of the server's tools there are.")] | UnsetType
    ) = UNSET
    description: Annotated[str, Meta(description="What the model is told of it.")] = ""
    parameters: Annotated[dict[str, Any], Meta(description="JSON Schema of its arguments.")] = {}
    results: (
        Annotated[
            Any,
            Meta(
                description="A result for any call; a list of results, given in turn, the last again and again; "
                "or `{arguments, result}`, for calls that have at least these arguments. `{error: ...}` is a failure."
            ),
        ]
        | UnsetType
    ) = UNSET


BuiltIn = Annotated[
    str, Meta(description="A tool that is built in.", extra_json_schema={"enum": [*WORKSPACE_TOOLS, ASK_USER.name]})
]
ToolEntries = Sequence[ToolEntry | str]
"""`tools` as the author wrote them; a text is the name of one that is built in."""
Tools = Annotated[list[ToolEntry | BuiltIn], Meta(description="Tools that the model may call.")]


class Dataset(_Model):
    """Records of a JSONL, JSON or CSV file; each makes a scenario, its fields are template names."""

    file: Annotated[Written, Meta(description="Beside the scenario file, in its folder or below.")]
    limit: Annotated[int, Meta(ge=1, description="Only the file's first records.")] | UnsetType = UNSET
    sample: Annotated[int, Meta(ge=1, description="So many records, drawn by `seed`.")] | UnsetType = UNSET
    seed: Annotated[int, Meta(description="Another seed draws another sample.")] = 0
    records: Annotated[Written, Meta(description="The key of a JSON file that holds the records.")] | UnsetType = UNSET
    delimiter: Annotated[Delimiter, Meta(description="What parts a CSV file's columns.")] | UnsetType = UNSET
    id: Annotated[Written, Meta(description="Template of the scenarios' ids.")] | UnsetType = UNSET


Folder = Annotated[Written, Meta(description="A folder beside the file; each run works in a copy of it.")]
Files = Annotated[dict[str, str], Meta(description="Texts that are written into the workspace, by their paths.")]
Setup = Annotated[list[Written] | Written, Meta(description="Commands that run in it before the model is asked.")]
Questions = Annotated[
    Written | dict[str, Any],
    Meta(
        description="What the model is told that asks its user: answers by their questions, a file of such, "
        "or `{model, brief}`, a model that plays the user."
    ),
]


Steps = Annotated[
    int, Meta(ge=1, le=1000, description="How many answers a turn has at most: 10, or 50 in a workspace.")
]


class Defaults(_Model):
    """What holds for each scenario of the file that does not say otherwise."""

    system: Annotated[str, Meta(description="System message, sent first.")] | UnsetType = UNSET
    models: Models | UnsetType = UNSET
    params: Annotated[dict[str, Any], Meta(description="Sent along with each request.")] | UnsetType = UNSET
    response_format: ResponseFormat | UnsetType = UNSET
    thinking: Thinking | UnsetType = UNSET
    vars: Annotated[dict[str, Any], Meta(description="Names for templates.")] | UnsetType = UNSET
    dataset: Written | Dataset | UnsetType = UNSET
    target: Target | UnsetType = UNSET
    checks: Checks | UnsetType = UNSET
    threshold: Threshold | UnsetType = UNSET
    timeout: Seconds | UnsetType = UNSET
    repeat: Repeat | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    skip: Reason | UnsetType = UNSET
    xfail: Reason | UnsetType = UNSET
    metadata: Annotated[dict[str, Any], Meta(description="Kept with the results.")] | UnsetType = UNSET
    tools: Tools | UnsetType = UNSET
    tool_choice: Annotated[str, Meta(description="`auto`, `none`, `required`, or the name of a tool.")] | UnsetType = (
        UNSET
    )
    max_steps: Steps | UnsetType = UNSET
    workspace: Folder | UnsetType = UNSET
    files: Files | UnsetType = UNSET
    setup: Setup | UnsetType = UNSET
    oracle: Questions | UnsetType = UNSET


class Authored(Defaults):
    """One scenario."""

    id: Identifier | UnsetType = UNSET
    prompt: Prompt | UnsetType = UNSET
    messages: Messages | UnsetType = UNSET
    turns: (
        Annotated[list[Written | Entry], Meta(min_length=1, description="Requests that follow each other.")] | UnsetType
    ) = UNSET


class ScenarioFile(_Model):
    """A file of many scenarios. Each is read on its own, so that one that does not fit hides no other."""

    scenarios: Annotated[list[Annotated[Any, _refer("Scenario")]], Meta(min_length=1)] | UnsetType = UNSET
    defaults: Annotated[dict[str, Any], _refer("Defaults")] | UnsetType = UNSET


def or_else(value: T | UnsetType, otherwise: T) -> T:
    """The value, or what stands in where the author wrote none."""
    return otherwise if isinstance(value, UnsetType) else value


_TAG = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_SETTINGS = "pytest gives it a meaning of its own"
_RESERVED_TAGS = {
    "skip": "write `skip:` in the scenario",
    "skipif": "write `skip:` in the scenario",
    "xfail": "write `xfail:` in the scenario",
    "timeout": "write `timeout:` in the scenario",
    **dict.fromkeys(("parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast", "xdist_group"), _SETTINGS),
    **dict.fromkeys(("and", "or", "not", "None", "True", "False"), "no -m expression could name it"),
}
_RESERVED_PARAMS = {
    **dict.fromkeys(
        ("api_base", "api_key", "base_url", "default_query", "extra_headers", "extra_query", "headers", "query"),
        "it belongs into bench.toml",
    ),
    "model": "write `models:` in the scenario",
    "messages": "write `messages:` in the scenario",
    "n": "of several answers the first would count and all be paid; write `repeat:` in the scenario",
    "stream": "write stream = true in the model's table of bench.toml",
    "tools": "write `tools:` in the scenario; tools of the provider's own go into the model's params in bench.toml",
    "tool_choice": "write `tool_choice:` in the scenario",
}


def id_fault(name: str) -> str | None:
    """A scenario's id stands in node ids, which end at `::` and at brackets."""
    wrong = next((part for part in ("[", "]", "::") if part in name), None)
    if wrong is not None:
        return f"id {quote(name)} holds {wrong!r}, which node ids need for themselves: leave it out"
    if not name.isprintable() or name != name.strip() or not name:
        return f"id {quote(name)} has to be printable text without spaces around it"
    return None


def tag_fault(tag: str) -> str | None:
    """A tag becomes a marker of pytest."""
    if not _TAG.fullmatch(tag):
        return f"tag {quote(tag)} is no marker name: use letters, digits, '_', '-' and '.', a letter first"
    if tag in _RESERVED_TAGS:
        return f"tag {tag!r} is reserved: {_RESERVED_TAGS[tag]}"
    return None


def model_fault(model: str) -> str | None:
    """A model's name stands in brackets at the end of node ids."""
    if not model.isprintable() or re.search(r"[\[\]\s]", model):
        return f"model {quote(model)} holds brackets, spaces or control characters: write `provider/name` or an alias"
    return None


def param_fault(name: str, value: object) -> str | None:
    """A parameter is sent along with a request; it must not change whom that goes to, or what is asked.

    Those that each API gets in a form of its own have to be what that form is made of.
    """
    if name in _RESERVED_PARAMS:
        return f"params cannot set {name!r}: {_RESERVED_PARAMS[name]}"
    remedy = param_remedy(name, value)
    return remedy and f"{name} {quote(value)}: {remedy}"


_REF = "#/$defs/{name}"
_EXTRACT = "extract"
_COMMON: dict[str, Any] = {
    "weight": {"type": "number", "minimum": 0, "default": 1, "description": "Its part in the weighted mean."},
    "not": {"type": "boolean", "default": False, "description": "Ask for the opposite."},
    "name": {"type": "string", "description": "What reports call it."},
}
_PLACEHOLDER = {"type": "string", "pattern": r"^\{\{.*\}\}$"}
_OPENINGS = ("prompt", "messages", "turns")


def schema(graders: Mapping[str, type[Grader]], extraction: type[Extraction] | None = None) -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario file whose checks are these, and of whose `extract` this is a step.

    It is for editors: the loader refuses a few things more (a second use of an id, names without a value).
    """
    _, models = msgspec.json.schema_components([ScenarioFile, Authored, Defaults], ref_template=_REF)
    scenario, file = models["Authored"], models["ScenarioFile"]
    scenario["oneOf"] = [{"required": [key]} for key in _OPENINGS]
    models["Entry"]["oneOf"] = [{"required": [key]} for key in _OPENINGS[:-1]]
    file["required"] = ["scenarios"]
    models["ToolEntry"]["oneOf"] = [{"required": [key]} for key in ("name", "mcp")]
    for top in (scenario, file):
        top["properties"]["$schema"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario file of pytest-benchmodels",
        "anyOf": [{"$ref": _REF.format(name=name)} for name in ("ScenarioFile", "Authored")],
        "$defs": {
            **models,
            "Scenario": {"$ref": _REF.format(name="Authored"), "required": ["id"]},
            **_checks(graders, extraction),
        },
    }


def _checks(graders: Mapping[str, type[Grader]], extraction: type[Extraction] | None) -> dict[str, Any]:
    definitions: dict[str, Any] = {} if extraction is None else _extract(extraction)
    common = _COMMON if extraction is None else {**_COMMON, _EXTRACT: {"$ref": _REF.format(name=_EXTRACT)}}
    branches: list[dict[str, Any]] = []
    bare: list[str] = []
    for name, grader in sorted(graders.items()):
        _, components = msgspec.json.schema_components([grader], ref_template=_REF)
        own = components.pop(grader.__name__)
        definitions |= components
        definitions[f"check:{name}"] = _check(name, own, common)
        branches.append({"$ref": _REF.format(name=f"check:{name}")})
        if name not in own["required"]:
            bare.append(name)
    if bare:
        branches.append({"enum": bare})
    return {"Check": {"anyOf": branches}, **definitions}


def _extract(extraction: type[Extraction]) -> dict[str, Any]:
    """One step, written as a mapping or by its name alone, or a list of steps."""
    _, components = msgspec.json.schema_components([extraction], ref_template=_REF)
    step = {"anyOf": [{"$ref": _REF.format(name=extraction.__name__)}, {"type": "string"}]}
    told = "What is taken out of the answer before it is judged."
    whole = {"anyOf": [*step["anyOf"], {"type": "array", "minItems": 1, "items": step}], "description": told}
    return {**components, _EXTRACT: whole}


def _check(name: str, own: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """One branch: the check's value and options, and what may stand beside any check."""
    parts = {**own["properties"], **common}
    if _EXTRACT in own["properties"] and _EXTRACT in common:  # `json` has one of its own: true or false
        parts[_EXTRACT] = {"anyOf": [own["properties"][_EXTRACT], common[_EXTRACT]]}
    properties = {key: _or_placeholder(part) for key, part in parts.items()}
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
