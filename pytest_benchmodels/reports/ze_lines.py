"""What a reader is told of the scores of suites of ze-benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_benchmodels.reports.units import full_name, plural
from pytest_benchmodels.statistics.ze_scores import ZeModel

__all__ = ["ze_lines"]


def ze_lines(models: Iterable[ZeModel]) -> Iterator[str]:
    """One line a model, the best first: both scores, and what the original calls a success."""
    for model in models:
        scores = [] if model.true is None else [f"score {model.true:.2f} of 10"]
        scores.append(f"the original would say {model.original:.2f}" if scores else f"score {model.original:.2f} of 10")
        weighted = [] if model.weighted is None else [f"weighted {model.weighted:.2f}"]
        succeeded = f"successful there {model.successes} of {plural(model.runs, 'run')}"
        yield f"ze-benchmarks: {full_name(model.model)}: {', '.join((*scores, *weighted, succeeded))}"
