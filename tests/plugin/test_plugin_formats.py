"""pytest_bench_formats: readers of scenario files that users bring."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.plugin.plugin_parts import Project, json_report, junit_cases

READER = """
import csv
import io
import tomllib

import pytest_benchmodels

def read_csv(path, text):
    rows = csv.DictReader(io.StringIO(text))
    for row in rows:
        if row["prompt"] == "stop":
            raise pytest_benchmodels.FormatError("no prompt at all", line=rows.line_num)
        yield {
            "id": row["id"],
            "line": rows.line_num,
            "prompt": row["prompt"],
            "models": ["sim/steady"],
            "checks": [{row.get("check") or "equals": row["expected"]}],
        }

def read_toml(path, text):
    return tomllib.loads(text)

def read_prompt(path, text: bytes):
    if b"?" not in text:
        return None
    return [{"id": path.name.split(".")[0], "prompt": text.decode("utf-16"), "checks": [{"contains": "4"}]}]

def pytest_bench_formats():
    return {".csv": read_csv, ("*.toml", "*.tml"): read_toml, "*.prompt.md": read_prompt}
"""
CSV = "id,prompt,expected\nadd,What is 2 + 2?,4\ncapital,Name the capital of France.,Paris\n"
TOML = """
[defaults]
models = ["sim/steady"]
timeout = 30

[[scenarios]]
id = "six"
prompt = "What is 3 + 3?"
checks = [{equals = "6"}]
"""


def test_files_of_such_names_are_collected_and_run(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", READER)
    project.write("suite/questions.csv", CSV)
    project.write("suite/six.tml", TOML)
    (project.path / "suite" / "one.prompt.md").write_bytes("What is 2 + 2?".encode("utf-16"))
    project.write("suite/README.md", "no scenario")
    project.write("suite/data.yaml", "id: native\nprompt: What is 1 + 1?\nchecks: [{equals: '2'}]\n")

    result = project.bench("suite", "--bench-models=sim/steady", "--bench-json=b.json", "--junitxml=j.xml", *workers)

    assert result.parseoutcomes() == {"passed": 5}
    found = {entry["nodeid"]: entry["status"] for entry in json_report(project.path / "b.json")["results"]}
    assert found == {
        "suite/questions.csv::add[sim/steady]": "passed",
        "suite/questions.csv::capital[sim/steady]": "passed",
        "suite/six.tml::six[sim/steady]": "passed",
        "suite/one.prompt.md::one[sim/steady]": "passed",
        "suite/data.yaml::native[sim/steady]": "passed",
    }
    assert len(junit_cases(project.path / "j.xml")) == 5


def test_a_reader_beside_its_files_is_known_to_workers_and_their_controller(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("deep/down/conftest.py", READER)
    project.write("deep/down/questions.csv", CSV)
    project.write("deep/other.csv", "this,is\nno,scenario\n")
    project.write("test_ordinary.py", "def test_it(): pass\n")

    result = project.bench("--bench-json=b.json", *workers)

    assert result.parseoutcomes() == {"passed": 3}
    run = json_report(project.path / "b.json")["run"]
    assert (run["runs"], run["planned"], run["not_started"]) == (2, {"sim/steady": 2}, [])
    result.stdout.fnmatch_lines(["2 scenarios x 1 model = 2 runs *"])


def test_a_file_may_be_named_and_so_may_its_runs(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", READER)
    project.write("questions.csv", CSV)

    assert project.bench("questions.csv", *workers).parseoutcomes() == {"passed": 2}
    assert project.bench("questions.csv::add[sim/steady]", *workers).parseoutcomes() == {"passed": 1}
    assert project.bench("-k", "capital", *workers).parseoutcomes()["passed"] == 1


def test_a_reader_that_crashes_costs_its_file_alone(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", READER)
    project.write("a.csv", "id,expected\nadd,4\n")
    project.write("b.csv", CSV)
    project.write("c.toml", "id = \n")
    line = next(number for number, text in enumerate(READER.split("\n"), 1) if 'row["prompt"] ==' in text)
    toml_line = next(number for number, text in enumerate(READER.split("\n"), 1) if "tomllib.loads" in text)

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"passed": 2, "errors": 2}
    result.stdout.fnmatch_lines(
        [
            f"a.csv:1: its reader conftest.read_csv crashed: KeyError: 'prompt' (conftest.py:{line})",
            f"c.toml:1: its reader conftest.read_toml crashed: TOMLDecodeError: *(conftest.py:{toml_line})",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_wrong_records_are_told_with_their_lines_all_at_once(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", READER)
    project.write("a.csv", "id,prompt,expected,check\nx,Why?,4,equal\nx,Why?,4,\n\ny,Who?,(,regex\n")
    project.write("b.csv", "id,prompt,expected\nx,Why?,4\ny,stop,\n")

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"errors": 2}
    result.stdout.fnmatch_lines(
        [
            "a.csv:2: unknown check 'equal'; did you mean 'equals'?*",
            "a.csv:3: id 'x' is taken already, by line 2: ids are unique in a file",
            "a.csv:5: *regex*",
            "b.csv:3: no prompt at all",
        ]
    )


def test_a_file_that_the_reader_does_not_take_is_left_out_unless_it_was_named(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", READER)
    project.write("a.prompt.md", "none")
    project.write("b.csv", CSV)

    assert project.bench(*workers).parseoutcomes() == {"passed": 2}
    named = project.bench("a.prompt.md", *workers)
    assert named.ret != pytest.ExitCode.OK
    named.stdout.fnmatch_lines(["a.prompt.md:1: its reader returned None: it does not take this file for a scenario *"])


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("return [1]", "pytest_bench_formats returned [[]1]: give a mapping of names to readers, such as *"),
        ("return {'.yaml': print}", "pytest_bench_formats: '.yaml' takes over a format that is there already: *"),
        ("return {'*': print}", "pytest_bench_formats: '[*]' takes over a format that is there already: *"),
        ("return {3: print}", "pytest_bench_formats: 3 is no name of files: name files by a suffix*"),
        ("return {'.csv': 3}", "pytest_bench_formats: the reader of '[*].csv' is 3: a reader is a function *"),
        ("return {'.csv': lambda path: []}", "pytest_bench_formats: the reader of '[*].csv', *, cannot be called so *"),
        ("return {'.csv': len, '*.csv': len}", "pytest_bench_formats: '[*].csv' has two readers, builtins.len and *"),
        ("1 / 0", "pytest_bench_formats() crashed: ZeroDivisionError: division by zero (conftest.py:3)"),
        ("raise SystemExit(3)", "pytest_bench_formats() crashed: SystemExit: 3 (conftest.py:3)"),
    ],
)
def test_what_is_no_format_is_said_before_anything_runs(
    project: Project, workers: tuple[str, ...], hook: str, said: str
) -> None:
    project.write("conftest.py", f"\ndef pytest_bench_formats():\n    {hook}\n")
    project.write("a.csv", CSV)

    result = project.bench(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_what_is_no_format_in_a_deeper_folder_costs_that_folder(project: Project, workers: tuple[str, ...]) -> None:
    project.write("deep/conftest.py", "def pytest_bench_formats():\n    return {'.csv': 3}\n")
    project.write("deep/a.csv", CSV)
    project.write("add.yaml", "id: add\nmodels: [sim/steady]\nprompt: What is 2 + 2?\nchecks: [{equals: '4'}]\n")

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["pytest_bench_formats: the reader of '[*].csv' is 3: *"])


@pytest.mark.parametrize("raised", ["skip", "fail"])
def test_a_reader_may_skip_or_fail_as_pytest_has_it(project: Project, workers: tuple[str, ...], raised: str) -> None:
    project.write(
        "conftest.py",
        "import pytest\n\ndef read(path, text):\n"
        f"    pytest.{raised}('not today')\n\ndef pytest_bench_formats():\n    return {{'.csv': read}}\n",
    )
    project.write("a.csv", CSV)
    project.write("add.yaml", "id: add\nmodels: [sim/steady]\nprompt: What is 2 + 2?\nchecks: [{equals: '4'}]\n")

    result = project.bench("-rs", *workers)

    assert result.parseoutcomes() == {"passed": 1, {"skip": "skipped", "fail": "errors"}[raised]: 1}
    result.stdout.fnmatch_lines(["*not today*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_without_bench_nothing_is_read_and_a_named_file_says_what_is_missing(project: Project) -> None:
    project.write("conftest.py", READER)
    project.write("a.csv", CSV)

    command = [sys.executable, "-mpytest", "a.csv"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "if 'a.csv' is a scenario file, add --bench" in done.stderr


def test_a_stored_run_of_such_files_is_finished_and_read_again(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", READER)
    project.write("questions.csv", CSV)
    project.bench("-k", "add", *workers)

    again = project.bench("--bench-cache", "--bench-json=b.json", *workers)

    assert again.parseoutcomes() == {"passed": 2}
    cached = {entry["scenario"]: entry["cached"] for entry in json_report(project.path / "b.json")["results"]}
    assert cached == {"add": True, "capital": False}
    assert json.loads((project.path / "b.json").read_text())["run"]["runs"] == 2
