"""Each test of the command works in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "_ARGCOMPLETE", "COMP_LINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
