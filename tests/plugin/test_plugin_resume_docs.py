"""docs/resuming.md: its session, from the kill on, goes as it is shown."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import pytest

from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_store import end_after, session, stored_runs

PAGE = (Path(__file__).parents[2] / "docs" / "resuming.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KILLED_AFTER = 9


def form(text: str) -> str:
    """Output without what differs from run to run: figures, how wide a rule or a column is, and a busy machine."""
    text = re.sub(r"\n  (?=\S)", " ", text)  # a line is as long as its figures, and may have to go on in the next one
    without_figures = re.sub(r"\d+(\.\d+)?(ms|min|s\b)?", "#", re.sub("(?m)^latency is overstated: .*\n", "", text))
    lines = (re.sub(r"([=_])\1{2,}", r"\1\1\1", line) for line in without_figures.splitlines())
    return "\n".join(" ".join(line.split()) for line in lines)


def test_the_pages_session_goes_as_it_is_shown(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = 0
    for language, name, text in FENCE.findall(PAGE):
        if language != "console":
            project.write(name, text)
            continue
        first, _, output = text.partition("\n")
        arguments = shlex.split(first)[3:]
        if name == "killed":
            end_after(session(project, *arguments), KILLED_AFTER, signal.SIGKILL)
            (run,) = stored_runs(project)
            assert KILLED_AFTER <= sum(run.statuses.values()) < 24
            continue
        printed = form(project.bench_process(*arguments).stdout.str())
        for part in form(output).split("\n...\n"):
            assert part.removeprefix("...\n").removesuffix("\n...") in printed
        shown += 1
    assert shown == 5
