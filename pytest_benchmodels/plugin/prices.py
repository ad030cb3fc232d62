"""What a model costs, from a price list that ships with a package: no network."""

from __future__ import annotations

from pytest_benchmodels.core.model import Price

__all__ = ["listed_price"]

_SAMPLE_TOKENS = 1000
_PER_MILLION = 1_000_000 / _SAMPLE_TOKENS


def listed_price(provider: str, name: str) -> Price | None:
    """The price list's entry, at the tier of short requests; None where it has none.

    Source: https://github.com/pydantic/genai-prices, the version that is installed.
    """
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - 0.3 s, for models whose price nobody gave

    usage = Usage(input_tokens=_SAMPLE_TOKENS, output_tokens=_SAMPLE_TOKENS)
    try:
        price = calc_price(usage, model_ref=name, provider_id=provider)
    except LookupError:
        return None
    return Price(round(float(price.input_price) * _PER_MILLION, 6), round(float(price.output_price) * _PER_MILLION, 6))
