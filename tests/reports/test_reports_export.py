from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Failure, Result
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.reports.export import COLUMNS, ExportFormat, export
from tests.reports.reports_parts import HOSTILE, hostile_results, result

ERRED = result(
    "b",
    status="error",
    score=None,
    cost_usd=None,
    response=None,
    checks=(),
    error=Failure("auth", "HTTP 401"),
    fingerprint="f00d",
)


def written(results: Sequence[Result], form: ExportFormat) -> bytes:
    stream = io.BytesIO()
    export(stream, iter(results), form)
    return stream.getvalue()


def csv_rows(results: Sequence[Result]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(results, "csv").decode(), newline="")))


def jsonl_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    *lines, rest = written(results, "jsonl").split(b"\n")
    assert rest == b""
    return [json.loads(line) for line in lines]


def parquet_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(written(results, "parquet"))).to_pylist()
    return rows


def test_a_row_has_these_columns() -> None:
    (row,) = jsonl_rows([result()])
    assert list(row) == list(COLUMNS)
    assert row == {
        "nodeid": "maths/sums.yaml::add[sim/steady]",
        "scenario": "add",
        "model": "sim/steady",
        "trial": 1,
        "status": "passed",
        "score": 1.0,
        "threshold": None,
        "started_at": "2026-01-01T00:00:00.000Z",
        "duration_s": 2.0,
        "latency_s": 1.5,
        "wait_s": 0.0,
        "retry_s": None,
        "connect_s": None,
        "client_s": None,
        "attempts": 1,
        "input_tokens": 7,
        "output_tokens": 1,
        "cached_input_tokens": None,
        "cache_write_tokens": None,
        "reasoning_tokens": None,
        "cost_usd": 0.25,
        "known_cost_usd": 0.25,
        "reruns": 0,
        "finish_reason": "stop",
        "answer": "4",
        "error_kind": None,
        "error_message": None,
        "checks": [
            {
                "name": "equals",
                "score": 1.0,
                "passed": True,
                "explanation": "got '4'",
                "weight": 1.0,
                "summary": "equals '4'",
                "votes": [],
                "checks": [],
            }
        ],
        "cached": False,
        "fingerprint": "",
    }


def test_parquet_has_the_same_with_types() -> None:
    table = parquet.read_table(io.BytesIO(written([result(), ERRED], "parquet")))
    assert table.schema.names == list(COLUMNS)
    assert str(table.schema.field("started_at").type) == "timestamp[ms, tz=UTC]"
    rows = table.to_pylist()
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for row in rows:
        row["checks"] = [{**check, "checks": json.loads(check["checks"])} for check in row["checks"]]
    assert rows == [{**row, "started_at": moment} for row in jsonl_rows([result(), ERRED])]


def test_csv_has_the_same_as_text() -> None:
    row, erred = csv_rows([result(), ERRED])
    assert list(row) == list(COLUMNS)
    assert (row["score"], row["cached"], row["answer"]) == ("1.0", "False", "4")
    assert json.loads(row["checks"]) == jsonl_rows([result()])[0]["checks"]
    assert (erred["score"], erred["answer"], erred["input_tokens"]) == ("", "", "")
    assert (erred["error_kind"], erred["error_message"]) == ("auth", "HTTP 401")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_csv_is_a_formula(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    (row,) = csv_rows([result(text, response=Response(text))])
    assert (row["answer"], row["scenario"]) == (f"'{text}", f"'{text}")
    assert jsonl_rows([result(response=Response(text))])[0]["answer"] == text


@given(st.text(st.characters()))
def test_any_text_is_one_harmless_cell_of_csv(text: str) -> None:
    (row,) = csv_rows([result(response=Response(text))])
    assert not row["answer"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", row["answer"])


def test_newlines_stay_in_their_cell() -> None:
    (row,) = csv_rows([result(response=Response('a\r\n"b",\nc\rd'))])
    assert row["answer"] == 'a\n"b",\nc\\rd'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_from_jsonl_as_it_was(text: str) -> None:
    assert jsonl_rows([result(response=Response(text))])[0]["answer"] == text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", get_args(ExportFormat))
def test_hostile_text_stays_in_its_row(text: str, form: ExportFormat) -> None:
    read = {"csv": csv_rows, "jsonl": jsonl_rows, "parquet": parquet_rows}[form]
    rows = read(hostile_results(text))
    assert [row["status"] for row in rows] == ["passed", "failed", "timeout", "error", "skipped"]


@pytest.mark.parametrize("form", get_args(ExportFormat))
def test_nothing_ran(form: ExportFormat) -> None:
    read = {"csv": csv_rows, "jsonl": jsonl_rows, "parquet": parquet_rows}[form]
    assert read([]) == []


def test_what_a_format_cannot_say_is_unknown_or_the_most_it_can() -> None:
    check = CheckResult("c", math.nan, passed=False, explanation="")
    odd = result(score=math.inf, checks=(check,), response=Response("", None, Usage(10**30, 1)))
    for row in (jsonl_rows([odd])[0], parquet_rows([odd])[0]):
        assert (row["score"], row["checks"][0]["score"], row["input_tokens"]) == (None, None, 2**63 - 1)


def test_many_rows_go_in_groups() -> None:
    data = written([result(f"s{number}") for number in range(2500)], "parquet")
    file = parquet.ParquetFile(io.BytesIO(data))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (2500, 3)


def test_long_answers_go_in_smaller_groups() -> None:
    data = written([result(response=Response("x" * 15_000_000)) for _ in range(3)], "parquet")
    assert parquet.ParquetFile(io.BytesIO(data)).metadata.num_row_groups == 2


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_the_votes_of_judges_are_exported(form: ExportFormat) -> None:
    vote = Vote("a/judge", 0.5, passed=True, order="first")
    judged = result(checks=(CheckResult("judge", 0.5, passed=True, explanation="", votes=(vote,)),))
    read = {"csv": csv_rows, "jsonl": jsonl_rows, "parquet": parquet_rows}[form]
    checks = read([judged])[0]["checks"]
    told = json.loads(checks) if isinstance(checks, str) else checks
    assert told[0]["votes"] == [
        {
            "judge": "a/judge",
            "score": 0.5,
            "passed": True,
            "number": 1,
            "order": "first",
            "confidence": None,
            "verdict": "",
            "own": False,
        }
    ]


def test_parquet_without_pyarrow_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError) as raised:
        written([result()], "parquet")
    assert str(raised.value) == (
        "format 'parquet' needs pyarrow, which is not installed; pip install 'pytest-benchmodels[parquet]', "
        "or choose csv or jsonl"
    )


@pytest.mark.parametrize("form", get_args(ExportFormat))
def test_the_stream_stays_open(form: ExportFormat, tmp_path: Path) -> None:
    with (tmp_path / "rows").open("wb") as stream:
        export(stream, [result()], form)
        assert not stream.closed


def test_a_stream_stays_open_when_the_results_end_early() -> None:
    def results() -> Any:
        yield result()
        raise RuntimeError("the store broke")

    stream = io.BytesIO()
    with pytest.raises(RuntimeError, match="the store broke"):
        export(stream, results(), "csv")
    assert not stream.closed


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_checks_inside_of_others_are_exported(form: ExportFormat) -> None:
    inner = CheckResult("judge", math.inf, passed=True, explanation="\ud800", votes=(Vote("a", 1.0, passed=True),))
    outer = CheckResult("any_of", 1.0, passed=True, explanation="", checks=(inner,))
    read = {"csv": csv_rows, "jsonl": jsonl_rows, "parquet": parquet_rows}[form]
    checks = read([result(checks=(outer,))])[0]["checks"]
    (told,) = json.loads(checks) if isinstance(checks, str) else checks
    (inside,) = json.loads(told["checks"]) if form == "parquet" else told["checks"]
    assert (inside["name"], inside["score"], inside["explanation"]) == ("judge", None, "?")
    assert [vote["judge"] for vote in inside["votes"]] == ["a"]
    assert inside["checks"] == []
