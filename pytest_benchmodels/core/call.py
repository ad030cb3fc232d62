"""One question to one model and what came of it, and the calls of a run together."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from pytest_benchmodels.core.bill import Bill
from pytest_benchmodels.core.exchange import Message, Response, Usage
from pytest_benchmodels.core.request import Request
from pytest_benchmodels.core.result import Failure, Purpose, Retry

__all__ = ["Call", "Purpose", "Transcript"]


class Call(Struct, frozen=True):
    """All that a question took, whatever came of it: `response`, or `failure` where no attempt was answered.

    `request` is what was sent. `attempts` counts requests, of which all but the last are in `retries`. `waits_s` are
    the seconds that it waited, by what for; `failed_s` those in flight of attempts that were not answered. `bill` is
    what its requests took that were billed, or may have been; None where there was none. `cached`: the answer was there
    already, and no model was asked.
    """

    purpose: Purpose
    request: Request
    response: Response | None = None
    failure: Failure | None = None
    attempts: int = 0
    retries: tuple[Retry, ...] = ()
    waits_s: Mapping[str, float] = field(default_factory=dict)
    failed_s: float = 0.0
    bill: Bill | None = None
    cached: bool = False

    @property
    def model(self) -> str:
        """Who was asked, by the name that the user typed."""
        return self.request.model.id

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation that was sent."""
        return self.request.messages

    @property
    def latency_s(self) -> float | None:
        """Seconds from the request to the last byte of the answer; None without one."""
        return None if self.response is None else self.response.latency_s

    @property
    def usage(self) -> Usage | None:
        """The tokens of all its requests, as the provider counted them; None where none was billed."""
        return None if self.bill is None else self.bill.usage

    @property
    def cost_usd(self) -> float | None:
        """What all its requests cost, in US dollars; 0 where none was billed, None where any part is unknown."""
        return 0.0 if self.bill is None else self.bill.cost_usd


class Transcript(Struct, frozen=True):
    """The calls by which a run's task was worked on, in their order; those that graders make are not among them."""

    calls: tuple[Call, ...] = ()

    @property
    def responses(self) -> tuple[Response, ...]:
        """The model's answers, one a turn."""
        return tuple([call.response for call in self.calls if call.response is not None and call.purpose == "answer"])

    @property
    def failure(self) -> Failure | None:
        """Why the task was not worked on to its end; None where it was."""
        return self.calls[-1].failure if self.calls else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation, from the first message to the last answer."""
        if not self.calls:
            return ()
        last = self.calls[-1]
        said = () if last.response is None else (last.response.message,)
        return (*last.messages, *said)
