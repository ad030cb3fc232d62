"""What a user may type, and what it comes to."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["DEFAULT_PATTERNS", "Settings", "add_options", "read_settings"]

DEFAULT_CONCURRENCY = 20
DEFAULT_TIMEOUT_S = 180.0
DEFAULT_RETRIES = 4
DEFAULT_PATTERNS = ["*.yaml", "*.yml", "*.json", "*.jsonl"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line and the ini file, read once.

    `concurrency` is how many runs of one model may be in flight. `timeout_s` is the limit of a run whose scenario and
    model set none: seconds, 0 for no limit. `repeat` is None where the user set none. `budget_usd` is in US dollars,
    None for no budget.
    """

    models: tuple[str, ...]
    config_file: Path | None
    config_file_named: bool
    concurrency: int
    repeat: int | None
    timeout_s: float
    retries: int
    budget_usd: float | None
    patterns: tuple[str, ...]
    json_file: Path | None


def add_options(parser: pytest.Parser) -> None:
    """Declare the options of the contract, section 1."""
    group = parser.getgroup("bench", "benchmodels: run scenario files against LLMs")
    add = group.addoption
    add("--bench", action="store_true", help="collect scenario files as tests")
    add(
        "--bench-models",
        action="append",
        default=[],
        metavar="LIST",
        help="comma-separated models for this run; may be repeated; wins over files and config",
    )
    add("--bench-config", metavar="FILE", help="models, limits (default: bench.toml in rootdir, if there)")
    add(
        "--bench-concurrency",
        type=_positive,
        metavar="N",
        help="scenarios at once; each model has at most N runs in flight, all models run in parallel "
        "(default: K of an explicit `-n K`, else 20)",
    )
    add("--bench-repeat", type=_positive, metavar="K", help="run every (scenario, model) K times (default: 1)")
    add(
        "--bench-timeout",
        type=_seconds,
        metavar="S",
        help="seconds for one run, 0 for no limit; `--timeout` wins (default: 180)",
    )
    add(
        "--bench-retries",
        type=_natural,
        default=DEFAULT_RETRIES,
        metavar="N",
        help="further attempts after a retryable failure (default: 4)",
    )
    add(
        "--bench-budget",
        type=_dollars,
        metavar="USD",
        help="start no further run once this much is spent; the rest is skipped",
    )
    add("--bench-json", metavar="FILE", help="write every result to FILE as JSON")
    parser.addini("bench_files", "patterns of scenario files", type="args", default=DEFAULT_PATTERNS)


def read_settings(config: pytest.Config) -> Settings:
    """Read options and ini values; raise `pytest.UsageError` for one that cannot be."""
    option = config.option
    named = option.bench_config is not None
    config_file = config.invocation_params.dir / option.bench_config if named else config.rootpath / "bench.toml"
    return Settings(
        models=tuple(name.strip() for text in option.bench_models for name in text.split(",") if name.strip()),
        config_file=config_file if named or config_file.is_file() else None,
        config_file_named=named,
        concurrency=option.bench_concurrency or _workers(config) or DEFAULT_CONCURRENCY,
        repeat=option.bench_repeat,
        timeout_s=_timeout_s(config),
        retries=option.bench_retries,
        budget_usd=option.bench_budget,
        patterns=tuple(config.getini("bench_files")),
        json_file=None if option.bench_json is None else config.invocation_params.dir / option.bench_json,
    )


def _workers(config: pytest.Config) -> int:
    """K of an explicit `-n K`; `-n auto` counts processors, which says nothing about a model's API."""
    typed = getattr(config.known_args_namespace, "numprocesses", None)
    return typed if isinstance(typed, int) else 0


def _timeout_s(config: pytest.Config) -> float:
    """The most specific of `--timeout`, `--bench-timeout`, PYTEST_TIMEOUT, ini `timeout`; else 180."""
    typed = config.getoption("timeout", None)
    if typed is not None:
        return float(typed)
    if config.option.bench_timeout is not None:
        return float(config.option.bench_timeout)
    inherited = os.environ.get("PYTEST_TIMEOUT") or _ini_timeout(config)
    try:
        return float(inherited) if inherited else DEFAULT_TIMEOUT_S
    except ValueError as error:
        raise pytest.UsageError(f"timeout: {inherited!r} is no number of seconds") from error


def _ini_timeout(config: pytest.Config) -> str:
    try:
        return str(config.getini("timeout") or "")
    except ValueError:  # -p no:timeout
        return ""


def _positive(text: str) -> int:
    value = _natural(text)
    if value == 0:
        raise ValueError
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError
    return value


def _dollars(text: str) -> float:
    return _seconds(text)


# argparse shows a type's name: "invalid a whole number above 0 value: '0'".
_positive.__name__ = "whole number above 0"
_natural.__name__ = "whole number"
_dollars.__name__ = "number of US dollars"
_seconds.__name__ = "number of seconds"
