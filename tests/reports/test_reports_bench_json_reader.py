"""What --bench-json wrote comes back whole, and anything else is refused in plain words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation, read_bench_json, write_bench_json
from pytest_benchmodels.statistics.metrics import Tally
from tests.core.made_results import made

RUN = BenchRun(started_at=1.5, duration_s=2.0, version="0.1.0", concurrency=20, exit_status=0, id="r1")
EQUALS = CheckResult("equals", 1.0, passed=True, explanation="ok")
ALL_OF = CheckResult("all_of", 1.0, passed=True, explanation="", checks=(EQUALS,))
ANSWER = Response("4", "stop", Usage(3, 1), 0.25)


def a_result(nodeid: str, **fields: object) -> Result:
    given: dict[str, object] = {"scenario": "s", "model": "m", "trial": 1, "status": "passed", "duration_s": 0.5}
    return made(nodeid=nodeid, started_at=1_800_000_000.25, **{**given, **fields})


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    results = [
        a_result("a[m]", score=1.0, response=ANSWER, checks=(EQUALS, ALL_OF)),
        a_result("b[m]", status="error", error=Failure("auth", "no"), retries=(Retry("http", "500", 0.5),)),
        a_result("c[m]", response=ANSWER, answers=(ANSWER, ANSWER), waits={"rpm of m": 2.0}, wait_s=2.0),
    ]
    path = tmp_path / "bench.json"
    write_bench_json(path, Evaluation(RUN, Tally().figures(1)), results)

    document = read_bench_json(path)

    assert (document.run["id"], len(document)) == ("r1", 3)
    assert list(document.results()) == results
    written = json.loads(path.read_text())["results"]
    assert [entry["latency_s"] for entry in written] == [0.0, None, 0.0]  # of what was not answered there is none


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no file that --bench-json wrote"),
        ("[]", "is no file that --bench-json wrote"),
        ('{"schema_version": 2, "run": {}, "results": []}', "has schema_version 2; this version reads 1"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        read_bench_json(path)


def test_checks_within_checks_without_end_are_refused(tmp_path: Path) -> None:
    check = '{"name": "a", "score": 1, "passed": true, "explanation": "", "checks": ['
    path = tmp_path / "bench.json"
    path.write_text(f'{{"schema_version": 1, "run": {{}}, "results": [{check * 1000}{"]}" * 1000}]}}')
    with pytest.raises(ConfigError, match="is no file that --bench-json wrote: maximum recursion depth exceeded"):
        read_bench_json(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.json' cannot be read: No such file"):
        read_bench_json(tmp_path / "missing.json")


def test_a_damaged_result_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"schema_version": 1, "run": {}, "results": [{"nodeid": "a"}]}))
    with pytest.raises(ConfigError, match="its result 1 is none"):
        list(read_bench_json(path).results())
