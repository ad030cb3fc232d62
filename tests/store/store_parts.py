"""Small parts that the store's tests put together."""

from __future__ import annotations

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import Result, Status
from pytest_benchmodels.store import Beginning, Record
from tests.core.made_results import made

BEGINNING = Beginning(("pytest", "--bench", "suite"), "0.1.0", total=3)


def result(
    name: str = "a", status: Status = "passed", text: str = "4", *, duration_s: float = 1.0, started_at: float = 1000.0
) -> Result:
    """A run's end with all that a store looks at; its fingerprint follows from `name`."""
    return made(
        nodeid=f"suite.yaml::{name}[m]",
        scenario=name,
        model="m",
        trial=1,
        status=status,
        started_at=started_at,
        duration_s=duration_s,
        latency_s=duration_s,
        score=1.0 if status == "passed" else None,
        response=Response(text, "stop", Usage(10, 2), duration_s),
        fingerprint=f"print-of-{name}",
    )


def record(name: str = "a", status: Status = "passed", text: str = "4", grade: str = "by these checks") -> Record:
    return Record(result(name, status, text), (Response(text, "stop", Usage(10, 2), 1.0),), grade)
