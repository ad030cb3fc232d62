"""What people say of answers that checks have judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from msgspec import Struct

from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.run import scenario_of
from pytest_benchmodels.core.text import plain

__all__ = ["Label", "LabelKey", "Labels", "answer_digest", "check_names", "label_keys"]


class LabelKey(Struct, frozen=True):
    """What a label is about: a check's verdict on one answer to one scenario, whoever gave the answer, and when.

    `scenario` is the node id without the model, `check` as `check_names` has it, `digest` that of the answer.
    """

    scenario: str
    check: str
    digest: str


class Label(Struct, frozen=True):
    """One person's verdict: whether the answer passes the check, after `not`."""

    key: LabelKey
    passed: bool
    labeller: str


class Labels:
    """All labels that there are."""

    def __init__(self, labels: Iterable[Label] = ()) -> None:
        self._found: dict[LabelKey, list[Label]] = {}
        for label in labels:
            self._found.setdefault(label.key, []).append(label)
        self.checks = frozenset(key.check for key in self._found)
        """The checks that any label is about."""

    def __len__(self) -> int:
        """How many verdicts of checks are labelled; what several people labelled counts once."""
        return len(self._found)

    def of(self, key: LabelKey) -> Sequence[Label]:
        """What each person said, who said anything."""
        return self._found.get(key, ())


def answer_digest(result: Result) -> str:
    """The digest of a run's answer, with those of all its turns.

    It begins with a letter: a spreadsheet would take some digests for numbers.
    """
    said = [answer.readable for answer in result.all_answers]
    return f"a{blake2b(repr(said).encode(), digest_size=8).hexdigest()}"


def check_names(checks: Sequence[CheckResult]) -> list[str]:
    """What a run's checks are called in labels: by their names, `judge #2` for the second of one name.

    The name stays where another model judges, or the rubric is worded anew; so do its labels.
    """
    seen: Counter[str] = Counter()
    names = []
    for check in checks:
        seen[check.name] += 1
        number = f" #{seen[check.name]}" if seen[check.name] > 1 else ""
        names.append(plain(f"{check.name}{number}"))
    return names


def label_keys(result: Result) -> list[LabelKey]:
    """What a label of each of a run's checks would be about, in their order."""
    scenario, digest = plain(scenario_of(result.nodeid)), answer_digest(result)
    return [LabelKey(scenario, name, digest) for name in check_names(result.checks)]
