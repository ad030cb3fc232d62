"""What the harness starts by the dozen starts as soon as it can here: no figure is judged."""

from __future__ import annotations

import pytest

from benchmarks import measure


@pytest.fixture(autouse=True)
def only_our_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the plugins of libraries that only tests need: a third of each start."""
    names = ("anyio", "hypothesispytest", "allure_pytest", "rerunfailures")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in names))
    usual = tuple(name for name in measure._UNUSUAL if name != "PYTEST_ADDOPTS")
    monkeypatch.setattr(measure, "_UNUSUAL", usual)
