"""What an author writes, after the door: parsed, rendered, complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_benchmodels.core.grading import Grader
from pytest_benchmodels.core.message import Message

__all__ = ["Check", "Scenario", "Turn"]


_ASKS_NONE = Grader.asked_models


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a scenario asks of an answer.

    `kind` is the check's name in the file (`equals`), `label` what reports call it (the author's `name`, else the
    kind), `summary` the check in a reader's words (`contains 'Paris'`).
    """

    kind: str
    label: str
    summary: str
    grader: Grader
    weight: float = 1.0
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """The messages that one request adds to the conversation, and what its answer has to satisfy."""

    messages: tuple[Message, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One authored entry; a record of a dataset makes one each.

    A scenario with `prompt` or `messages` has one turn. `checks` judge the last answer. `models` is empty where the
    file names none. `threshold`, `timeout_s` and `repeat` are None where the author set none. `skip` and `xfail` hold
    the reason. `source` is `path:line` for a reader. `vars` are the names that its texts were rendered with, a
    record's columns among them.
    """

    id: str
    source: str
    turns: tuple[Turn, ...]
    checks: tuple[Check, ...] = ()
    system: str | None = None
    models: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    target: str | None = None
    threshold: float | None = None
    timeout_s: float | None = None
    repeat: int | None = None
    tags: tuple[str, ...] = ()
    skip: str | None = None
    xfail: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Those of each turn, and those that judge the last answer."""
        return tuple([check for turn in self.turns for check in turn.checks]) + self.checks

    @property
    def asked_models(self) -> tuple[str, ...]:
        """The models that its checks ask, besides the one whose answer they judge."""
        asking = [check.grader for check in self.all_checks if type(check.grader).asked_models is not _ASKS_NONE]
        return tuple(dict.fromkeys(name for grader in asking for name in grader.asked_models()))

    @property
    def asked(self) -> tuple[tuple[Message, ...], ...]:
        """The messages that each turn adds, the system's in front of the first."""
        added = tuple([turn.messages for turn in self.turns])
        return added if self.system is None else ((Message("system", self.system), *added[0]), *added[1:])
