"""Answers that were cut off, and thinking: told everywhere, live and judged afresh."""

from __future__ import annotations

import json

from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results

CUT: dict[str, object] = {"finish_reason": "length", "text": "<think>4, or", "latency": 0}
LINE = "cut off: sim/steady: 2 of 3 answers ended at max_tokens"


def test_answers_that_were_cut_off_are_counted_everywhere(project: Project) -> None:
    project.suite(scenario("a", CUT), scenario("b", CUT), scenario("c"))

    result = project.bench(
        JSON,
        "--bench-html=out.html",
        "--bench-markdown=out.md",
        "--bench-gate=truncated_rate <= 10%",
        "--bench-gate=truncated_rate <= 70% @ *",
    )

    assert result.ret == 1
    result.stdout.fnmatch_lines_random(
        [
            LINE,
            "gate failed truncated_rate <= 10%: 0.667 (2/3), over 3 of 3 runs",
            "gate held   truncated_rate <= 70% @ \\* (sim/steady): 0.667 (2/3), over 3 of 3 runs".replace("\\*", "[*]"),
        ]
    )
    assert LINE in (project.path / "out.html").read_text(encoding="utf-8")
    assert LINE in (project.path / "out.md").read_text(encoding="utf-8")
    found = {run["scenario"]: run["truncated"] for run in results(project).values()}
    assert found == {"a": True, "b": True, "c": False}


def test_thinking_that_was_cut_off_is_no_answer_live_and_when_judged_afresh(project: Project) -> None:
    project.suite(scenario("a", CUT), scenario("b", {"thinking": "2 and 2", "latency": 0}))

    live = project.bench(JSON)
    told = results(project)
    afresh = project.bench(JSON, "--bench-regrade")

    assert live.parseoutcomes() == afresh.parseoutcomes() == {"failed": 1, "passed": 1}
    for runs in (told, results(project)):
        answers = {run["scenario"]: run["response"] for run in runs.values()}
        assert (answers["a"]["text"], answers["a"]["thinking"]) == ("", "4, or")
        assert answers["b"]["thinking"] == "2 and 2"
    assert json.dumps(told).count("<think>") == 0
