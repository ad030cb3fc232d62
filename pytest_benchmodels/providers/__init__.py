"""From a Request to a Response: one module per API, and the simulated one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.exchange import Provider
    from ..core.model import Model
    from .dialect import Dialect
    from .http import HttpPool
    from .sim.dialect import Exemplar

__all__ = ["create"]


def create(model: Model, http: HttpPool, exemplar: Exemplar | None = None) -> Provider:
    """Make the provider for a model, by the protocol of its provider's entry in the catalog.

    `exemplar` tells simulated models a right answer; no other provider sees it. The key is read from the environment
    with each request. Raises ConfigError for a provider that is not in the catalog.
    """
    from .api import ApiProvider  # noqa: PLC0415 - only a process that sends requests needs it

    return ApiProvider(model, http, _dialect(model, exemplar))


def _dialect(model: Model, exemplar: Exemplar | None) -> Dialect:
    from ..core.errors import ConfigError  # noqa: PLC0415 - the simulated server loads this package, and needs no more
    from ..core.text import nearest, quote  # noqa: PLC0415 - the same
    from .anthropic import Anthropic  # noqa: PLC0415 - the same
    from .catalog import CATALOG  # noqa: PLC0415 - the same
    from .google import Google  # noqa: PLC0415 - the same
    from .openai import OpenAI  # noqa: PLC0415 - the same
    from .sim.dialect import Sim  # noqa: PLC0415 - the same

    if model.provider not in CATALOG:
        known = ", ".join(CATALOG)
        raise ConfigError(
            f"unknown provider {quote(model.provider)}{nearest(model.provider, CATALOG)} (known: {known})"
        )
    match CATALOG[model.provider].protocol:
        case "anthropic":
            return Anthropic()
        case "google":
            return Google()
        case "sim":
            return Sim(exemplar)
        case "openai":
            return OpenAI()
