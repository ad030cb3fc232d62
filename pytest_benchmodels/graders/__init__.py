"""Response -> Grade: the checks that a scenario may ask for, one module per family."""

from __future__ import annotations

from pytest_benchmodels.graders.embedding import embeddings_by
from pytest_benchmodels.graders.extraction import Extract
from pytest_benchmodels.graders.judge import judge_by
from pytest_benchmodels.graders.registry import BUILTIN, example_answer, registry
from pytest_benchmodels.graders.structure import schema_faults

__all__ = ["BUILTIN", "Extract", "embeddings_by", "example_answer", "judge_by", "registry", "schema_faults"]
