"""`benchmodels report`: the reports of a run, made again without running."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.gates import parse_gates
from pytest_benchmodels.reports.evaluation import Evaluation
from pytest_benchmodels.reports.files import replacing

from ..arguments import add_output, add_run, add_store
from ..completion import completes_runs
from ..evaluating import evaluate
from ..output import Output
from ..source import Source, open_source

__all__ = ["add_arguments", "run"]

_FORMS = {
    "html": "a page",
    "markdown": "a summary",
    "json": "every result as --bench-json does",
    "junitxml": "JUnit XML",
}


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    for form, text in _FORMS.items():
        add_output(parser, f"--{form}", text=f"write {text} to FILE")
    completes_runs(parser.add_argument("--compare", metavar="RUN", help="show a comparison with this run or file too"))
    parser.add_argument(
        "--gate", action="append", default=[], metavar="EXPR", help="show whether this rule holds; may be repeated"
    )
    add_store(parser)


def run(arguments: Namespace, _: Output) -> int:
    wanted = {form: Path(name) for form in _FORMS if (name := getattr(arguments, form)) is not None}
    if not wanted:
        raise ConfigError(f"no report was asked for: name a file with {', '.join(f'--{form}' for form in _FORMS)}")
    gates = parse_gates(arguments.gate, "--compare" if arguments.compare is None else None)
    with open_source(arguments.run_name, arguments.store) as source, _before(arguments) as before:
        evaluation = evaluate(source, gates, before)
        for form, path in wanted.items():
            _write(form, path, source, evaluation)
    return 0


def _before(arguments: Namespace) -> AbstractContextManager[Source | None]:
    return nullcontext() if arguments.compare is None else open_source(arguments.compare, arguments.store)


def _write(form: str, path: Path, source: Source, evaluation: Evaluation) -> None:
    if form == "json":
        from pytest_benchmodels.reports.bench_json import write_bench_json  # noqa: PLC0415 - one of them at a time

        write_bench_json(path, evaluation, source.results())
        return
    with replacing(path, f"--{form}") as stream:
        if form == "html":
            from pytest_benchmodels.reports.html import write_html as write  # noqa: PLC0415 - one of them at a time
        elif form == "markdown":
            from pytest_benchmodels.reports.markdown import write_markdown as write  # noqa: PLC0415 - one of them at a time
        else:
            from pytest_benchmodels.reports.junit import write_junit as write  # noqa: PLC0415 - one of them at a time
        write(stream, evaluation, source.results())
