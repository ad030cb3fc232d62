"""docs/command.md: each command in it does what is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_benchmodels.cli.commands import SUMMARIES
from tests.cli.cli_parts import run_command

PAGE = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    words: list[str]
    output: str


def commands() -> list[Shown]:
    """The commands of the page with what it shows of their output."""
    found = []
    for language, _, text in FENCE.findall(PAGE):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                first, _, output = part.partition("\n")
                found.append(Shown(shlex.split(first), output))
    return found


def form(text: str) -> str:
    """Output without what differs from run to run: figures, ids, how wide a column is, and a busy machine."""
    without_ids = re.sub(r"\d{8}-\d{6}-[0-9a-f]{6}", "RUN", re.sub("(?m)^latency is overstated: .*\n", "", text))
    without_figures = re.sub(r"\d+(\.\d+)?(ms|min|s\b)?", "#", without_ids)
    return "\n".join(" ".join(line.split()) for line in without_figures.splitlines())


def run(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    if words[0] == "benchmodels":
        done = run_command(capsys, *words[1:])
        return done.status, done.out + done.err
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    process = subprocess.run(
        [sys.executable, f"-m{words[0]}", *words[1:]],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout


def test_each_command_prints_what_the_page_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _, name, text in FENCE.findall(PAGE):
        if name:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    statuses: dict[str, int] = {}

    for words, output in commands():
        status, printed = run(words, folder, capsys)
        statuses.setdefault(" ".join(words[:2]), status)
        for part in form(output).split("..."):
            assert part.strip() in form(printed), words

    assert statuses == {
        "pytest --bench": 0,
        **dict.fromkeys(
            (f"benchmodels {name}" for name in ("list", "show", "report", "export", "prune", "validate")), 0
        ),
        "benchmodels compare": 1,
        "benchmodels gate": 1,
        "benchmodels merge": 2,
    }
    for name in ("report.html", "report.md", "report.json", "junit.xml", "rows.jsonl", "whole.sqlite"):
        assert (folder / name).stat().st_size > 0


def test_each_command_has_its_section() -> None:
    titles = re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)
    assert sorted({*titles} - {"Completion"}) == sorted(SUMMARIES)
