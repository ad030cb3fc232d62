"""Results of runs that judges decided, and people's labels of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_benchmodels.core.label import Label, Labels, label_keys
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.scenario import Vote
from tests.core.made_results import made

__all__ = ["check", "judged", "labelled"]


def check(name: str = "judge", *, passed: bool = True, votes: dict[str, bool] | None = None) -> CheckResult:
    """A check, by the votes of judges where there are any."""
    told = tuple(Vote(judge, float(vote), vote) for judge, vote in (votes or {}).items())
    return CheckResult(name, float(passed), passed, "", summary=f"{name} 'it?'", votes=told)


def judged(
    name: str, *checks: CheckResult, answer: str = "", model: str = "m", trial: int = 1, **fields: Any
) -> Result:
    """A run's end; it passed if all of its checks did. `fields` are further ones of a `PlainResult`."""
    passed = all(each.passed for each in checks)
    usual = {
        "status": "passed" if passed else "failed",
        "score": sum(each.score for each in checks) / len(checks) if checks else None,
        "response": Response(answer or f"answer to {name}", "stop", Usage(1, 1), 0.5),
    }
    nodeid = f"suite.yaml::{name}[{model}#{trial}]"
    known = {"nodeid": nodeid, "scenario": name, "model": model, "trial": trial, "started_at": 0.0, "duration_s": 1.0}
    return made(**{**known, **usual, "checks": checks, **fields})


def labelled(*said: tuple[Result, str, Iterable[bool | None]], weight: float | None = None) -> Labels:
    """What somebody says of the checks of results, in their order; None for nothing."""
    return Labels(
        Label(key, passed, person, weight)
        for result, person, verdicts in said
        for key, passed in zip(label_keys(result), verdicts, strict=True)
        if passed is not None
    )
