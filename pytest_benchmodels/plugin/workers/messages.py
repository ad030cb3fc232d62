"""What a controller and its workers tell each other, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec
import pytest

from pytest_benchmodels.core.model import Price
from pytest_benchmodels.core.result import Failure
from pytest_benchmodels.engine.clocks import SessionClock
from pytest_benchmodels.formats.configfile import ConfigFile
from pytest_benchmodels.plugin.items.audience import Audience

if TYPE_CHECKING:
    from pytest_benchmodels.engine.breaker import CircuitBreaker
    from pytest_benchmodels.plugin.session.models import Models

__all__ = ["GRANT", "Signal", "WorkerConfig", "WorkerUpdate"]


class Signal(IntEnum):
    """What a worker tells our scheduler about a run that it holds, or about a call of it to another model.

    xdist lets workers send a fixed set of events. Of these `unscheduled` carries a list to the scheduler's
    `remove_pending_tests_from_node`, and nobody else: it answers `steal`, which our scheduler never asks for. So a
    signal travels as `[signal, item index, number of the call, a text]`, where 0 is the run itself.
    """

    LEFT = 1
    """The run waits for its next attempt; its lane is free."""
    LIMITED = 2
    """The same, because the server said "too many"."""
    WANTED = 3
    """The run is due, and wants a lane again: it is sent once more, and goes on."""
    HELD = 4
    """No run of this one's model is to start, anywhere."""
    RELEASED = 5
    """The end of that."""
    JOINED = 6
    """The call waits for a lane, of the group that the text names; it is given one by `GRANT`."""
    OVER = 7
    """The call has come to its end: its lane is free, and no longer waited for. The text is empty if it failed."""
    COLLECTED = 8
    """The text is what the worker `Collected`: no item's affair."""
    BEGUN = 9
    """The text has the run's answers so far (`Begun`); it goes on."""


GRANT = "benchmodels_lane"
"""The command that gives a lane to a call: the `index` of its run, and its `number`."""


_KEY = "benchmodels"


class WorkerConfig(msgspec.Struct, frozen=True):
    """The controller's part in a worker's start.

    `file` is bench.toml, read once for all. `sim_url` is where `sim/*` answers, `limits_path` the file in which workers
    share rate limits, `marks_path` the worker's own. `lanes_path` the folder of the lanes that workers share. `window`
    is the worker's part of the lanes where it cannot share them, None if it is sent only what has one already.
    `resumed` is the id of the stored run that this session finishes. `clock` is the session's. `audience` is
    who hears of runs at the controller.
    """

    file: ConfigFile
    sim_url: str
    limits_path: str
    marks_path: str
    lanes_path: str
    window: int | None
    resumed: str | None
    clock: SessionClock
    audience: Audience = Audience()

    def put(self, workerinput: dict[str, Any]) -> None:
        """Hand it to the worker, as plain data in xdist's `workerinput`."""
        workerinput[_KEY] = msgspec.to_builtins(self)

    @classmethod
    def of(cls, config: pytest.Config) -> WorkerConfig | None:
        """What this process was given; None if it is no worker."""
        workerinput = getattr(config, "workerinput", None)
        return None if workerinput is None else msgspec.convert(workerinput[_KEY], cls)


@dataclass(frozen=True, slots=True)
class WorkerUpdate:
    """What the controller knows when a worker is ready, and whenever that changes later.

    Prices by model, as plain data; tripped models, as (kind, message, remedy); whether the budget is spent.

    It travels as the arguments of a command, which our loop in the worker reads.
    """

    COMMAND: ClassVar[str] = "benchmodels_update"

    prices: dict[str, dict[str, Any]]
    tripped: dict[str, tuple[str, str, str]]
    is_spent: bool

    @classmethod
    def of(cls, models: Models, breaker: CircuitBreaker) -> Self:
        """What this session's controller knows now."""
        return cls(
            prices={name: _plain(price) for name, price in models.listed_prices.items()},
            tripped={model: (cause.kind, cause.message, cause.remedy) for model, cause in breaker.tripped.items()},
            is_spent=breaker.is_spent,
        )

    def as_arguments(self) -> dict[str, Any]:
        return asdict(self)

    def apply(self, models: Models, breaker: CircuitBreaker) -> None:
        """Let a worker know it."""
        for name, price in self.prices.items():
            models.list_price(name, msgspec.convert(price, Price))
        for model, cause in self.tripped.items():
            breaker.trip(model, Failure(*cause))
        if self.is_spent:
            breaker.spend_all()


def _plain(price: Price) -> dict[str, Any]:
    """What xdist can send: no tuples."""
    plain: dict[str, Any] = msgspec.to_builtins(price)
    return {**plain, "tiers": [{**tier, "price": {**tier["price"], "tiers": []}} for tier in plain["tiers"]]}
