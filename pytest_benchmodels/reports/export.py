"""One row for each result, for spreadsheets and data frames: CSV, JSON lines, Parquet.

All formats have the same columns. What is not known is empty in CSV, null elsewhere.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Literal

import msgspec

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.text import plain, well_formed
from pytest_benchmodels.reports.units import utc

__all__ = ["COLUMNS", "ExportFormat", "export"]

ExportFormat = Literal["csv", "jsonl", "parquet"]
_Row = dict[str, Any]

COLUMNS: Mapping[str, str] = {
    "nodeid": "string",
    "scenario": "string",
    "model": "string",
    "trial": "int64",
    "status": "string",
    "score": "double",
    "threshold": "double",
    "started_at": "timestamp",
    "duration_s": "double",
    "latency_s": "double",
    "wait_s": "double",
    "retry_s": "double",
    "connect_s": "double",
    "client_s": "double",
    "attempts": "int64",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "cached_input_tokens": "int64",
    "cache_write_tokens": "int64",
    "reasoning_tokens": "int64",
    "cost_usd": "double",
    "known_cost_usd": "double",
    "reruns": "int64",
    "finish_reason": "string",
    "answer": "string",
    "error_kind": "string",
    "error_message": "string",
    "checks": "checks",
    "cached": "bool",
    "fingerprint": "string",
}
"""The columns in their order, with their types in Parquet: `checks` is a list of structures."""

_FORMULA = ("=", "+", "-", "@", "\t")
_MOST = 2**63 - 1
_BATCH_ROWS = 1000
_BATCH_CHARACTERS = 20_000_000


def export(stream: BinaryIO, results: Iterable[Result], form: ExportFormat) -> None:
    """Write one row for each result, as they come: they are never in memory as a whole.

    Raises `ConfigError` for Parquet where pyarrow is not installed.
    """
    writers: dict[ExportFormat, Callable[[BinaryIO, Iterator[_Row]], None]] = {
        "csv": _write_csv,
        "jsonl": _write_jsonl,
        "parquet": _write_parquet,
    }
    writers[form](stream, map(_row, results))


def _row(result: Result) -> _Row:
    response, error = result.response, result.error
    spent = result.spent
    usage = spent.usage
    row = {
        "nodeid": result.nodeid,
        "scenario": result.scenario,
        "model": result.model,
        "trial": result.trial,
        "status": result.status,
        "score": result.score,
        "threshold": result.threshold,
        "started_at": utc(result.started_at),
        "duration_s": result.duration_s,
        "latency_s": result.told_latency_s,
        "wait_s": result.wait_s,
        "retry_s": result.retry_s,
        "connect_s": result.connect_s,
        "client_s": result.client_s,
        "attempts": result.attempts,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": spent.cost_usd,
        "known_cost_usd": spent.known_cost_usd,
        "reruns": result.reruns,
        "finish_reason": response.finish_reason if response else None,
        "answer": response.text if response else None,
        "error_kind": error.kind if error else None,
        "error_message": error.message if error else None,
        "checks": list(map(_check, result.checks)),
        "cached": result.cached,
        "fingerprint": result.fingerprint,
    }
    return {name: _exportable(value) for name, value in row.items()}


def _check(check: CheckResult) -> _Row:
    fields: _Row = msgspec.to_builtins(check)
    # A table has the same columns for all checks.
    return {name: _exportable(value) for name, value in fields.items() if name != "measures"}


def _exportable(value: Any) -> Any:
    """The same without what one of the formats cannot say: lone surrogates, NaN and infinity, numbers of 64 bits."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return min(value, _MOST)
    if isinstance(value, tuple):
        return [{name: _exportable(part) for name, part in each.items()} for each in value]
    return value


def _write_csv(stream: BinaryIO, rows: Iterator[_Row]) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(_cell(value) for value in row.values())
    finally:
        text.detach()  # or the wrapper would close a stream that is not its own


def _cell(value: Any) -> Any:
    """A spreadsheet would run a text that begins like a formula: with an apostrophe in front it shows it."""
    if isinstance(value, list):
        return plain(msgspec.json.encode(value).decode())
    if not isinstance(value, str):
        return value
    shown = plain(value.replace("\r\n", "\n"))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _write_jsonl(stream: BinaryIO, rows: Iterator[_Row]) -> None:
    stream.writelines(msgspec.json.encode(row) + b"\n" for row in rows)


def _write_parquet(stream: BinaryIO, rows: Iterator[_Row]) -> None:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and 100 ms
        from pyarrow import parquet  # noqa: PLC0415 - the same
    except ImportError as error:
        raise ConfigError(
            "format 'parquet' needs pyarrow, which is not installed; pip install 'pytest-benchmodels[parquet]', "
            "or choose csv or jsonl"
        ) from error
    schema = _schema(pa)
    with parquet.ParquetWriter(stream, schema) as writer:
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _schema(pa: Any) -> Any:
    votes = (
        ("judge", pa.string()),
        ("score", pa.float64()),
        ("passed", pa.bool_()),
        ("number", pa.int64()),
        ("order", pa.string()),
        ("confidence", pa.float64()),
        ("verdict", pa.string()),
        ("own", pa.bool_()),
    )
    checks = (
        ("name", pa.string()),
        ("score", pa.float64()),
        ("passed", pa.bool_()),
        ("explanation", pa.string()),
        ("weight", pa.float64()),
        ("summary", pa.string()),
        ("votes", pa.list_(pa.struct(votes))),
        ("checks", pa.string()),  # no type of its own can hold checks within checks, however deep
    )
    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("ms", tz="UTC"),
        "checks": pa.list_(pa.struct(checks)),
    }
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    """Rows that are written together: a thousand, or fewer where their answers are long."""
    batch: list[_Row] = []
    size = 0
    for row in rows:
        checks = [{**check, "checks": msgspec.json.encode(check["checks"]).decode()} for check in row["checks"]]
        batch.append({**row, "checks": checks, "started_at": datetime.fromisoformat(row["started_at"])})
        size += len(row["answer"] or "")
        if len(batch) == _BATCH_ROWS or size > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
