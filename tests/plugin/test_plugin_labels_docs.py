"""The example of docs/judging.md, from the session to what people's labels say of its judges."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pytest_benchmodels.cli import main
from tests.docs.docs_reading import PAGES, blocks
from tests.plugin.plugin_parts import Project

PAGE = PAGES["judging"]


def label(path: Path) -> None:
    """Fill in the sheet as somebody who can add."""
    with path.open(encoding="utf-8", newline="") as file:
        sheet = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(sheet[0]))
        writer.writeheader()
        for row in sheet:
            number = int(row["scenario"].rpartition("-")[2])
            writer.writerow({**row, "label": "pass" if row["answer"] == str(2 * number) else "fail"})


def test_the_example_says_what_is_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = blocks(PAGE)
    for block in found:
        if block.name == "bench.toml":
            project.write("bench.toml", block.text.partition("[judge]")[0])
        elif block.name:
            (project.path / block.name).parent.mkdir(exist_ok=True)
            (project.path / block.name).write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("COLUMNS", "125")
    project.bench("judged")
    assert main(["label", "latest", "-o", "labels.csv"]) == 0
    label(project.path / "labels.csv")
    capsys.readouterr()

    assert main(["show", "latest", "--labels", "labels.csv"]) == 0

    (shown,) = [block.text for block in found if block.language == "text"]
    assert shown in capsys.readouterr().out
