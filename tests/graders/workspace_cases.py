"""A check that judges a run's workspace: a real folder, in which a model left files."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pytest_benchmodels.core.call import Call, GradingContext, Request, Transcript
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.engine.grading import judge
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN, Extract
from pytest_benchmodels.workspaces.folder import FolderWorkspaces

__all__ = ["Files", "Work", "judged", "loaded", "wrote"]

Files = Mapping[str, str | None]
"""What a model left: texts by their paths, None for a file that it deleted."""

Work = Callable[[Path], None]
"""What a model does in its workspace."""

_NUMBERS = itertools.count()


def wrote(files: Files) -> Work:
    """A model that writes these files."""

    def work(folder: Path) -> None:
        for name, text in files.items():
            path = folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())

    return work


def loaded(check: Mapping[str, Any], given: Mapping[str, str], folder: Path) -> Scenario:
    """A scenario with this check, whose workspace holds the `given` files at first."""
    path = folder / "scenario.json"
    path.write_bytes(msgspec.json.encode({"id": "a", "prompt": "?", "files": given, "checks": [check]}))
    (scenario,) = load(path, path.name, LoadOptions(BUILTIN, extraction=Extract), named=True) or ()
    return scenario


def judged(
    check: Mapping[str, Any], work: Work | Files, folder: Path, given: Mapping[str, str] | None = None
) -> CheckResult:
    """The verdict of a check, as the engine judges it, on what a model's work made of the `given` files."""
    scenario = loaded(check, given or {}, folder)
    do = wrote(work) if isinstance(work, Mapping) else work
    return asyncio.run(_judged(scenario, do, folder / f"spaces-{next(_NUMBERS)}"))


async def _judged(scenario: Scenario, work: Work, folder: Path) -> CheckResult:
    run = Run("scenario.json::a[m]", scenario, Model("m", "sim", "steady", ""))
    assert run.workspace is not None
    session = FolderWorkspaces(folder, "none")
    workspace = session.open(run, run.workspace)
    try:
        await workspace.prepare()
        work(workspace.path)
        request = Request(run.model, (Message("user", "?"),))
        wants_changes = any(check.kind == "changed_only" for check in scenario.all_checks)
        answer = Response("done", changes=workspace.changes() if wants_changes else ())
        context = GradingContext(answer, Transcript((Call("answer", request, answer),)), scenario, workspace=workspace)
        (verdict,) = await judge(scenario.checks, context)
    finally:
        await workspace.close(passed=True)
        session.close()
    return verdict
