"""The native format as an author writes it: what msgspec checks and what the JSON Schema shows."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = ["Authored", "Dataset", "Defaults", "Entry", "ScenarioFile", "Spoken", "Written", "or_else"]

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
Delimiter = Annotated[str, Meta(pattern=r'^[^"\r\n\x00]$')]
Target = Annotated[str | int | float | bool, Meta(description="The right answer, for graders and templates.")]


class _Model(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What all models of the format share."""


class Spoken(_Model):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Messages = Annotated[list[Spoken], Meta(min_length=1, description="The messages of one request, in order.")]
Prompt = Annotated[Written, Meta(description="Short for one message of the user.")]


class Entry(_Model):
    """One turn of a conversation: what is sent, and what its answer has to satisfy."""

    prompt: Prompt | UnsetType = UNSET
    messages: Messages | UnsetType = UNSET
    checks: Checks | UnsetType = UNSET


class Dataset(_Model):
    """Records of a JSONL, JSON or CSV file; each makes a scenario, its fields are template names."""

    file: Annotated[Written, Meta(description="Beside the scenario file, in its folder or below.")]
    limit: Annotated[int, Meta(ge=1, description="Only the file's first records.")] | UnsetType = UNSET
    sample: Annotated[int, Meta(ge=1, description="So many records, drawn by `seed`.")] | UnsetType = UNSET
    seed: Annotated[int, Meta(description="Another seed draws another sample.")] = 0
    records: Annotated[Written, Meta(description="The key of a JSON file that holds the records.")] | UnsetType = UNSET
    delimiter: Annotated[Delimiter, Meta(description="What parts a CSV file's columns.")] | UnsetType = UNSET
    id: Annotated[Written, Meta(description="Template of the scenarios' ids.")] | UnsetType = UNSET


class Defaults(_Model):
    """What holds for each scenario of the file that does not say otherwise."""

    system: Annotated[str, Meta(description="System message, sent first.")] | UnsetType = UNSET
    models: Models | UnsetType = UNSET
    params: Annotated[dict[str, Any], Meta(description="Sent along with each request.")] | UnsetType = UNSET
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
