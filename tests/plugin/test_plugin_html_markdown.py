"""--bench-html, --bench-markdown: the reports are there, and hold the session's figures."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.plugin.plugin_parts import Project, broken, json_report, judging_conftest, right, scenario, wrong

FILES = ("--bench-html=out/r.html", "--bench-markdown=out/r.md", "--bench-json=b.json")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
TOOL: dict[str, Any] = {"name": "get_weather", "results": "sunny"}


def test_they_hold_figures_gates_and_comparison(project: Project) -> None:
    project.suite(right("a"), right("b"), models=["sim/steady", "sim/flaky"])
    project.bench()
    project.suite(right("a"), wrong("b"), models=["sim/steady", "sim/flaky"])
    gate = "pass_rate >= 90% @ sim/steady"

    result = project.bench("--bench-compare=latest", f"--bench-gate={gate}", *FILES)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    page = (project.path / "out" / "r.html").read_text("utf-8")
    summary = (project.path / "out" / "r.md").read_text("utf-8")
    assert json_report(project.path / "b.json")["run"]["id"] in page
    for text in (page, summary):
        assert "2 scenarios x 2 models = 4 runs in " in text
        assert "1/2" in text
        assert "0.500 (1/2)" in text.replace("&#40;", "(").replace("&#41;", ")").replace("&#46;", ".")
        assert "suite.yaml" in text.replace("&#46;", ".")
    assert "1 of 2 gates held; 2 passed, 2 failed" in summary
    assert "### Compared with " in summary


def test_collecting_writes_none(project: Project) -> None:
    project.suite(right("a"))

    assert project.bench("--collect-only", *FILES).ret == 0
    assert not (project.path / "out").exists()


def test_they_are_complete_without_a_store(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), wrong("b"))

    project.bench("--bench-store=none", *FILES, *workers)

    assert len(json_report(project.path / "b.json")["results"]) == 2
    assert "1 passed, 1 failed" in (project.path / "out" / "r.md").read_text("utf-8")
    assert "2 scenarios x 1 model = 2 runs in " in (project.path / "out" / "r.html").read_text("utf-8")


@pytest.fixture
def talking(project: Project) -> Project:
    """One run of two turns, the second with a picture and a tool; its answer is judged by another model."""
    project.write("conftest.py", judging_conftest("ok", "about {context.text}"))
    project.write("bench.toml", '[model.judge]\nprovider = "sim"\nname = "steady"\n')
    (project.path / "a.png").write_bytes(PNG)
    calls = {"latency": 0, "tool_calls": [{"name": "get_weather", "arguments": {}}]}
    talk = scenario("a", calls, tools=[TOOL], system="Be brief.", checks=[{"judged": "Right?"}])
    del talk["prompt"]
    pictured = [{"text": "See </script>:"}, {"image": "a.png"}]
    project.suite({**talk, "turns": ["Hi <b>", {"prompt": pictured, "checks": [{"contains": "sunny"}]}]})
    return project


def entry(project: Project) -> dict[str, Any]:
    page = (project.path / "out" / "r.html").read_text("utf-8")
    data = page.partition('id="data"')[2].partition(">")[2].partition("</script>")[0]
    (found,) = json.loads(data)
    return dict(found)


def check_conversation(told: dict[str, Any]) -> None:
    picture = f"[image image/png, 2 kB, sha256:{sha256(PNG).hexdigest()[:16]}]"
    assert told["asked"] == [
        [["system", "Be brief."], ["user", "Hi <b>"]],
        [],
        [["user", f"See </script>:\n{picture}"]],
        [],
    ]
    answers = [answer[0] for answer in told["answers"]]
    assert answers[0] == answers[2] == "[call get_weather({})]\n[result of call_sim_0_0: sunny]"
    assert answers[1]
    assert "sunny" in answers[3]
    (judge,) = told["others"]
    assert (judge["purpose"], judge["model"]) == ("judge", "judge")
    assert judge["asked"] == [["user", f"Right? about {answers[3]}"]]
    assert judge["answer"][0]


@pytest.mark.parametrize("store", [(), ("--bench-store=none",)], ids=["store", "no store"])
def test_the_page_shows_the_whole_conversation(
    talking: Project, store: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    talking.bench(*FILES, *store, *workers).assert_outcomes(passed=1)

    check_conversation(entry(talking))


def test_the_page_of_a_session_that_asked_nothing_shows_it_too(talking: Project, workers: tuple[str, ...]) -> None:
    talking.bench()
    talking.bench("--bench-regrade", *FILES, *workers).assert_outcomes(passed=1)

    told = entry(talking)
    assert told["cached"]
    assert told["others"][0].pop("cached")
    check_conversation(told)


def test_a_command_makes_the_same_page(talking: Project, pytester: pytest.Pytester) -> None:
    talking.bench(*FILES)
    live = entry(talking)
    (talking.path / "out" / "r.html").unlink()

    pytester.run("benchmodels", "report", "latest", "--html=out/r.html")
    assert entry(talking) == live

    (talking.path / "out" / "r.html").unlink()
    pytester.run("benchmodels", "report", "b.json", "--html=out/r.html")
    from_file = entry(talking)
    assert from_file["answers"] == live["answers"]
    assert "asked" not in from_file
    assert from_file["others"] == [{"purpose": "judge", "model": "judge"}]


@pytest.mark.parametrize("store", [(), ("--bench-store=none",)], ids=["store", "no store"])
def test_what_was_not_answered_was_asked_all_the_same(
    project: Project, pytester: pytest.Pytester, store: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    project.suite(broken("a", prompt="Who is there?"))
    project.bench("--bench-retries=0", *FILES, *store, *workers)

    told = entry(project)
    assert told["status"] == "error"
    assert told["asked"] == [[["user", "Who is there?"]]]
    assert "answers" not in told
    if not store:
        shown = pytester.run("benchmodels", "show", "latest", "suite.yaml")
        shown.stdout.fnmatch_lines(["> user: Who is there?", "< not answered"])
        assert project.bench("--bench-regrade").parseoutcomes() == {"skipped": 1}


def test_what_was_never_sent_was_not_asked(project: Project) -> None:
    project.suite(right("a", skip="later"))
    project.bench(*FILES)

    assert "asked" not in entry(project)
