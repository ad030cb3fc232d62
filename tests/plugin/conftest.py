"""A project for each test, and both ways to run it: in one process, and with two workers."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator

import pytest

import pytest_benchmodels
from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project

# pytester forgets what a session within this process imported. To import it all anew would take most of the time, and
# PyYAML's C half would make events of classes that its Python half has no more.
for name in ("httpx", "jsonschema", "rapidfuzz", "regex", "yaml", "xdist.dsession", "xdist.workermanage"):
    importlib.import_module(name)
for found in pkgutil.walk_packages(pytest_benchmodels.__path__, "pytest_benchmodels."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)


@pytest.fixture(params=[(), ("-n2",)], ids=["serial", "n2"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Arguments: none for one process, `-n2` for two workers."""
    chosen: tuple[str, ...] = request.param
    return chosen


@pytest.fixture
def project(
    little_garbage: None,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """An empty project; nothing of the surrounding session or of the user's environment reaches it."""
    del little_garbage
    for name in list(os.environ):
        if name.startswith(("PYTEST_", "OPENAI_", "ANTHROPIC_")) and name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    # Else each session looks through the folders that all sessions of this machine left, and removes the oldest.
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path_factory.mktemp("sessions")))
    # Plugins of libraries that only these tests need: each process would spend a third of its start on them. And one
    # that leaves a listening socket and its thread behind: `-p rerunfailures` has it where it is what is tested.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:anyio -p no:hypothesispytest -p no:rerunfailures")
    return Project(pytester)


@pytest.fixture
def sim() -> Iterator[SimServer]:
    """A simulated provider of the test's own, which counts what it sees."""
    with SimServer() as server:
        yield server
