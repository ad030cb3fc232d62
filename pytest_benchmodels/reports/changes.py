"""What else changed between two runs: lines for a reader, plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_benchmodels.core.changes import Aspect, Changes, Missing, Overlap, Served

from .units import one_line, plural

__all__ = ["change_lines", "changes_plain", "incomparable_lines"]

_SHOWN = 3
_NAME_LIMIT = 120
_TOLD: Mapping[Aspect, tuple[str, str]] = {
    "checks": ("is judged by other checks", "are judged by other checks"),
    "version": (
        "is judged by another version of the plugin's own checks",
        "are judged by another version of the plugin's own checks",
    ),
    "threshold": ("has another threshold", "have another threshold"),
    "prompt": ("has another prompt", "have another prompt"),
    "params": ("has other params", "have other params"),
    "model": ("asks for a model of another name", "ask for a model of another name"),
    "address": ("asks a model at another address", "ask a model at another address"),
    "timeout": ("has another time limit", "have another time limit"),
    "trials": ("has another number of trials", "have another number of trials"),
}


def incomparable_lines(changes: Changes | None) -> list[str]:
    """`m cannot be compared: 2 of 30 scenarios have a verdict in both runs`, for each model of which that is so."""
    if changes is None:
        return []
    if not changes.overlaps:
        return ["cannot be compared: the two runs share no model"]
    return [_too_few(overlap) for overlap in changes.overlaps if not overlap.is_enough]


def change_lines(changes: Changes | None) -> list[str]:
    """`5 scenarios are judged by other checks: a, b, c, ...`, for each kind of change."""
    return list(_lines(changes)) if changes is not None else []


def _lines(changes: Changes) -> Iterator[str]:
    for aspect, told in _TOLD.items():
        if scenarios := changes.scenarios.get(aspect):
            yield f"{plural(len(scenarios), 'scenario')} {told[len(scenarios) > 1]}: {_listed(scenarios)}"
    yield from map(_served, changes.served)
    if all(changes.versions) and changes.versions[0] != changes.versions[1]:
        yield f"another version of the plugin: {_name(changes.versions[0])} before, {_name(changes.versions[1])} now"
    yield from _absent(changes.only_before, "the run before", "this run", changes.shards[1])
    yield from _absent(changes.only_after, "this run", "the run before", changes.shards[0])


def _too_few(overlap: Overlap) -> str:
    if not overlap.planned:
        return f"{_name(overlap.model)} cannot be compared: the two runs share no scenario of it"
    asked = plural(overlap.planned, "scenario")
    return (
        f"{_name(overlap.model)} cannot be compared: {overlap.graded} of {asked} {_have(overlap.graded)} in both runs"
    )


def _have(count: int) -> str:
    return "has a verdict" if count == 1 else "have a verdict"


def _served(served: Served) -> str:
    before, after = _listed(served.before), _listed(served.after)
    return f"another model was served for {_name(served.model)}: {before} before, {after} now"


def _absent(missing: Missing, run: str, other: str, shard: str | None) -> Iterator[str]:
    if missing.scenarios:
        why = f", which is shard {_name(shard)}" if shard else ""
        yield f"{missing.scenarios} of {plural(missing.total, 'scenario')} of {run} are not in {other}{why}"


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return ", ".join(map(_name, names[:_SHOWN])) + more


def _name(text: str) -> str:
    return one_line(text, _NAME_LIMIT)


def changes_plain(changes: Changes | None) -> dict[str, object] | None:
    """The same as str, int, bool, None, list and dict, with all names."""
    if changes is None:
        return None
    return {
        "comparable": changes.is_comparable,
        "scenarios": {aspect: list(names) for aspect, names in changes.scenarios.items()},
        "served_models": [
            {"model": served.model, "before": list(served.before), "after": list(served.after)}
            for served in changes.served
        ],
        "plugin_version": _pair(changes.versions),
        "shard": _pair(changes.shards),
        "only_before": _counted(changes.only_before),
        "only_after": _counted(changes.only_after),
        "graded_in_both": [
            {"model": overlap.model, "scenarios": overlap.planned, "graded": overlap.graded}
            for overlap in changes.overlaps
        ],
    }


def _pair(values: tuple[str | None, str | None]) -> dict[str, str | None]:
    before, after = values
    return {"before": before or None, "after": after or None}


def _counted(missing: Missing) -> dict[str, int]:
    return {"scenarios": missing.scenarios, "of": missing.total}
