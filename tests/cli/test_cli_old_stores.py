"""Stores that older versions wrote: their runs have the figures that those versions told of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pytest_benchmodels.cli import main

STORES = Path(__file__).parents[1] / "store"


@pytest.mark.parametrize("version", [2, 3])
def test_each_run_has_the_figures_that_its_own_version_told(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`versionN.json` is what `benchmodels report --json` of version N made of `versionN.sql`."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("store.sqlite")) as connection:
        connection.executescript((STORES / f"version{version}.sql").read_text(encoding="utf-8"))
    told = json.loads((STORES / f"version{version}.json").read_text(encoding="utf-8"))

    for run, before in told.items():
        assert main(["report", run, "--json", "now.json", "--store", "store.sqlite"]) == 0
        now = json.loads(Path("now.json").read_text(encoding="utf-8"))
        assert {name: now["run"][name] for name in before["run"]} == before["run"]
        assert [model["model"] for model in now["models"]] == [model["model"] for model in before["models"]]
        for model, then in zip(now["models"], before["models"], strict=True):
            assert {name: model[name] for name in then} == then
    assert len(told) == 2
