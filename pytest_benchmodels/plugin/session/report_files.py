"""The report files that a session was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_benchmodels.core.errors import ConfigError

if TYPE_CHECKING:
    from pytest_benchmodels.plugin.options import Output
    from pytest_benchmodels.reports.bench_json import Evaluation
    from pytest_benchmodels.reports.registry import Report

__all__ = ["check_outputs", "reports_for", "write_reports"]


def check_outputs(outputs: Iterable[Output]) -> None:
    """Raise one `ConfigError` for all report files that could not be written."""
    problems: list[str] = []
    for output in outputs:
        from pytest_benchmodels.reports.files import check_writable  # noqa: PLC0415 - if one was asked for

        try:
            check_writable(output.path, output.option)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))


def reports_for(outputs: Iterable[Output], found: Callable[[], Iterable[object]]) -> Mapping[str, Report]:
    """The reports that outputs ask for, by name; `found` asks the hooks of users. Raises `ConfigError`."""
    names = [output.report for output in outputs]
    if not names:
        return {}
    from pytest_benchmodels.reports.registry import BUILTIN, find_reports  # noqa: PLC0415 - if one was asked for

    return BUILTIN if all(name in BUILTIN for name in names) else find_reports(names, found())


def write_reports(
    outputs: Iterable[Output], reports: Mapping[str, Report], evaluation: Evaluation
) -> Iterator[ConfigError]:
    """Write each file that was asked for; yield what kept one from being written, and go on with the others."""
    for output in outputs:
        try:
            reports[output.report](output.path, output.option, evaluation)
        except ConfigError as error:
            yield error
