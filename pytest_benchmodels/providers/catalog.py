"""The providers that are known by name, and those that users add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmodels.providers.api_protocol import ApiProtocol

__all__ = ["CATALOG", "FUNCTION", "ProviderInfo", "Registry"]

_OLLAMA_PORT = "11434"


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """One provider. Of several environment variables, the first that is set counts.

    `base_url` is the address without any variable set; empty for `sim`, whose address is known at run time only.
    `key_is_optional`: a server of the user's own, which wants a key only if it was started with one. `protocol` is the
    module beside this one whose `DIALECT` the API speaks, `sim`, or `own` for a user's.
    """

    name: str
    protocol: str
    base_url: str
    base_url_envs: tuple[str, ...] = ()
    key_envs: tuple[str, ...] = ()
    key_is_optional: bool = False
    listed_as: str = ""

    @property
    def price_list_id(self) -> str:
        """What the price list calls it."""
        return self.listed_as or self.name

    @property
    def base_url_env(self) -> str | None:
        """The variable to name to a reader."""
        return next(iter(self.base_url_envs), None)

    @property
    def key_env(self) -> str | None:
        """The variable to name to a reader; None for a provider that needs no key."""
        return next(iter(self.key_envs), None)

    def find_base_url(self, environ: Mapping[str, str]) -> str:
        """The address that the environment asks for, else the provider's own."""
        for name in self.base_url_envs:
            if value := environ.get(name, "").strip():
                return _ollama_url(value) if name == "OLLAMA_HOST" else value.rstrip("/")
        return self.base_url

    def find_key_env(self, environ: Mapping[str, str]) -> str | None:
        """The variable that holds the key; the one to set, where none is, or None where no key is needed."""
        to_set = None if self.key_is_optional else self.key_env
        return next((name for name in self.key_envs if environ.get(name, "").strip()), to_set)


def _ollama_url(host: str) -> str:
    """Read OLLAMA_HOST, which may be `host`, `host:port`, `:port` or a URL, and may name the server's own 0.0.0.0."""
    scheme, separator, rest = host.rpartition("://")
    address, _, path = rest.partition("/")
    name, _, port = address.rpartition(":") if ":" in address.rpartition("]")[2] else (address, "", "")
    usual_port = {"http": "80", "https": "443"}.get(scheme, _OLLAMA_PORT) if separator else _OLLAMA_PORT
    name = "127.0.0.1" if name in {"", "0.0.0.0", "[::]"} else name  # noqa: S104 - replaced, not bound to
    base = f"{scheme or 'http'}://{name}:{port or usual_port}/{path}".rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


def _hosted(name: str, base_url: str) -> ProviderInfo:
    """A service that speaks Chat Completions; its variables are those of its own documentation."""
    return ProviderInfo(name, "openai", base_url, (f"{name.upper()}_BASE_URL",), (f"{name.upper()}_API_KEY",))


def _local(name: str, base_url: str, key_env: str) -> ProviderInfo:
    """A server on the user's own machine, at its usual port."""
    return ProviderInfo(name, "openai", base_url, (f"{name.upper()}_BASE_URL",), (key_env,), key_is_optional=True)


CATALOG: Mapping[str, ProviderInfo] = {
    info.name: info
    for info in (
        ProviderInfo("openai", "openai", "https://api.openai.com/v1", ("OPENAI_BASE_URL",), ("OPENAI_API_KEY",)),
        ProviderInfo(
            "anthropic", "anthropic", "https://api.anthropic.com", ("ANTHROPIC_BASE_URL",), ("ANTHROPIC_API_KEY",)
        ),
        ProviderInfo(
            "google",
            "google",
            "https://generativelanguage.googleapis.com/v1beta",
            ("GOOGLE_GEMINI_BASE_URL", "GEMINI_BASE_URL"),
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        ),
        ProviderInfo(
            "openrouter",
            "openai",
            "https://openrouter.ai/api/v1",
            ("OPENROUTER_BASE_URL",),
            ("OPENROUTER_API_KEY",),
        ),
        ProviderInfo(
            "azure",
            "openai:Azure",
            "",
            ("AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"),
            ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
        ),
        ProviderInfo(
            "openai-responses",
            "responses",
            "https://api.openai.com/v1",
            ("OPENAI_BASE_URL",),
            ("OPENAI_API_KEY",),
            listed_as="openai",
        ),
        _hosted("groq", "https://api.groq.com/openai/v1"),
        _hosted("mistral", "https://api.mistral.ai/v1"),
        _hosted("deepseek", "https://api.deepseek.com"),
        _hosted("together", "https://api.together.ai/v1"),
        _hosted("fireworks", "https://api.fireworks.ai/inference/v1"),
        _hosted("xai", "https://api.x.ai/v1"),
        _hosted("cerebras", "https://api.cerebras.ai/v1"),
        _hosted("perplexity", "https://api.perplexity.ai"),
        ProviderInfo("ollama", "openai", "http://127.0.0.1:11434/v1", ("OLLAMA_BASE_URL", "OLLAMA_HOST")),
        _local("lmstudio", "http://127.0.0.1:1234/v1", "LM_API_TOKEN"),
        _local("vllm", "http://127.0.0.1:8000/v1", "VLLM_API_KEY"),
        _local("llamacpp", "http://127.0.0.1:8080/v1", "LLAMA_API_KEY"),
        ProviderInfo("sim", "sim", ""),
    )
}


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
