"""A check that asks a model for embeddings: how near an answer's meaning is to a reference's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.errors import CallError
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.normalization import shown, wrong

__all__ = ["CHECKS", "EmbeddingSimilarity", "embeddings_by"]

_Reference = Annotated[str, Meta(min_length=1)]
_NEAR = 1e-4  # more than a rounded vector is off


class EmbeddingSimilarity(Grader, frozen=True):
    """The answer means nearly what a reference does: the cosine of the angle between their embeddings.

    `model` gives the embeddings, else `[embeddings]` of bench.toml. The score is the cosine, 0 where it is less; of
    several references the nearest counts. Passed from `min` on, which depends on the model: try what its embeddings
    give for answers that you know.
    """

    embedding_similarity: _Reference | Annotated[tuple[_Reference, ...], Meta(min_length=1)]
    min: Annotated[float, Meta(ge=0, le=1)] = 0.8
    model: str = ""

    # What the session says: who is asked where the check names nobody; None where no session says anything.
    default_model: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if self.default_model == "" and not self.model:
            raise ValueError(
                "nobody is named who gives the embeddings: write `model: provider/name`, or [embeddings] with model in "
                "bench.toml; sim/embed needs no key"
            )

    def asked_models(self) -> Iterable[str]:
        """Who gives the embeddings."""
        name = self.model or self.default_model
        return (name,) if name else ()

    def example(self) -> str:
        return self._references[0]

    async def grade(self, context: GradingContext) -> Grade:
        """Ask for the embeddings of the answer and of the references, all in one call, and compare them."""
        models = tuple(self.asked_models())
        if not models:
            raise CallError("nobody is named who gives the embeddings: write `model: provider/name`")
        answer = context.text.strip()
        if not answer:
            return wrong("the answer is empty")
        said, *wanted = await context.embed(models[0], (answer, *self._references))
        cosines = [math.fsum(one * other for one, other in zip(said, each, strict=True)) for each in wanted]
        cosine = max(cosines)
        score = min(max(cosine, 0.0), 1.0)
        reference = f"{shown(self._references[cosines.index(cosine)])} by {models[0]}"
        if score >= self.min - _NEAR:
            return Grade(score, passed=True, explanation=f"{cosine:.2f} similar to {reference}")
        told = f"expected at least {self.min:g} similarity to {reference}, got {cosine:.2f}: {shown(answer)}"
        return Grade(score, passed=False, explanation=told)

    @property
    def _references(self) -> tuple[str, ...]:
        value = self.embedding_similarity
        return (value,) if isinstance(value, str) else value


def embeddings_by(model: str) -> type[EmbeddingSimilarity]:
    """The check of a session in which `model` gives embeddings where a check names nobody; empty for nobody."""

    class ByDefault(EmbeddingSimilarity, frozen=True):
        default_model: ClassVar[str | None] = model

    for name in ("__doc__", "__qualname__", "__name__"):
        setattr(ByDefault, name, getattr(EmbeddingSimilarity, name))
    return ByDefault


CHECKS: tuple[type[Grader], ...] = (EmbeddingSimilarity,)
"""The checks of this family, in the order in which they are told."""
