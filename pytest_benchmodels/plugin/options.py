"""The options, ini keys and paths of a session, read once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from pytest_benchmodels.core.text import quote

__all__ = [
    "DEFAULT_RETRIES",
    "Output",
    "Reuse",
    "Settings",
    "Shard",
    "add_options",
    "checked_path",
    "read_settings",
    "refuse_same_file",
]

_SHOWN = 120


def checked_path(option: str, name: str, folder: Path) -> Path:
    """The path that an option names, from `folder` on; there may be nothing there yet.

    Raises `pytest.UsageError` for what no file can be called, and for what cannot even be looked at.
    """
    if not name:
        raise pytest.UsageError(f"{option} names no file: give a path")
    path = folder / name
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError) as error:  # a name that is too long, links in a circle, a folder that lets nobody in
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise pytest.UsageError(f"{option} {quote(name, _SHOWN)}: {reason}; give another path") from None
    return path


def refuse_same_file(paths: Mapping[str, Path | None]) -> None:
    """Raise `pytest.UsageError` where two of these are one file: one would replace the other."""
    seen: dict[Path, str] = {}
    for what, path in paths.items():
        if path is None or (path.exists() and not path.is_file()):  # a terminal may well take several
            continue
        other = seen.setdefault(path.resolve(), what)
        if other != what:
            raise pytest.UsageError(f"{what} and {other} are one file, {quote(str(path), _SHOWN)}: name another one")


DEFAULT_CONCURRENCY = 20
DEFAULT_TIMEOUT_S = 180.0
DEFAULT_RETRIES = 4
MOST_TRIALS = 10_000  # as for a scenario's `repeat`: each is an item, and a slip of the keyboard would fill the memory
MOST_RUNS = (
    1_000_000  # each takes some kilobytes before it is run: a few lines of a scenario file could fill the memory
)
DEFAULT_STORE = ".benchmodels/store.sqlite"
_PICKING = ("keyword", "markexpr", "deselect", "lf", "stepwise", "bench_shard")
_OUTPUTS = {
    "json": "every result as JSON",
    "html": "a report as HTML",
    "markdown": "a summary as Markdown",
    "ze-json": "a report in the form of ze-benchmarks' own",
}


@dataclass(frozen=True, slots=True)
class Reuse:
    """What may be taken from the store instead of calling a model."""

    resume: bool = False
    cache: bool = False
    regrade: bool = False

    def __bool__(self) -> bool:
        return self.resume or self.cache or self.regrade


class Output(NamedTuple):
    """A report file that was asked for: by which option, which report, and where it goes."""

    option: str
    report: str
    path: Path

    @property
    def typed(self) -> str:
        """The option, and the file where the option alone does not tell which it is."""
        return f"{self.option}={self.path}" if " " in self.option else self.option


class Shard(NamedTuple):
    """The I-th of N parts; `number` counts from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line and the ini file, read once.

    `concurrency` is how many runs of one model may be in flight. `timeout_s` is the limit of a run whose scenario and
    model set none: seconds, 0 for no limit. `repeat` and `retries` are None where the user set none. `budget_usd` is in
    US dollars, None for no budget. `max_runs` is how many runs the session may have. `store` is None where the user
    wants none, `shard` where this is the whole. `workspaces` is the folder of those that runs get, of which `keep` are
    left. `is_part` tells whether the user picked some of the items, so that what they leave out is left out on purpose.
    """

    models: tuple[str, ...]
    config_file: Path | None
    concurrency: int
    repeat: int | None
    timeout_s: float
    retries: int | None
    budget_usd: float | None
    patterns: tuple[str, ...]
    store: Path | None
    reuse: Reuse
    gates: tuple[str, ...]
    compare: str | None
    plan: bool
    shard: Shard | None
    is_part: bool
    judge: str
    allow_code: bool
    allow_commands: bool
    keep: Literal["none", "failed", "all"]
    workspaces: Path
    outputs: tuple[Output, ...]
    max_runs: int


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
    add("--bench-repeat", type=_trials, metavar="K", help="run every (scenario, model) K times (default: 1)")
    add(
        "--bench-max-runs",
        type=_positive,
        default=MOST_RUNS,
        metavar="N",
        help="refuse a session of more runs (default: 1,000,000)",
    )
    add(
        "--bench-timeout",
        type=_seconds,
        metavar="S",
        help="seconds for one run, 0 for no limit; `--timeout` wins (default: 180)",
    )
    add(
        "--bench-retries",
        type=_natural,
        metavar="N",
        help="further attempts after a retryable failure (default: 4, and after a 429 until the run's time is over)",
    )
    add(
        "--bench-budget",
        type=_dollars,
        metavar="USD",
        help="start no further run once this much is spent; the rest is skipped",
    )
    _add_memory_options(add)
    _add_verdict_options(add)
    for name, form in _OUTPUTS.items():
        add(f"--bench-{name}", metavar="FILE", help=f"write {form} to FILE")
    add(
        "--bench-report",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="write a report of your own (hook pytest_bench_reports), or one of ours, to FILE; may be repeated",
    )
    parser.addini("bench_files", "patterns of scenario files", type="args", default=[])


def _add_memory_options(add: Callable[..., None]) -> None:
    add(
        "--bench-store",
        metavar="PATH",
        help=f"where results and responses are kept; `none` turns it off (default: {DEFAULT_STORE} in rootdir)",
    )
    add("--bench-resume", action="store_true", help="finish the newest unfinished run of this store")
    add(
        "--bench-cache",
        action="store_true",
        help="reuse a stored response whose fingerprint is the same; grade it afresh",
    )
    add("--bench-regrade", action="store_true", help="never call a model: grade stored responses only")


def _add_verdict_options(add: Callable[..., None]) -> None:
    add(
        "--bench-gate",
        action="append",
        default=[],
        metavar="EXPR",
        help="decide the exit status by a rule instead of by single results; may be repeated",
    )
    add("--bench-compare", metavar="RUN", help="compare with a stored run or a --bench-json file")
    add("--bench-plan", action="store_true", help="print what would run, per model, and call nothing")
    add(
        "--bench-judge",
        metavar="MODEL",
        help="the model of `judge` checks, where neither the check nor [judge] names one",
    )
    add("--bench-allow-code", action="store_true", help="let `code_passes` run code of answers, in confined processes")
    add(
        "--bench-allow-commands",
        action="store_true",
        help="let commands of scenarios and command-line agents run, confined in workspaces",
    )
    add(
        "--bench-keep",
        choices=("none", "failed", "all"),
        default="failed",
        help="which workspaces are left to be looked at (default: failed)",
    )
    add("--bench-shard", type=_shard, metavar="I/N", help="run the I-th of N parts, split evenly by expected duration")


def _patterns(config: pytest.Config) -> tuple[str, ...]:
    """The ini `bench_files`; where nobody set it, what our formats are named."""
    given: list[str] = config.getini("bench_files")
    if given:
        return tuple(given)
    from pytest_benchmodels.formats import BUILTIN  # noqa: PLC0415 - not needed without --bench

    return tuple(pattern for known in BUILTIN for pattern in known.patterns)


def read_settings(config: pytest.Config) -> Settings:
    """Read options and ini values; raise `pytest.UsageError` for one that cannot be."""
    option = config.option
    named = option.bench_config is not None
    config_file = _path(config, "config") or config.rootpath / "bench.toml"
    store = _store(config)
    outputs = tuple(_outputs(config))
    written = {output.typed: output.path for output in outputs}
    refuse_same_file({"the store": store, "the configuration": config_file, **written})
    return Settings(
        models=tuple(name.strip() for text in option.bench_models for name in text.split(",") if name.strip()),
        config_file=config_file if named or config_file.is_file() else None,
        concurrency=option.bench_concurrency or _workers(config) or DEFAULT_CONCURRENCY,
        repeat=option.bench_repeat,
        timeout_s=_timeout_s(config),
        retries=option.bench_retries,
        budget_usd=option.bench_budget,
        patterns=_patterns(config),
        store=store,
        reuse=Reuse(option.bench_resume, option.bench_cache, option.bench_regrade),
        gates=tuple(option.bench_gate),
        compare=_compare(config),
        plan=option.bench_plan,
        shard=option.bench_shard,
        is_part=_is_part(config),
        judge=(option.bench_judge or "").strip(),
        allow_code=option.bench_allow_code,
        allow_commands=option.bench_allow_commands,
        keep=option.bench_keep,
        workspaces=(config.rootpath / DEFAULT_STORE).with_name("workspaces"),  # hidden: no tests are collected there
        outputs=outputs,
        max_runs=option.bench_max_runs,
    )


def _path(config: pytest.Config, option: str) -> Path | None:
    """Where the option leads, from the folder that pytest was started in; None where it was not given."""
    typed = getattr(config.option, f"bench_{option.replace('-', '_')}")
    return None if typed is None else checked_path(f"--bench-{option}", typed, config.invocation_params.dir)


def _outputs(config: pytest.Config) -> Iterator[Output]:
    """The reports that have an option of their own, and those of `--bench-report`, each once."""
    for name in _OUTPUTS:
        path = _path(config, name)
        if path is not None:
            yield Output(f"--bench-{name}", name, path)
    for typed in dict.fromkeys(config.option.bench_report):
        name, separator, file = typed.partition("=")
        if not (name and separator):
            raise pytest.UsageError(f"--bench-report {quote(typed)}: write NAME=FILE, such as html=report.html")
        option = f"--bench-report {name}"
        yield Output(option, name, checked_path(option, file, config.invocation_params.dir))


def _compare(config: pytest.Config) -> str | None:
    """A file or a run's name: which, is looked up later."""
    _path(config, "compare")
    return config.option.bench_compare  # type: ignore[no-any-return] # argparse's text, or None


def _store(config: pytest.Config) -> Path | None:
    option = config.option
    path = None if option.bench_store == "none" else _path(config, "store") or config.rootpath / DEFAULT_STORE
    if path is None and (option.bench_resume or option.bench_cache or option.bench_regrade):
        raise pytest.UsageError(
            "--bench-store none: --bench-resume, --bench-cache and --bench-regrade need a store; name one"
        )
    return path


def _is_part(config: pytest.Config) -> bool:
    picked = any(getattr(config.option, name, None) for name in _PICKING)
    return picked or any("::" in argument for argument in config.args)


def _workers(config: pytest.Config) -> int:
    """K of an explicit `-n K`; `-n auto` counts processors, which says nothing about a model's API."""
    typed = getattr(config.known_args_namespace, "numprocesses", None)
    return typed if isinstance(typed, int) else 0


def _timeout_s(config: pytest.Config) -> float:
    """The most specific of `--timeout`, `--bench-timeout`, PYTEST_TIMEOUT, ini `timeout`; else 180."""
    typed = config.getoption("timeout", None)
    if typed is not None:
        return _limit_s("--timeout", typed)
    if config.option.bench_timeout is not None:
        return float(config.option.bench_timeout)
    inherited = os.environ.get("PYTEST_TIMEOUT") or _ini_timeout(config)
    return _limit_s("timeout", inherited) if inherited else DEFAULT_TIMEOUT_S


def _limit_s(source: str, value: object) -> float:
    """What pytest-timeout takes without a look: it may be anything that Python calls a number."""
    try:
        return _seconds(str(value))
    except ValueError:
        raise pytest.UsageError(f"{source}: {str(value)!r} is no number of seconds; 0 is no limit") from None


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


def _trials(text: str) -> int:
    value = _positive(text)
    if value > MOST_TRIALS:
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


def _shard(text: str) -> Shard:
    number, of = (_positive(part) for part in text.split("/"))
    if number > of:
        raise ValueError
    return Shard(number, of)


def _dollars(text: str) -> float:
    return _seconds(text)


# argparse shows a type's name: "invalid a whole number above 0 value: '0'".
_positive.__name__ = "whole number above 0"
_natural.__name__ = "whole number"
_trials.__name__ = f"whole number from 1 to {MOST_TRIALS:,}"
_shard.__name__ = "I/N with I from 1 to N"
_dollars.__name__ = "number of US dollars"
_seconds.__name__ = "number of seconds"
