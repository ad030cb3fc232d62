"""Texts of files and answers on their way to a terminal, a log and reports: no control characters, no commands."""

from __future__ import annotations

import re

from tests.plugin.plugin_parts import Project, right, scenario, wrong

STEERING = "\x1b[31mred\x1b]0;title\x07 \x9b31m \u202e second\nline"
COMMANDS = """hello
::stop-commands::x
  ::error file=app.py,line=1::injected
##vso[task.setvariable variable=PATH]/tmp
##[error]x"""
REPORTS = ("--junitxml=j.xml", "--bench-json=b.json", "--bench-html=h.html", "--bench-markdown=m.md", "--json-report")
FILES = ("j.xml", "b.json", "h.html", "m.md", ".report.json")


def test_reasons_steer_neither_terminal_nor_reports(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(
        right("skipped", skip=STEERING), wrong("expected", xfail=STEERING), right("unexpected", xfail=STEERING)
    )
    result = project.bench("suite.yaml", "-ra", "-v", "--bench-store=none", *REPORTS, *workers)
    result.assert_outcomes(skipped=1, xfailed=1, xpassed=1)
    shown = result.stdout.str()
    written = [(project.path / name).read_text(encoding="utf-8") for name in FILES]
    for text in (shown, *written):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert r"\x1b[31mred\x1b]0;title\x07 \x9b31m \u202e second line" in shown


def test_a_reason_of_a_megabyte_is_cut(project: Project) -> None:
    project.suite(right("skipped", skip="x" * 1_000_000))
    result = project.bench("suite.yaml", "-ra", "--bench-store=none")
    assert max(map(len, result.outlines)) < 700


def test_no_line_of_an_answer_is_a_command_of_a_ci_system(project: Project) -> None:
    project.suite(scenario("commands", {"text": COMMANDS}))
    result = project.bench("suite.yaml", "--bench-store=none")
    result.assert_outcomes(failed=1)
    assert not [line for line in result.outlines if re.search(r"^\s*::|##(vso|teamcity)?\[", line)]
    result.stdout.fnmatch_lines(["    : :error file=app.py,line=1::injected", "  # #vso[[]task.setvariable*"])


def test_no_error_of_a_file_is_a_command_of_a_ci_system(project: Project) -> None:
    project.write("suite.yaml", 'scenarios:\n  - {id: a, prompt: x, "##vso[task.complete]": 1, "::error::": 2}\n')
    result = project.bench("suite.yaml")
    assert not [line for line in result.outlines if re.search(r"^\s*::|##vso\[", line)]
    result.stdout.fnmatch_lines(["*unknown key '# #vso[[]task.complete]'*"])
