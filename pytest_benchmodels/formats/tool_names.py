"""Checks that name a tool which their scenario does not have: they could never pass, or never fail."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from msgspec import UnsetType

from pytest_benchmodels.core.scenario import Check, Combination
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.formats.authored import ToolEntries
from pytest_benchmodels.formats.checks import LocatedCheck
from pytest_benchmodels.formats.document import Problems, Steps

__all__ = ["ToolNames"]

_DENYING = frozenset(("none_of", "tool_not_called"))
_MOST_SHOWN = 20
_LONGEST_NAME = 64
_MOST_COMPARED = 1000
_NEAR = 0.8
_REASON_LIMIT = 300


class ToolNames:
    """Compares what the checks of one file's scenarios name with the tools that these have.

    What does not depend on the record is told once for all scenarios of a dataset. Where `foreign_tools` may be there
    as well nothing is told.
    """

    def __init__(self, problems: Problems, *, foreign_tools: bool) -> None:
        self._problems = problems
        self._is_open = foreign_tools
        self._told: set[tuple[str, Steps, str]] = set()
        self._known: dict[str, None] = {}
        self._denied: dict[tuple[Steps, str], None] = {}

    def compare(
        self, checks: Iterable[LocatedCheck], entries: ToolEntries, builtin: Sequence[str], scenario: str
    ) -> None:
        """Note each name that is no tool's. `scenario` is the id that the author wrote, `builtin` are tools of ours."""
        known = _names(entries, builtin)
        if known is None or self._is_open:
            self._is_open = self._is_open or bool(entries)
            return
        self._known.update(dict.fromkeys(known))
        for check, steps, denies in (found for pair in checks for found in _each(*pair)):
            for name in (each for each in self._named(check, steps) if each not in known):
                if denies and steps[0] == "defaults":
                    self._denied[steps, name] = None
                elif (scenario, steps, name) not in self._told:
                    self._told.add((scenario, steps, name))
                    told = f"it has {_told(known)}{self._problems.hint(name, known)}"
                    self._problems.add(steps, f"scenario {quote(scenario)} has no tool {quote(name)}; {told}")

    def conclude(self) -> None:
        """Note slips of the pen in checks of the defaults that a tool is not called.

        That may be the tool of some scenarios only, or of none: it is told of only where it looks like another one.
        """
        for steps, name in {} if self._is_open else self._denied:
            if name in self._known or len(name) > _LONGEST_NAME:
                continue
            near = difflib.get_close_matches(name, list(self._known)[:_MOST_COMPARED], n=1, cutoff=_NEAR)
            if near:
                self._problems.add(steps, f"no scenario has a tool {quote(name)}; did you mean {quote(near[0])}?")

    def _named(self, check: Check, steps: Steps) -> Sequence[str]:
        try:
            return tuple(check.grader.named_tools())
        except Exception as error:  # noqa: BLE001 - a grader may be anybody's: its crash is a problem of this check
            said = clip(plain(str(error)), _REASON_LIMIT)
            self._problems.add(steps, f"check {quote(check.kind)}: named_tools(): {type(error).__name__}: {said}")
            return ()


def _told(names: Sequence[str]) -> str:
    return ", ".join([*map(quote, names[:_MOST_SHOWN]), *["..."] * (len(names) > _MOST_SHOWN)])


def _names(entries: ToolEntries, builtin: Sequence[str]) -> Sequence[str] | None:
    """The names of all tools; None where there are none, or where a server may have others."""
    names = list(builtin)
    for entry in entries:
        if isinstance(entry, str):
            continue
        if not isinstance(entry.name, UnsetType):
            names.append(entry.name)
        elif isinstance(entry.only, UnsetType) or any("{{" in name for name in entry.only):
            return None
        else:
            names += entry.only
    return names or None


def _each(check: Check, steps: Steps, *, denied: bool = False) -> Iterator[tuple[Check, Steps, bool]]:
    """A check and those inside of it, where each stands, and whether it asks that something is not so."""
    denies = denied or check.negate or check.kind in _DENYING
    yield check, steps, denies
    if isinstance(check.grader, Combination):
        for index, inside in enumerate(check.grader.checks):
            yield from _each(inside, (*steps, check.kind, index), denied=denies)
