"""Small parts that the tests of the command put together."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from pytest_benchmodels.cli import main
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, CheckResult, Failure, Result, Retry, Status
from pytest_benchmodels.store import Beginning, Record, Store
from tests.core.made_results import made

__all__ = [
    "Done",
    "judged",
    "made_by_the_first_version",
    "made_run",
    "made_store",
    "record",
    "result",
    "run_command",
    "run_process",
    "usual_store",
]

ASKED = ((Message("system", "Be brief."), Message("user", "2 + 2?")),)


class Done(NamedTuple):
    """What a command said and its exit status."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def run_command(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Done:
    try:
        status = main(list(map(str, words)))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    return Done(status, *capsys.readouterr())


def run_process(
    folder: Path, *words: str | Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-mpytest_benchmodels.cli", *map(str, words)],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        check=False,
    )


def result(
    name: str, status: Status = "passed", *, model: str = "m", started_at: float = 1_000_000_000.0, text: str = "4"
) -> Result:
    """A run's end that has something of everything."""
    graded = status in ("passed", "failed")
    return made(
        nodeid=f"suite.yaml::{name}[{model}]",
        scenario=name,
        model=model,
        trial=1,
        status=status,
        started_at=started_at,
        duration_s=1.0,
        latency_s=0.5,
        attempts=2,
        score=float(status == "passed") if graded else None,
        checks=(CheckResult("equals", float(status == "passed"), status == "passed", "why", 1.0, "equals '4'"),)
        if graded
        else (),
        response=Response(text, "stop", Usage(10, 2), 0.5) if graded else None,
        error=None if graded else Failure("http", f"no answer to {name}"),
        retries=(Retry("rate-limit", "too many", 1.5),),
        cost_usd=0.25 if graded else None,
        fingerprint=f"print-of-{name}-{model}",
    )


def record(given: Result) -> Record:
    answers = (given.response,) if given.response is not None else ()
    return Record(given, answers, "by these checks", ASKED)


def judged(name: str, answer: str = "yes", latency_s: float = 0.25) -> Record:
    """A result whose check has asked another model."""
    given = result(name)
    asked, said = (Message("user", f"Is {name} right?"),), Response(answer, "stop", Usage(7, 1), latency_s)
    own = CallSummary("answer", given.model, attempts=1, fingerprint=given.fingerprint)
    call = AnsweredCall(
        "judge", "j", attempts=1, latency_s=latency_s, fingerprint=f"judge-{name}", messages=asked, response=said
    )
    return Record.of(replace(given, calls=(own, call)), ASKED)


def made_run(
    store: Store,
    results: Iterable[Result],
    *,
    shard: str | None = None,
    finished: bool = True,
    command: tuple[str, ...] = ("--bench", "suite"),
) -> str:
    kept = list(results)
    run_id = store.runs.begin(Beginning(command, "0.1.0", len(kept), shard))
    store.results.add(run_id, map(record, kept))
    if finished:
        store.runs.finish(run_id)
    else:
        store.runs.interrupt(run_id)
    return run_id


def made_store(path: Path, *runs: Iterable[Result]) -> list[str]:
    """A store with these runs, the oldest first; returns their ids."""
    with Store.open(path) as store:
        ids = [made_run(store, results) for results in runs]
        # Runs that begin in one moment have no order: the second ones are to be the newer ones.
        for age, run_id in enumerate(reversed(ids)):
            store._database.write("UPDATE runs SET started_at = started_at - ? WHERE id = ?", (3600.0 * age, run_id))
        return ids


def made_by_the_first_version(path: Path) -> None:
    """A store as the first version of it was: a run with two results of three."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parents[1] / "store" / "version1.sql").read_text())


def usual_store(folder: Path) -> Path:
    return folder / ".benchmodels" / "store.sqlite"
