"""docs/limits.md: its files are read, its sessions print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_benchmodels.formats.configfile import read_config
from tests.plugin.plugin_parts import Project

TEXT = (Path(__file__).parents[2] / "docs/limits.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {name: text for _, name, text in FENCE.findall(TEXT) if name}
SESSIONS = [text.splitlines() for language, _, text in FENCE.findall(TEXT) if language == "console"]


def form(line: str) -> str:
    """A line without what differs from session to session."""
    return " ".join(re.sub(r"\$?\d+(\.\d+)?(ms|min|s\b)?", "#", line).split())


@pytest.mark.parametrize("shown", SESSIONS, ids=["waits", "budget"])
def test_a_session_prints_what_the_document_shows(
    project: Project, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name, text in FILES.items():
        project.write(name, text)
    command, *output = shown

    result = project.bench(*shlex.split(command)[3:])

    lines = [line for line in result.stdout.lines if not line.startswith("latency is overstated: ")]
    printed = [form(line.replace("-Werror ", "")) for line in lines]
    for part in "\n".join(map(form, output)).strip(".\n").split("\n...\n"):
        assert part in "\n".join(printed)


def test_the_breaker_says_what_the_document_shows(project: Project) -> None:
    told = re.search(r"^    (auth: not started: .*) \.\.\.$", TEXT, re.MULTILINE)
    assert told is not None
    for name, text in FILES.items():
        project.write(name, text)

    result = project.bench("suite.yaml", "--bench-models=locked", "--bench-repeat=6", "--bench-concurrency=1")

    result.stdout.fnmatch_lines([f"{told[1]} *"])


def test_the_configuration_for_several_machines_is_one(project: Project) -> None:
    path = project.write("machines/bench.toml", FILES["machines/bench.toml"])

    config = read_config(path)

    assert config.limits == "redis://limits.example:6379/0"
    assert config.model["openai/gpt-4o-mini"].rpm == 5_000
