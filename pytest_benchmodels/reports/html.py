"""`--bench-html`: one file that shows a run to a reader, with nothing to fetch and nothing to install.

Model output is hostile. None of it becomes markup: the template escapes what it shows, results are JSON that the page's
own script puts in as text, and the page's content security policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import plain

from .changes import change_lines, incomparable_lines
from .comparison import comparison_notes, comparison_table
from .evaluation import Evaluation
from .gates import gate_line
from .html_results import island
from .ranking import pair_lines, ranking_table
from .summary import closing_lines, cut_lines, summary_table, timing_lines
from .units import dollars, duration, fraction, one_line, percent, plural, tokens, utc

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["write_html"]

_POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_NAME_LIMIT = 200


def write_html(stream: BinaryIO, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write the page, one result after another: it is never in memory as a whole.

    It has about 12 MB at most up to some 30,000 results; long texts are cut as far as that takes, and say so.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, which only this report needs

    script, style = _part("report.js"), _part("report.css")
    pieces = _template().generate(
        policy=_POLICY.format(script=_hash(script), style=_hash(style)),
        # Markup, as it stands: both are this package's own, and `island` is escaped for where it stands.
        script=Markup(script),  # noqa: S704 - the package's own file
        style=Markup(style),  # noqa: S704 - the package's own file
        island=map(Markup, island(results, evaluation.figures.runs)),
        **_sections(evaluation),
    )
    stream.writelines(piece.encode() for piece in pieces)


def _sections(evaluation: Evaluation) -> dict[str, Any]:
    figures, comparison, ranking = evaluation.figures, evaluation.comparison, evaluation.ranking
    titles, rows = summary_table(figures.models)
    return {
        "run": evaluation.run,
        "figures": figures,
        "closing": [*timing_lines(figures), *closing_lines(figures)],
        "cut_off": list(cut_lines(figures)),
        "gates": [(bool(verdict.held), " ".join(gate_line(verdict).split())) for verdict in evaluation.gates],
        "titles": titles,
        "models": list(zip(figures.models, rows, strict=True)),
        "comparison": comparison,
        "comparison_table": comparison_table(comparison) if comparison else None,
        "incomparable": incomparable_lines(comparison.changes) if comparison else [],
        "changed": change_lines(comparison.changes) if comparison else [],
        "baseline": evaluation.baseline or "another run",
        "ranking_table": ranking_table(ranking) if ranking and ranking.models else None,
        "told_apart": list(pair_lines(ranking)) if ranking else [],
    }


def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - 50 ms, for this report only

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        dollars=dollars,
        duration=duration,
        fraction=fraction,
        name=partial(one_line, limit=_NAME_LIMIT),
        notes=comparison_notes,
        percent=percent,
        plural=plural,
        tokens=tokens,
        utc=utc,
    )
    return environment.from_string(_part("report.html"))


def _shown(value: object) -> object:
    """What stands for a value in the page. Markup is a str of its own kind, and stays as it is."""
    return plain(value) if type(value) is str else value


def _part(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
