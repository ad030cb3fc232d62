"""Azure OpenAI: Chat Completions, at addresses and with keys of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_benchmodels.providers.openai import OpenAI

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = ["DIALECT", "Azure"]


class Azure(OpenAI):
    """A model's name is that of its deployment.

    Source: Microsoft, "Azure OpenAI in Azure AI Foundry Models REST API reference" and "API version lifecycle".
    """

    def url(self, model: Model) -> str:
        """The v1 address, or that of the deployment where the user's query names an `api-version`.

        An address that goes on behind the resource's name is taken as it is.
        """
        base = model.base_url.rstrip("/").removesuffix("/openai")
        if "/openai/" in base:
            return f"{base}/chat/completions"
        versioned = any(name == "api-version" for name, _ in model.query)
        path = f"deployments/{quote(model.name, safe='')}" if versioned else "v1"
        return f"{base}/openai/{path}/chat/completions"

    def headers(self, key: Key) -> Mapping[str, str]:
        """A key of the resource, or a token of Microsoft Entra ID: its variable ends with `_TOKEN`."""
        if key.env is not None and key.env.upper().endswith("_TOKEN"):
            return key.header("Authorization", "Bearer ")
        return key.header("api-key")


DIALECT = Azure
"""What `providers.create` makes for a provider whose protocol is this."""
