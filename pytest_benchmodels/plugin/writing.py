"""The report files that a session was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import Result

if TYPE_CHECKING:
    from pytest_benchmodels.reports.evaluation import Evaluation

    from .options import Outputs

__all__ = ["check_outputs", "write_reports"]

_Writer = Callable[[Path, "Evaluation", Iterable[Result]], None]


def check_outputs(outputs: Outputs) -> None:
    """Raise one `ConfigError` for all report files that could not be written."""
    if not outputs:
        return
    from pytest_benchmodels.reports.files import check_writable  # noqa: PLC0415 - if one was asked for

    problems: list[str] = []
    for name, path in (("json", outputs.json), ("html", outputs.html), ("markdown", outputs.markdown)):
        if path is not None:
            try:
                check_writable(path, f"--bench-{name}")
            except ConfigError as error:
                problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))


def write_reports(
    outputs: Outputs, evaluation: Evaluation, results: Callable[[], Iterable[Result]]
) -> Iterator[ConfigError]:
    """Write each file that was asked for; yield what kept one from being written, and go on with the others.

    `results` is called once for each file, and its results are read one after another.
    """
    writers: tuple[tuple[Path | None, _Writer], ...] = (
        (outputs.json, _write_json),
        (outputs.html, _write_html),
        (outputs.markdown, _write_markdown),
    )
    for path, write in writers:
        if path is not None:
            try:
                write(path, evaluation, results())
            except ConfigError as error:
                yield error


def _write_json(path: Path, evaluation: Evaluation, results: Iterable[Result]) -> None:
    from pytest_benchmodels.reports.bench_json import write_bench_json  # noqa: PLC0415 - if it was asked for

    write_bench_json(path, evaluation, results)


def _write_html(path: Path, evaluation: Evaluation, results: Iterable[Result]) -> None:
    from pytest_benchmodels.reports.files import replacing  # noqa: PLC0415 - if it was asked for
    from pytest_benchmodels.reports.html import write_html  # noqa: PLC0415 - the same

    with replacing(path, "--bench-html") as stream:
        write_html(stream, evaluation, results)


def _write_markdown(path: Path, evaluation: Evaluation, results: Iterable[Result]) -> None:
    from pytest_benchmodels.reports.files import replacing  # noqa: PLC0415 - if it was asked for
    from pytest_benchmodels.reports.markdown import write_markdown  # noqa: PLC0415 - the same

    with replacing(path, "--bench-markdown") as stream:
        write_markdown(stream, evaluation, results)
