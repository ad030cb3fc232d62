"""What the controller knows by the time a worker is ready, for its bench: prices, closed models, a spent budget."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from pytest_benchmodels.core.model import Price
from pytest_benchmodels.core.result import Failure

if TYPE_CHECKING:
    from pytest_benchmodels.plugin.session.bench import Bench

__all__ = ["Brief"]


@dataclass(frozen=True, slots=True)
class Brief:
    """Prices by model, as plain data; closed models, as (kind, message); whether the budget is spent.

    Plain data: it travels as the arguments of a command, which our loop in the worker reads.
    """

    COMMAND: ClassVar[str] = "benchmodels_brief"

    prices: dict[str, dict[str, Any]]
    closed: dict[str, tuple[str, str]]
    is_spent: bool

    @classmethod
    def of(cls, bench: Bench) -> Self:
        """What this session's controller knows now."""
        breaker = bench.breaker
        return cls(
            prices={name: _plain(price) for name, price in bench.models.listed_prices.items()},
            closed={model: (cause.kind, cause.message) for model, cause in breaker.closed.items()},
            is_spent=breaker.is_spent,
        )

    def as_arguments(self) -> dict[str, Any]:
        return asdict(self)

    def apply(self, bench: Bench) -> None:
        """Let a worker's bench know."""
        for name, price in self.prices.items():
            bench.models.list_price(name, msgspec.convert(price, Price))
        for model, (kind, message) in self.closed.items():
            bench.breaker.close(model, Failure(kind, message))
        if self.is_spent:
            bench.breaker.spend_all()


def _plain(price: Price) -> dict[str, Any]:
    """What xdist can send: no tuples."""
    plain: dict[str, Any] = msgspec.to_builtins(price)
    return {**plain, "tiers": [{**tier, "price": {**tier["price"], "tiers": []}} for tier in plain["tiers"]]}
