"""Programs wait for a processor, end with whoever wants them, and are told where they cannot run."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.program import Program
from pytest_benchmodels.workspaces import CodeRunner
from tests.workspaces.runners import adopt_orphans, living_children, runner

GOOD = Program(("def f(): return 1",), "assert f() == 1")
ENDLESS = Program(("while True: pass",), "assert 1", timeout_s=60)


def test_processes_that_share_a_folder_share_the_processors(way: str, scratch: Path, tmp_path: Path) -> None:
    made = runner(way, scratch, tmp_path)
    count = len(os.sched_getaffinity(0))
    held = [os.open(tmp_path / f"processor-{number}", os.O_RDWR | os.O_CREAT) for number in range(count)]
    for place in held:  # as another worker does
        fcntl.flock(place, fcntl.LOCK_EX)

    async def run() -> str:
        task = asyncio.ensure_future(made(GOOD))
        _, waiting = await asyncio.wait({task}, timeout=0.3)
        assert waiting == {task}
        os.close(held[0])
        return (await task).outcome

    assert asyncio.run(run()) == "passed"
    for place in held[1:]:
        os.close(place)
    made.close()


def test_a_program_that_nobody_waits_for_is_ended(way: str, scratch: Path) -> None:
    made = runner(way, scratch)
    adopt_orphans()
    before = living_children()

    async def run() -> None:
        tasks = [asyncio.ensure_future(made(ENDLESS)) for _ in range(5)]
        while living_children() == before:  # noqa: ASYNC110 - only the system can tell that the first has begun
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*tasks, return_exceptions=True)
        )

    asyncio.run(run())
    made.close()
    assert living_children() == before


def test_many_at_once_come_to_their_own_ends(way: str, scratch: Path) -> None:
    made = runner(way, scratch)
    wrong = Program(("def f(): return 2",), "assert f() == 1")

    async def run() -> list[str]:
        return [each.outcome for each in await asyncio.gather(*(made(each) for each in (GOOD, wrong) * 5))]

    assert asyncio.run(run()) == ["passed", "failed"] * 5
    made.close()


def test_where_nothing_confines_nothing_runs() -> None:
    made = CodeRunner(python="/no/such/python")

    async def run() -> None:
        await made(GOOD)

    with pytest.raises(
        CheckError, match=r"foreign code cannot be confined on this machine: install bubblewrap .*/no/such/python"
    ):
        asyncio.run(run())
    made.close()
