"""How many calls may be in flight: of each model and purpose, and of several together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.session import Pool, lane_group, model_of_group
from pytest_benchmodels.engine.dispatch import Dispatch, Window
from pytest_benchmodels.plugin.session.models import Models

__all__ = ["LanePlan"]

Key = TypeVar("Key", bound=Hashable)


class LanePlan:
    """Knows the models that were made ready: those of runs, and those that checks ask.

    `windows` tells of each group of lanes how many calls may be in flight, `pools` of which groups how many together.
    """

    def __init__(self, models: Models, concurrency: int) -> None:
        self._models = models
        self._concurrency = concurrency
        self.windows: dict[str, int] = {}
        self.pools: list[Pool] = []

    def add(self, models: Iterable[Model], asked: Iterable[Model]) -> None:
        """These are going to answer, and these to judge."""
        self.windows.update({model.id: self.window_of(model) for model in models})
        self.windows.update({lane_group(model.id, "judge"): self.window_of(model) for model in asked})
        self.pools = list(self._pools())

    def window_of(self, model: Model) -> int:
        """How many calls of one purpose to a model may be in flight at most."""
        return min(model.max_in_flight or self._concurrency, self._concurrency)

    def dispatch(self) -> Dispatch[Key]:
        """An empty dispatch for these models; windows adapt where the user gave no limit."""
        windows = {
            group: Window(self.windows[group], fixed=bool(model.limits or model.max_in_flight))
            for group, model in self._groups().items()
        }
        return Dispatch(self._concurrency, windows, self.pools)

    def _pools(self) -> Iterator[Pool]:
        """Groups that have a maximum in common: those of one account, and those of one model."""
        groups = self._groups()
        for pool in self._models.pools(groups.values()):
            yield Pool(tuple(group for group, model in groups.items() if model.id in pool.models), pool.most)
        for group, model in groups.items():
            if group != model.id and model.id in groups and model.max_in_flight is not None:
                yield Pool((model.id, group), model.max_in_flight)

    def _groups(self) -> dict[str, Model]:
        return {group: self._models.resolve(model_of_group(group)) for group in self.windows}
