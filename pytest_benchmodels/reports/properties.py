"""A run's facts under the names that JUnit readers and pytest-json-report readers depend on."""

from __future__ import annotations

from pytest_benchmodels.core.result import Result

__all__ = ["junit_properties", "result_properties"]


def result_properties(result: Result) -> dict[str, str | int | float | None]:
    """The facts of one run; None, JSON's null, where one is not known.

    Times are in seconds to the microsecond, `cost_usd` in US dollars; `known_cost_usd` is the part that is known.
    """
    spent = result.spent
    usage = spent.usage
    return {
        "scenario": result.scenario,
        "model": result.model,
        "trial": result.trial,
        "status": result.status,
        "score": result.score,
        "latency_s": _rounded(result.told_latency_s),
        "wait_s": round(result.wait_s, 6),
        "retry_s": _rounded(result.retry_s),
        "connect_s": _rounded(result.connect_s),
        "client_s": _rounded(result.client_s),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": spent.cost_usd,
        "known_cost_usd": spent.known_cost_usd if spent.cost_usd is None and spent.known_cost_usd else spent.cost_usd,
        "attempts": result.attempts,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def junit_properties(result: Result) -> list[tuple[str, str | int | float]]:
    """The same as `bench.*` pairs. XML has no null: what is not known is left out."""
    return [(f"bench.{name}", value) for name, value in result_properties(result).items() if value is not None]
