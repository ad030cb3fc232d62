"""A model as the session knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Cap", "Limit", "Model", "Price", "Tier"]


_ENV = "env:"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    `cached_input` are those read from the provider's cache, `cache_write` those written to it, where it tells of them.
    Without `cached_input` what is read from the cache costs what other input does: an upper bound, for no provider
    takes more. Without `cache_write` (or, for an hour, `cache_write_1h`) a cost with such tokens is known in part only.
    `tiers` are the prices of longer prompts, in order of their length.
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
    `code` is the digest of the user's source file that asks the model, or is it; empty where all of that is ours.
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

    @property
    def is_limited(self) -> bool:
        """Whether a request may have to wait for leave."""
        return bool(self.limits or self.caps)

    @property
    def secret_query(self) -> tuple[tuple[str, str], ...]:
        """Those of `query` whose value is in a variable, each with its name."""
        return tuple((name, value[len(_ENV) :]) for name, value in self.query if value.startswith(_ENV))
