"""From a Request to a Response: one module per API, the simulated one, and commands."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Provider
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.catalog import Registry
    from pytest_benchmodels.providers.dialect import Dialect
    from pytest_benchmodels.providers.http import HttpPool
    from pytest_benchmodels.providers.sim.service import ExampleAnswer

__all__ = ["create"]


def create(
    model: Model, http: HttpPool, example_answer: ExampleAnswer | None = None, registry: Registry | None = None
) -> Provider:
    """Make the provider for a model: a function of the user's, a command-line agent, or the API of its provider.

    `exemplar` tells simulated models a right answer; no other provider sees it. The key is read from the environment
    with each request. Raises ConfigError for a provider that nobody knows, and ProviderError where the user's own
    cannot tell its address.
    """
    from pytest_benchmodels.providers.catalog import FUNCTION, Registry  # noqa: PLC0415 - only a process that sends requests needs it

    registry = registry or Registry()
    if model.provider == FUNCTION and model.name in registry.functions:
        from pytest_benchmodels.providers.function import FunctionProvider  # noqa: PLC0415 - where there are any

        return FunctionProvider(model.name, registry.functions[model.name])
    if model.agent is not None:
        from pytest_benchmodels.providers.command import CommandProvider  # noqa: PLC0415 - the same

        return CommandProvider(model)
    from pytest_benchmodels.providers.api import ApiProvider  # noqa: PLC0415 - as above

    return ApiProvider(model, http, _dialect(model, registry, example_answer))


def _dialect(model: Model, registry: Registry, example_answer: ExampleAnswer | None) -> Dialect:
    from pytest_benchmodels.core.errors import ConfigError  # noqa: PLC0415 - the simulated server loads this package, and needs no more
    from pytest_benchmodels.core.text import nearest, quote  # noqa: PLC0415 - the same

    providers = registry.providers
    if model.provider not in providers:
        known = ", ".join(providers)
        raise ConfigError(
            f"unknown provider {quote(model.provider)}{nearest(model.provider, providers)} (known: {known})"
        )
    protocol = providers[model.provider].protocol
    if protocol == "own":
        from pytest_benchmodels.providers.api_protocol import GuardedProtocol  # noqa: PLC0415 - where there are any

        return GuardedProtocol(model.provider, registry.protocols[model.provider])
    if protocol == "sim":
        from pytest_benchmodels.providers.sim.service import Sim  # noqa: PLC0415 - the same

        return Sim(example_answer)
    module, _, name = protocol.partition(":")
    spoken: type[Dialect] = getattr(import_module(f".{module}", __package__), name or "DIALECT")
    return spoken()
