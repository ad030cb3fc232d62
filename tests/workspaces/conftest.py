from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_benchmodels.core.program import Program, ProgramResult
from tests.workspaces.runners import WAYS, runner

RunNow = Callable[[Program], ProgramResult]


@pytest.fixture(params=WAYS, scope="module")
def way(request: pytest.FixtureRequest) -> str:
    """How processes are confined."""
    return str(request.param)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder that others than its user find, too: pytest's own are in one that is closed to them."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def run_now(way: str) -> Iterator[RunNow]:
    """Runs one program and waits for its end."""
    import asyncio

    with TemporaryDirectory() as folder:
        made = runner(way, Path(folder))

        async def run(program: Program) -> ProgramResult:
            return await made(program)

        yield lambda program: asyncio.run(run(program))
        made.close()
