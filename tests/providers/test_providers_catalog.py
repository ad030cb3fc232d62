from __future__ import annotations

import pytest

from pytest_benchmodels.providers.catalog import CATALOG


def test_the_known_providers() -> None:
    assert {name: (info.protocol, info.key_env, info.base_url_env) for name, info in CATALOG.items()} == {
        "openai": ("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
        "anthropic": ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        "google": ("google", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
        "openrouter": ("openai", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
        "ollama": ("openai", None, "OLLAMA_BASE_URL"),
        **{
            name: ("openai", f"{name.upper()}_API_KEY", None)
            for name in ("groq", "mistral", "deepseek", "together", "fireworks", "xai", "cerebras", "perplexity")
        },
        **{name: ("openai", None, f"{name.upper()}_BASE_URL") for name in ("lmstudio", "vllm", "llamacpp")},
        "sim": ("sim", None, None),
    }


def test_the_environment_moves_an_address() -> None:
    openai = CATALOG["openai"]

    assert openai.find_base_url({}) == "https://api.openai.com/v1"
    assert openai.find_base_url({"OPENAI_BASE_URL": " "}) == "https://api.openai.com/v1"
    assert openai.find_base_url({"OPENAI_BASE_URL": "http://me:1/v1/"}) == "http://me:1/v1"


def test_the_key_that_is_set_is_found_else_the_one_to_set() -> None:
    google = CATALOG["google"]

    assert google.find_key_env({"GOOGLE_API_KEY": "k"}) == "GOOGLE_API_KEY"
    assert google.find_key_env({"GOOGLE_API_KEY": "k", "GEMINI_API_KEY": "k"}) == "GEMINI_API_KEY"
    assert google.find_key_env({}) == "GEMINI_API_KEY"
    assert CATALOG["ollama"].find_key_env({}) is None


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104 - read, not bound to
        ("gpu", "http://gpu:11434/v1"),
        ("gpu:8080", "http://gpu:8080/v1"),
        (":8080", "http://127.0.0.1:8080/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("[::1]:8080", "http://[::1]:8080/v1"),
        ("https://gpu", "https://gpu:443/v1"),
        ("http://gpu:8080/", "http://gpu:8080/v1"),
        ("http://gpu:8080/v1", "http://gpu:8080/v1"),
    ],
)
def test_ollamas_host_in_its_forms(host: str, url: str) -> None:
    assert CATALOG["ollama"].find_base_url({"OLLAMA_HOST": host}) == url
