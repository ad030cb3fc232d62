"""docs/architecture.md: what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_benchmodels"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)`", PAGE)))
PLACES = sorted(set(re.findall(r"`(\w+)(?:\.\w+)?`\s+in\s+`([a-z_]+(?:/[a-z_]+)+\.py)`", PAGE)))
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_there(name: str) -> None:
    assert (PACKAGE / name).exists() or (ROOT / name).exists()


@pytest.mark.parametrize(("name", "file"), PLACES)
def test_each_class_and_function_is_in_its_module(name: str, file: str) -> None:
    defined = {node.name for node in ast.parse((PACKAGE / file).read_text()).body if hasattr(node, "name")}
    assert name in defined


def test_the_picture_has_all_rooms() -> None:
    picture = PAGE.partition("## Rooms")[2].partition("import-linter")[0]
    assert set(re.findall(r"\b[a-z]+\b", picture)) >= ROOMS
    assert len(FILES) > 20
    assert len(PLACES) > 10
