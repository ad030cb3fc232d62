"""What readers see of a run's workspace: commands, changed files, where it was kept."""

from __future__ import annotations

import html
import io
import json
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.result import Record, Result
from pytest_benchmodels.core.workspace import FileChange, RanCommand, Work
from pytest_benchmodels.reports.failure import failure_text
from pytest_benchmodels.reports.html import island, write_html
from pytest_benchmodels.reports.markdown import write_markdown
from pytest_benchmodels.reports.work import WorkspaceTally, change_line, changed_line, work_lines, work_metadata
from tests.reports.reports_parts import HOSTILE, evaluated, result

DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n"
CHANGE = FileChange("src/a.py", "modified", DIFF, 6, "1" * 64)
COMMANDS = (RanCommand("make deps", "setup", 0, 0.012), RanCommand("agent", "agent", None, 2.0, "so\nfar"))


def worked(*changes: FileChange, **facts: Any) -> Result:
    work = Work("by bubblewrap", "/kept/a", COMMANDS, notes=("busy",))
    return result(response=Response("done", changes=changes), work=work, **facts)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (CHANGE, "modified src/a.py, +2 -1"),
        (FileChange("a", "added", "", 9_000, "1"), "added a, 9,000 bytes"),
        (FileChange("a", "modified", "", 0, "1", mode=0o755), "modified a, 0 bytes, mode 755"),
        (FileChange("a", "added", "-> b", is_link=True), "added a, a link -> b"),
        (FileChange("a", "deleted"), "deleted a"),
        (FileChange("node_modules/", "added", "", 1_000_000), "added node_modules/, 1,000,000 bytes"),
    ],
)
def test_a_change_in_one_line(change: FileChange, line: str) -> None:
    assert change_line(change) == line


def test_show_tells_all_of_it() -> None:
    assert list(work_lines(worked(CHANGE))) == [
        "workspace: commands were confined by bubblewrap",
        "  setup  status 0, 12ms: make deps",
        "  agent  ended by its limit, 2.0s: agent",
        "    so",
        "    far",
        "  busy",
        "  kept in /kept/a",
        "changed 1 file",
        "  modified src/a.py, +2 -1",
        "    @@ -1,2 +1,3 @@",
        "     a",
        "    -b",
        "    +c",
        "    +d",
    ]


def test_the_steps_that_an_agent_told_of_are_shown() -> None:
    told = replace(worked(CHANGE), response=Response("done", steps=12))

    assert list(work_lines(told))[1] == "  the agent told of 12 steps"
    (entry,) = json.loads("".join(island([Record(told)], 1)))
    assert entry["work"][1] == "the agent told of 12 steps"


def test_a_run_without_one_says_nothing() -> None:
    assert list(work_lines(result())) == []
    assert "workspace" not in failure_text(result(status="failed"))


def test_the_failure_names_changed_files_and_the_folder() -> None:
    many = [FileChange(f"{number}", "added") for number in range(7)]

    lines = failure_text(worked(*many, status="failed")).splitlines()

    assert lines[-2:] == ["changed 0, 1, 2, 3, 4 and 2 more", "workspace kept in /kept/a"]
    assert changed_line(worked()) == ""


def test_what_a_run_without_an_answer_changed_is_told_too() -> None:
    late = result(status="timeout", response=None, work=Work("by bubblewrap", changes=(CHANGE,)))

    assert changed_line(late) == "changed src/a.py"


def test_markdown_tells_it_of_the_worst_runs_at_its_end() -> None:
    hostile = FileChange("b", "added", f"--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+```{HOSTILE}\n", 9, "2" * 64)
    runs = [worked(CHANGE, status="failed", scenario="a"), worked(scenario="b"), result("c", status="failed")]
    runs.append(worked(hostile, status="error", scenario="d"))
    stream = io.BytesIO()

    write_markdown(stream, evaluated(runs), iter(runs))

    text = html.unescape(stream.getvalue().decode())
    ends = text.split("<details><summary>What <code>")[1:]
    assert [end.partition("::")[2].partition("[")[0] for end in ends] == ["a", "d"]
    assert (
        ends[0]
        .split("</summary>")[1]
        .startswith(
            "\n\n```text\nworkspace: commands were confined by bubblewrap\n  setup  status 0, 12ms: make deps\n"
        )
    )
    assert "  modified src/a.py, +2 -1\n    @@ -1,2 +1,3 @@\n     a\n    -b\n    +c\n    +d\n```\n" in ends[0]
    assert "````text\nworkspace" in ends[1]
    assert "\x1b" not in text


def test_other_reports_have_it_as_plain_data() -> None:
    told = json.loads(json.dumps(work_metadata(worked(CHANGE))))

    assert told["work"]["commands"][0] == {"command": "make deps", "purpose": "setup", "status": 0, "duration_s": 0.012}
    assert told["changes"] == [
        {"path": "src/a.py", "kind": "modified", "diff": DIFF, "size": 6, "digest": "1" * 64},
    ]
    assert work_metadata(result()) == {}


def test_the_page_has_diffs_and_outputs() -> None:
    (entry,) = json.loads("".join(island([Record(worked(CHANGE))], 1)))

    assert entry["work"] == ["commands were confined by bubblewrap", "busy", "kept in /kept/a"]
    assert entry["commands"] == [
        ["setup  status 0, 12ms: make deps", ""],
        ["agent  ended by its limit, 2.0s: agent", "so\nfar"],
    ]
    assert entry["changes"] == [["modified src/a.py, +2 -1", DIFF]]


def test_the_page_has_an_end() -> None:
    changes = [FileChange(f"{number}", "added", "+" * 5_000) for number in range(60)]

    (entry,) = json.loads("".join(island([Record(worked(*changes))], 1)))

    assert (len(entry["changes"]), entry["more_changes"]) == (50, 10)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stand_escaped(text: str) -> None:
    hostile = FileChange(text, "added", f"--- /dev/null\n+++ b/x\n+{text}\n", 1, "1")
    work = Work(text, text, (RanCommand(text, "agent", 0, 1.0, text),), notes=(text,))
    shown = [result(response=Response("", changes=(hostile,)), work=work, status="failed", score=0.0)]
    stream = io.BytesIO()

    write_html(stream, evaluated(shown), iter(shown))

    assert b"<script>alert" not in stream.getvalue()
    assert "\x1b" not in failure_text(shown[0])


def test_the_session_tells_how_commands_were_confined() -> None:
    tally = WorkspaceTally()
    for each in (worked(), worked(), result(), result(work=Work("", "", ()))):
        tally.add(each)

    assert list(tally.notes(details=False)) == ["commands were confined by bubblewrap", "2 workspaces kept in /kept"]
    assert list(tally.notes(details=True))[2:] == ["  /kept/a", "  /kept/a", "  2 runs: busy"]


def test_several_ways_are_told_with_their_runs() -> None:
    tally = WorkspaceTally()
    for each in (worked(), result(work=Work("by limits; NOT confined: all", "", COMMANDS))):
        tally.add(each)

    assert list(tally.notes(details=False))[:2] == [
        "commands were confined by bubblewrap (in 1 run)",
        "commands were confined by limits; NOT confined: all (in 1 run)",
    ]
