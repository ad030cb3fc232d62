"""Which figures to measure, and where the table goes."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .agent_figures import AGENT_FIGURES
from .figures import FIGURES as SPEED_FIGURES
from .keeping_figures import KEEPING_FIGURES
from .latency_figures import LATENCY_FIGURES
from .load_figures import LOAD_FIGURES
from .many_figures import MANY_FIGURES
from .outlive_figures import OUTLIVE_FIGURES
from .scale import FULL, QUICK
from .stream_figures import STREAM_FIGURES
from .table import Row, render

__all__ = ["main"]

FIGURES = {
    **SPEED_FIGURES,
    **LATENCY_FIGURES,
    **STREAM_FIGURES,
    **LOAD_FIGURES,
    **KEEPING_FIGURES,
    **MANY_FIGURES,
    **AGENT_FIGURES,
    **OUTLIVE_FIGURES,
}
_RESULTS = Path(__file__).with_name("RESULTS.md")
_PACKAGES = ("pytest", "pytest-xdist", "httpx", "pytest-benchmodels")


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write the table. The exit status is 1 if a limit does not hold."""
    options = _parser().parse_args(arguments)
    scale = QUICK if options.quick else FULL
    rows: list[Row] = []
    heading = _heading()
    for name in options.only or FIGURES:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="benchmodels-bench-") as folder:
            rows += FIGURES[name](scale, Path(folder))
        print(f"{name}: measured in {time.perf_counter() - start:.0f} s", flush=True)
    table = render(rows)
    print(table)
    output = options.output or (None if options.quick or options.only else _RESULTS)
    if output is not None:
        output.write_text(f"{heading}\n{table}", encoding="utf-8")
    return int(any(row.holds is False for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Measure what the project promises.")
    parser.add_argument("--only", action="append", choices=FIGURES, metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="few runs, to see that the harness works; no verdicts")
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"default: {_RESULTS.name}, of a whole run only")
    return parser


def _heading() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        "# Results of `python benchmarks/run.py`\n\n"
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start.\n"
        f"{packages}. How to read it: [README.md](README.md).\n"
    )
