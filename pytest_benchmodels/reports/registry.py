"""Which reports there are: ours, and those of a user's `pytest_bench_reports`.

To add one of ours: a module with `write(stream, evaluation, results)`, its test, and its line in `_WRITERS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.files import replacing
from pytest_benchmodels.reports.own_report import Report, own_reports

__all__ = ["BUILTIN", "Report", "find_reports"]

_WRITERS = {
    "json": ("bench_json", "write_json"),
    "html": ("html", "write_html"),
    "markdown": ("markdown", "write_markdown"),
    "junitxml": ("junit", "write_junit"),
}
"""Each report's module, which is imported when it is written, and the function in it."""


def find_reports(names: Iterable[str], found: Iterable[object]) -> Mapping[str, Report]:
    """The reports of these names, ours or one of those that hooks returned (`found`).

    Raises one `ConfigError` for a name that no report has, and for what hooks returned and can be none.
    """
    own = own_reports(found, taken=BUILTIN)
    known = {**BUILTIN, **own}
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if unknown:
        told = f"reports are {', '.join(known)}; further ones come from pytest_bench_reports"
        raise ConfigError(
            "\n".join(f"there is no report {quote(name)}{nearest(name, known)}; {told}" for name in unknown)
        )
    return known


def _write(module: str, function: str, path: Path, option: str, evaluation: Evaluation) -> None:
    write = getattr(import_module(f".{module}", __package__), function)
    with replacing(path, option) as stream:
        write(stream, evaluation, evaluation.results())


BUILTIN: Mapping[str, Report] = {name: partial(_write, *writer) for name, writer in _WRITERS.items()}
"""Those that come with the package, by name."""
