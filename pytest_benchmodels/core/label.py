"""What people say of answers that checks have judged."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.run import scenario_of
from pytest_benchmodels.core.text import plain

__all__ = [
    "Label",
    "LabelKey",
    "Labels",
    "answer_digest",
    "check_names",
    "keyed_checks",
    "keyed_inside",
    "label_keys",
    "masked_weight",
    "unmasked_weight",
]


class LabelKey(Struct, frozen=True):
    """What a label is about: a check's verdict on one answer to one scenario, whoever gave the answer, and when.

    `scenario` is the node id without the model, `check` as `check_names` has it, `digest` that of the answer.
    """

    scenario: str
    check: str
    digest: str


class Label(Struct, frozen=True):
    """One person's verdict: whether the answer passes the check, after `not`.

    `weight` is how many answers it stands for: of those that the judge failed, a sample takes more than of others. It
    is None where nobody knows how the answer was chosen.
    """

    key: LabelKey
    passed: bool
    labeller: str
    weight: float | None = None


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


_STEPS = 256  # of a weight's binary logarithm: a weight is kept to 0.3 %
_MOST = 0xFFFF


def masked_weight(weight: float, key: LabelKey) -> str:
    """A weight from 1 on as a sheet holds it: as it is, it would tell whoever labels what the judge said."""
    return f"w{min(round(math.log2(weight) * _STEPS), _MOST) ^ _mask(key):04x}"


def unmasked_weight(text: str, key: LabelKey) -> float | None:
    """Undo `masked_weight`; None for what is none."""
    if not re.fullmatch("w[0-9a-f]{4}", text):
        return None
    return float(2 ** ((int(text[1:], 16) ^ _mask(key)) / _STEPS))


def _mask(key: LabelKey) -> int:
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=2).digest())


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


def keyed_checks(result: Result) -> Iterator[tuple[LabelKey, CheckResult]]:
    """Each of a run's checks with what a label of it would be about, each followed by those that it is made of."""
    for key, check in zip(label_keys(result), result.checks, strict=True):
        yield key, check
        yield from keyed_inside(key, check)


def keyed_inside(key: LabelKey, check: CheckResult) -> Iterator[tuple[LabelKey, CheckResult]]:
    """Those that a check is made of, by their place in it: `all_of/2 judge` is the second of `all_of`."""
    for number, inner in enumerate(check.checks, 1):
        inner_key = replace(key, check=plain(f"{key.check}/{number} {inner.name}"))
        yield inner_key, inner
        yield from keyed_inside(inner_key, inner)
