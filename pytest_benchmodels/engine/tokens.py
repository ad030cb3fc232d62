"""How many tokens a request will take, before it is sent."""

from __future__ import annotations

from pytest_benchmodels.core.exchange import Request, Usage

__all__ = ["TokenEstimate"]

_CHARACTERS_A_TOKEN = 4
_FIRST_GUESS = 256.0
_WEIGHT = 0.1


class TokenEstimate:
    """A guess for each model that learns from its answers.

    Input: a token for every four characters, times how far that was off so far. Output: an exponentially weighted mean
    of the answers so far, never above `max_tokens` where a request sets it.
    """

    def __init__(self) -> None:
        self._output: dict[str, float] = {}
        self._ratio: dict[str, float] = {}

    def tokens(self, request: Request) -> int:
        """Input and output tokens that the request is expected to take."""
        model = request.model.id
        output = self._output.get(model, _FIRST_GUESS)
        most = request.params.get("max_tokens")
        if isinstance(most, int) and not isinstance(most, bool):
            output = min(output, most)
        return round(_raw_input(request) * self._ratio.get(model, 1.0) + output)

    def learn(self, request: Request, usage: Usage) -> None:
        """Take account of what an answer took."""
        model = request.model.id
        if usage.output_tokens is not None:
            _approach(self._output, model, float(usage.output_tokens))
        if usage.input_tokens is not None:
            _approach(self._ratio, model, usage.input_tokens / _raw_input(request))


def _raw_input(request: Request) -> float:
    return 1 + sum(len(message.content) for message in request.messages) / _CHARACTERS_A_TOKEN


def _approach(means: dict[str, float], key: str, value: float) -> None:
    mean = means.get(key)
    means[key] = value if mean is None else mean + (value - mean) * _WEIGHT
