from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_benchmodels.core.result import Failure, Result
from pytest_benchmodels.reports.bench_json import Evaluation, read_bench_json
from pytest_benchmodels.reports.junit import write_junit
from tests.reports.reports_parts import HOSTILE, evaluated, hostile_results, result

GATES = ("pass_rate >= 0.9", "error_rate < 0.9 @ *")


def written(results: Iterable[Result], evaluation: Evaluation | None = None) -> ET.Element:
    stored = list(results)
    stream = io.BytesIO()
    write_junit(stream, evaluation or evaluated(stored), iter(stored))
    return ET.fromstring(stream.getvalue())  # noqa: S314 - what the test has just made


def suite(folder: Path) -> None:
    """A scenario for each way to end."""
    ask = {"prompt": "What is 2 + 2?", "checks": [{"equals": "4"}]}
    scenarios = [
        {"id": "right", **ask},
        {"id": "wrong: odd/name.py", "params": {"sim": {"text": "<5> \x07 & " + "x" * 600}}, **ask},
        {"id": "refused", "params": {"sim": {"status": 400}}, **ask},
        {"id": "late", "params": {"sim": {"hang_rate": 1}}, "timeout": 0.3, **ask},
        {"id": "later", "skip": "not yet", **ask},
    ]
    (folder / "deep").mkdir()
    (folder / "deep" / "suite.yaml").write_text(
        json.dumps({"defaults": {"models": ["sim/steady"]}, "scenarios": scenarios})
    )


def comparable(case: ET.Element) -> object:
    """A test case without its time, and without what is not stored of a skip mark."""
    ending = [
        (child.tag, child.attrib.get("type"))
        if child.tag == "skipped"
        else (child.tag, dict(child.attrib), child.text, [dict(entry.attrib) for entry in child])
        for child in case
    ]
    return {name: value for name, value in case.attrib.items() if name != "time"}, ending


def test_it_is_what_pytest_writes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PYTEST_", "CI", "BUILD_"))]:
        monkeypatch.delenv(name)
    suite(pytester.path)
    files = ("--junitxml=pytest.xml", "--bench-json=bench.json")
    pytester.runpytest_subprocess("--bench", "deep", *files, *(f"--bench-gate={gate}" for gate in GATES))
    theirs = ET.parse(pytester.path / "pytest.xml").getroot()  # noqa: S314 - what pytest has just made

    results = list(read_bench_json(pytester.path / "bench.json").results())
    ours = written(results, evaluated(results, GATES))

    assert list(map(comparable, ours.iter("testcase"))) == list(map(comparable, theirs.iter("testcase")))
    assert len(results) == 5
    assert (ours.tag, ours.attrib) == (theirs.tag, theirs.attrib)
    measured = {"time", "timestamp"}
    assert list(ours[0].attrib) == list(theirs[0].attrib)
    assert {item for item in ours[0].attrib.items() if item[0] not in measured} == {
        item for item in theirs[0].attrib.items() if item[0] not in measured
    }


def test_times_are_the_runs_own_and_the_session_s() -> None:
    (session,) = written([result(duration_s=2.0015)])
    assert session.attrib["time"] == "3.500"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.500000[+-]\d\d:\d\d", session.attrib["timestamp"])
    assert session[0].attrib["time"] in {"2.001", "2.002"}


def test_a_run_that_was_skipped_for_the_budget_says_so() -> None:
    (case,) = written([result(status="skipped", error=Failure("budget", "$1.00 is spent"))])[0]
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.attrib == {"type": "pytest.skip", "message": "$1.00 is spent"}
    assert skipped.text == "maths/sums.yaml: $1.00 is spent"


def test_nothing_ran() -> None:
    (session,) = written([])
    assert len(session) == 0
    assert session.attrib["tests"] == "0"


def test_gates_count_as_tests() -> None:
    results = [result()]
    session = written(results, evaluated(results, ["pass_rate >= 0.9", "score < 0.5"]))[0]
    assert (session.attrib["tests"], session.attrib["failures"]) == ("4", "1")
    _, held, failed, implied = session
    assert held.attrib == {"classname": "gates", "name": "pass_rate >= 0.9", "time": "0.000"}
    assert [case.tag for case in held] == ["properties"]
    assert [child.attrib["message"] for child in failed.iter("failure")] == [
        "gate failed score < 0.5: 1.000, over 1 of 1 run"
    ]
    assert (implied.attrib["name"], implied.find("failure")) == ("graded >= 95%", None)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_breaks_nothing(text: str) -> None:
    hostile = hostile_results(text)
    session = written(hostile, evaluated(hostile, ["error_rate == 0 @ *"]))[0]
    assert [case[-1].tag for case in session] == [
        "properties",
        "failure",
        "failure",
        "error",
        "skipped",
        "failure",
        "failure",
    ]


def test_what_xml_does_not_allow_is_shown_as_pytest_shows_it() -> None:
    (case,) = written([result("a\x1b\ud800\uffff")])[0]
    assert case.attrib["name"] == "a#x1B#xD800#xFFFF[sim/steady]"
    assert {entry.attrib["value"] for entry in case.iter("property")} >= {"a#x1B#xD800#xFFFF"}


def test_results_are_written_one_by_one() -> None:
    stream = io.BytesIO()
    sizes = []

    def results() -> Iterable[Result]:
        for number in range(3):
            sizes.append(len(stream.getvalue()))
            yield result(f"s{number}")

    write_junit(stream, evaluated([result()] * 3), results())
    assert 0 < sizes[0] < sizes[1] < sizes[2] < len(stream.getvalue())
