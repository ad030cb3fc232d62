"""What tests of several rooms need."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.forked_processes import forking, nothing_forked
from tests.kept_lookups import keep_lookups
from tests.redis_server import running_redis

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling

# How long it takes to draw or to try an example says nothing on a busy machine.
settings.register_profile("any machine", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# The tests start some two thousand processes that import the package. Where nothing compiled may be kept, each of them
# compiles it anew, which takes longer than all else that it does.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
keep_lookups()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    """Let a worker without work take some from the others, unless the command line names another way.

    xdist's usual way sends tests in batches: in the end one worker has the long ones, and the other has none.
    """
    if config.getvalue("dist") != "load" or config.getoption("bench", default=False):
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage where nearly all stays: that takes a seventh of a collection, in each of the processes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the collector of garbage not look at all these tests and modules again and again: they stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nothing_thawed() -> Iterator[None]:
    """Keep frozen what was frozen above: a session that runs within this process freezes and thaws for all of it.

    Each would look through all tests and modules once more as it ends: half of what a small one takes.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("freeze", "unfreeze"):
            patch.setattr(gc, name, lambda: None)
        yield


@pytest.fixture
def little_garbage(freeze: Callable[[], None] = gc.freeze) -> None:
    """Let the collector of garbage look at what a session within this process makes, and at nothing that was before it.

    pytest collects five times as a session ends, with all that the tests before have left behind: after two thousand of
    them that takes five times as long as the session.
    """
    gc.collect()  # of what the test before left, or it would stay
    freeze()


@pytest.fixture(scope="session", autouse=True)
def forked_processes() -> Iterator[None]:
    """Fork what the tests start by the hundred, where the system has what that takes."""
    with forking() if hasattr(os, "pidfd_open") else nullcontext():
        yield


@pytest.fixture
def real_processes() -> Iterator[None]:
    """For tests of what a new interpreter does: nothing is forked."""
    with nothing_forked():
        yield


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the module's own."""
    with running_redis(tmp_path_factory.mktemp("redis")) as (url, _):
        yield url
