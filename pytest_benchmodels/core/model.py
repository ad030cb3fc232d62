"""A model as the session knows it, and what asking it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct
from msgspec.structs import fields

from pytest_benchmodels.core.agent import Agent
from pytest_benchmodels.core.message import Usage

__all__ = ["NOTHING", "Bill", "Cap", "Cost", "Limit", "Model", "Price", "Tier", "bill", "cost", "together"]

_ENV = "env:"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    `cached_input` is the price of tokens read from the provider's cache, `cache_write` of those written to it, where
    the provider tells of them. Without `cached_input`, tokens read from the cache cost what other input does: an upper
    bound, as no provider takes more. Without `cache_write` (or `cache_write_1h`, for an hour) a cost with such tokens
    is known only in part. `tiers` are the prices of longer prompts, in order of length.
    """

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    tiers: tuple[Tier, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether whatever is asked costs nothing."""
        rates = (self.input, self.output, self.cached_input, self.cache_write, self.cache_write_1h)
        return not any(rates) and all(tier.price.is_free for tier in self.tiers)


@dataclass(frozen=True, slots=True)
class Tier:
    """`price` holds for all tokens of a request whose prompt has more than `above` tokens."""

    above: int
    price: Price


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `per_minute` requests (`rpm`) or tokens (`tpm`), counted by all who share the bucket."""

    bucket: str
    kind: Literal["rpm", "tpm"]
    per_minute: float


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` requests in flight, counted by all sessions that share the bucket."""

    bucket: str
    most: int


@dataclass(frozen=True, slots=True)
class Model:
    """`id` is what the user typed (`openai/gpt-4o-mini` or an alias) and reports show; `name` is what the API gets.

    `api_key_env` names the environment variable, never the key; `headers` are those of the user's own, each with the
    variable that holds its value. `query` is added to the address of each request: names, each with its value or
    `env:VARIABLE`. `timeout_s`, in seconds, is the limit of one run.
    `max_in_flight` holds for the runs of one session; `caps` for those of several, where they share their limits.
    `stream`: answers are asked for as a stream, which may stand still for `stall_timeout_s` seconds, None for any.
    `code` is the digest of the user's source file that asks the model, or is it; empty where all of that is ours.
    `agent` says how it is called where it is a command; None where it answers over HTTP, or is a function.
    """

    id: str
    provider: str
    name: str
    base_url: str
    api_key_env: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    timeout_s: float | None = None
    max_in_flight: int | None = None
    limits: tuple[Limit, ...] = ()
    caps: tuple[Cap, ...] = ()
    price: Price | None = None
    headers: tuple[tuple[str, str], ...] = ()
    code: str = ""
    query: tuple[tuple[str, str], ...] = ()
    stream: bool = False
    stall_timeout_s: float | None = None
    agent: Agent | None = None

    @property
    def is_limited(self) -> bool:
        """Whether a request may have to wait for a rate limit or a cap."""
        return bool(self.limits or self.caps)

    @property
    def asks(self) -> tuple[str, str, str]:
        """Whom a request reaches: provider, address and name. Two models with the same are one, by two names."""
        return self.provider, self.base_url, self.name

    @property
    def secret_query(self) -> tuple[tuple[str, str], ...]:
        """Those of `query` whose value is in a variable, each with its name."""
        return tuple((name, value[len(_ENV) :]) for name, value in self.query if value.startswith(_ENV))


_PER = 1_000_000
_KINDS = tuple(field.name for field in fields(Usage))


class Cost(Struct, frozen=True):
    """`known_usd` is in US dollars; where `is_whole` is false, the request cost more than that."""

    known_usd: float
    is_whole: bool


class Bill(Struct, frozen=True):
    """What requests took together.

    `usage` and `cost_usd` (US dollars) are None, or hold None, where any part is unknown. `known_usage` and
    `known_cost_usd` add up the parts that are known.
    """

    usage: Usage
    known_usage: Usage
    cost_usd: float | None
    known_cost_usd: float


NOTHING = Bill(Usage(0, 0, 0, 0, 0), Usage(0, 0, 0, 0, 0), 0.0, 0.0)
"""What is taken by requests that were not made."""


def bill(price: Price | None, requests: Sequence[Usage]) -> Bill:
    """Add up requests that were billed, or may have been. If one was not counted, the sums are None."""
    if len(requests) == 1:  # nearly always, and then it is the sum
        (usage,) = requests
        took = cost(price, usage)
        return Bill(usage, usage, took.known_usd if took.is_whole else None, took.known_usd)
    costs = [cost(price, usage) for usage in requests]
    known_usd = math.fsum(part.known_usd for part in costs)
    return Bill(
        usage=_added(requests, whole=True),
        known_usage=_added(requests, whole=False),
        cost_usd=known_usd if all(part.is_whole for part in costs) else None,
        known_cost_usd=known_usd,
    )


def cost(price: Price | None, usage: Usage) -> Cost:
    """The cost of one request; a lower bound where a count or a rate is missing."""
    if usage.stated_cost_usd is not None:
        return Cost(usage.stated_cost_usd, is_whole=True)
    if price is None:
        return Cost(0.0, is_whole=False)
    if price.is_free:
        return Cost(0.0, is_whole=True)
    # Without the prompt's length the tier is unknown. The lowest rate gives a lower bound.
    rates = _tier(price, usage.input_tokens) if usage.input_tokens is not None else None
    output_rate = min((price.output, *(tier.price.output for tier in price.tiers))) if rates is None else rates.output
    known_usd = (usage.output_tokens or 0) * output_rate / _PER
    if rates is None or usage.input_tokens is None:
        return Cost(known_usd, is_whole=False)
    prompt = _prompt_cost(rates, usage, usage.input_tokens)
    return Cost(known_usd + prompt.known_usd, prompt.is_whole and usage.output_tokens is not None)


def _prompt_cost(rates: Price, usage: Usage, prompt: int) -> Cost:
    read, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    hourly = min(usage.cache_write_1h_tokens or 0, written)
    write_rate = rates.input if rates.cache_write is None else rates.cache_write
    hourly_rate = write_rate if rates.cache_write_1h is None else rates.cache_write_1h
    amount = (
        max(prompt - read - written, 0) * rates.input
        + read * (rates.input if rates.cached_input is None else rates.cached_input)
        + (written - hourly) * write_rate
        + hourly * hourly_rate
    )
    # Writing to a cache costs more than other input; without its rate nobody knows how much.
    lacks_rate = (written > hourly and rates.cache_write is None) or (hourly > 0 and rates.cache_write_1h is None)
    return Cost(amount / _PER, not lacks_rate)


def _tier(price: Price, prompt: int) -> Price:
    """The rates for a prompt of so many tokens."""
    reached = [tier.price for tier in price.tiers if prompt > tier.above]
    return reached[-1] if reached else price


def together(one: Bill, other: Bill) -> Bill:
    """The sum of both bills."""
    parts = (one.cost_usd, other.cost_usd)
    return Bill(
        usage=_added((one.usage, other.usage), whole=True),
        known_usage=_added((one.known_usage, other.known_usage), whole=False),
        cost_usd=None if None in parts else math.fsum(filter(None, parts)),
        known_cost_usd=one.known_cost_usd + other.known_cost_usd,
    )


def _added(requests: Sequence[Usage], *, whole: bool) -> Usage:
    """The sum of each kind. None where no request counted it; with `whole`, also where one request did not."""
    sums = {}
    for kind in _KINDS:
        counts = [getattr(usage, kind) for usage in requests]
        known = [count for count in counts if count is not None]
        sums[kind] = sum(known) if known and (len(known) == len(counts) or not whole) else None
    return Usage(**sums)
