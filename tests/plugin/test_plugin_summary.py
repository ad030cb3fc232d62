"""The benchmark summary: where it stands, what it says, and when it says nothing."""

from __future__ import annotations

import re

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, broken, hanging, right, wrong

CLOSING = (
    re.compile(r"\d+ scenarios? x \d+ models?( x \d+ trials)? = \d+ runs?( \(.+\))? in \d+\.\d\d min"),
    re.compile(r"throughput: \d+\.\d scenarios/min, \d+\.\d model runs/min( \(.+ not counted\))?"),
    re.compile(r"makespan \d+\.\d s, lower bound \d+\.\d s \((\d+%|-)\)"),
)
"""The contract's words: dashboards read them."""
TITLES = "model passed rate 95% CI score errors timeouts p50 p95 tokens cost"


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of the summary: from its title to its last, without that of a machine that is busy."""
    lines = [line for line in result.outlines if not line.startswith("latency is overstated: ")]
    start = next(number for number, line in enumerate(lines) if re.fullmatch("=+ benchmark summary =+", line))
    end = next(number for number, line in enumerate(lines) if number > start and line.startswith("exit status "))
    return lines[start + 1 : end + 1]


def assert_closed(lines: list[str]) -> None:
    for line, pattern in zip(lines[-4:-1], CLOSING, strict=True):
        assert pattern.fullmatch(line), line


def test_the_summary_is_the_last_before_pytests_own_line(project: Project) -> None:
    project.suite(right("good"), wrong("bad"), broken("refused"), hanging("late", timeout=0.2))
    project.write("test_ordinary.py", "import warnings\n\ndef test_one(): warnings.warn('hm')\n")

    result = project.bench("-Wdefault", "-ra", "--durations=1", "--bench-gate=graded >= 50%")

    titles = [line.strip("=- ") for line in result.outlines if re.fullmatch(r"[=-]{3,} .+ [=-]{3,}", line)]
    order = ["ERRORS", "FAILURES", "warnings summary", "short test summary info", "gates", "benchmark summary"]
    assert [title for title in titles if title in order] == order
    assert re.fullmatch(r"2 failed, 3 passed, 1 warning, 1 error in \S+", titles[-1]), titles[-1]
    lines = summary(result)
    assert lines[0].split() == TITLES.split()
    assert re.fullmatch(r"sim/steady +1/3 +33\.3% .* +1 +1 .*", lines[1]), lines[1]
    assert_closed(lines)
    assert lines[-4].startswith("4 scenarios x 1 model = 4 runs in ")


def test_each_model_has_a_line(project: Project) -> None:
    project.suite(right("a"), right("b"), models=["sim/steady", "sim/flaky"])

    lines = summary(project.bench("--bench-repeat=2"))

    assert [line.split()[:3] for line in lines[1:3]] == [
        ["sim/flaky", "4/4", "100.0%"],
        ["sim/steady", "4/4", "100.0%"],
    ]
    assert lines[-4].startswith("2 scenarios x 2 models x 2 trials = 8 runs in ")
    assert_closed(lines)


@pytest.mark.parametrize("option", ["-q", "-qq", "-v", "--tb=no", "-rN"])
def test_it_is_there_however_much_pytest_says(project: Project, option: str) -> None:
    project.suite(right("add"))

    assert_closed(summary(project.bench(option)))


def test_no_summary_is_about_pytests_own_sections(project: Project) -> None:
    """So pytest treats every plugin's section: it leaves out failures and its short summary."""
    project.suite(wrong("bad"))

    result = project.bench("--no-summary")

    result.stdout.no_fnmatch_line("*FAILURES*")
    result.stdout.no_fnmatch_line("*short test summary*")
    assert_closed(summary(result))


def test_without_runs_there_is_none(project: Project) -> None:
    project.write("test_ordinary.py", "def test_one(): pass\n")

    project.bench().stdout.no_fnmatch_line("*benchmark summary*")


def test_a_session_that_stops_early_says_so_and_how_to_go_on(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(wrong("bad"), *(hanging(f"late-{number}", timeout=None) for number in range(2)))

    lines = summary(project.bench("-x", *workers))

    assert lines[2:4] == [
        "stopped early: 2 of 3 runs have no result here",
        f"to finish this run: pytest --bench -Werror {' '.join(workers)}".rstrip() + " --bench-resume",
    ]
    assert_closed(lines)


def test_a_session_that_is_complete_has_nothing_to_finish(project: Project) -> None:
    project.suite(right("good"), wrong("bad"))

    lines = summary(project.bench())

    assert len(lines) == 2 + 4
    assert_closed(lines)


def test_without_a_store_nothing_is_said_about_finishing(project: Project) -> None:
    project.suite(broken("refused"))

    lines = summary(project.bench("--bench-store=none"))

    assert not any("to finish this run" in line for line in lines)
    assert any(line.startswith("errors: sim/steady: 1 x bad-request: ") for line in lines)
    assert_closed(lines)


def test_a_cost_that_nobody_knows_is_named_with_the_remedy(
    project: Project, sim: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "k")
    project.watch(sim.url, provider="openai", api_key_env="A_KEY")
    project.suite(right("add", prompt="2 + 2"), models=["watched"])

    lines = summary(project.bench("--bench-budget=1"))

    assert lines[1].split()[-1] == "-"
    assert lines[2] == (
        "cost unknown: watched (the budget does not count them); "
        "set price = {input = ..., output = ...} of [model.NAME] in bench.toml"
    )
    assert_closed(lines)


def test_a_long_wait_is_told_with_its_reason(project: Project, sim: SimServer) -> None:
    """Sixty requests a minute: the second and the third of them wait one second and two."""
    project.watch(sim.url, rpm=60)
    project.suite(*(right(f"s{number}") for number in range(3)), models=["watched"])

    lines = summary(project.bench())

    (waited,) = (line for line in lines if line.startswith("waited: "))
    assert re.fullmatch(r"waited: watched: \S+ for .*rpm.* \(all its runs together\)", waited), waited
    assert lines.index(waited) < len(lines) - 3
    assert_closed(lines)


def test_verbose_says_why_stored_answers_were_not_taken(project: Project) -> None:
    project.suite(right("add"))
    project.bench()
    project.suite(right("add", prompt="What is 1 + 3?"))

    lines = summary(project.bench("--bench-cache", "-v"))

    assert any(re.fullmatch(r"1 runs? w(as|ere) run: .+", line) for line in lines), lines
    assert_closed(lines)


def test_a_model_of_an_odd_name_breaks_no_line(project: Project, sim: SimServer) -> None:
    alias = "m" * 200
    project.watch(sim.url, alias)
    project.suite(right("add"), models=[alias])

    lines = summary(project.bench())

    assert lines[1].partition(" ")[0] == "m" * 27 + "..." + "m" * 26
    assert_closed(lines)


def test_gates_closing_lines_and_the_conclusion_fit_a_narrow_terminal(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    project.suite(right("add"), wrong("lie"), broken("refused"), right("closed", skip="later"))

    result = project.bench("--bench-gate=pass_rate >= 0.9", "--bench-gate=pass_rate >= 0.1", "--bench-store=none")

    shown = result.outlines[next(n for n, line in enumerate(result.outlines) if line.strip("-") == " gates ") :]
    assert [line for line in shown if len(line) > 80] == []
    said = " ".join(" ".join(shown).split())
    assert "gate failed graded >= 95%: 0.667 (2/3), the share of runs with a verdict; asked by default" in said
    assert "model runs/min (1 error, 1 skipped not counted)" in said
    assert "exit status 1: gate failed: pass_rate >= 0.9, gate failed: graded >= 95%" in said


def test_verdicts_and_long_causes_keep_their_colours(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    project.suite(*(right(f"s{number}") for number in range(8)), broken("refused"))
    project.bench("--bench-json=before.json")
    project.suite(*(wrong(f"s{number}") for number in range(8)), broken("refused"))

    result = project.bench("--bench-compare=before.json", "--color=yes")

    red = [line for line in result.outlines if line.startswith("\x1b[31m")]
    assert any(line.removesuffix("\x1b[0m").endswith("  worse") for line in red), red
    at = next(number for number, line in enumerate(result.outlines) if "errors: sim/steady" in line)
    assert result.outlines[at + 1].startswith("\x1b[31m  ")
