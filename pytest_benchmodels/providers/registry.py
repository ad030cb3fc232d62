"""What the user gave a session to ask: functions where models stand, and protocols of his own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_benchmodels.providers.catalog import CATALOG, ProviderInfo

if TYPE_CHECKING:
    from pytest_benchmodels.providers.api_protocol import ApiProtocol

__all__ = ["FUNCTION", "Registry"]

FUNCTION = "function"
"""The provider of models that are functions."""


@dataclass(frozen=True)
class Registry:
    """`functions` by model name, `protocols` by provider name."""

    functions: Mapping[str, Callable[..., object]] = field(default_factory=dict)
    protocols: Mapping[str, ApiProtocol] = field(default_factory=dict)

    @cached_property
    def providers(self) -> Mapping[str, ProviderInfo]:
        """All providers that are reached over HTTP, ours first."""
        return {**CATALOG, **{name: _info(name, protocol) for name, protocol in self.protocols.items()}}


def _info(name: str, protocol: ApiProtocol) -> ProviderInfo:
    return ProviderInfo(name, "own", protocol.base_url, tuple(protocol.base_url_envs), tuple(protocol.key_envs))
