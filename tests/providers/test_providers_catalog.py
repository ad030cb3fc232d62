from __future__ import annotations

import pytest

from pytest_benchmodels.providers.catalog import CATALOG


def test_the_known_providers() -> None:
    assert {name: (info.protocol, info.key_env, info.base_url_env) for name, info in CATALOG.items()} == {
        "openai": ("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
        "anthropic": ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        "google": ("google", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
        "openrouter": ("openai", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
        "azure": ("openai:Azure", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_BASE_URL"),
        "openai-responses": ("responses", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
        "groq": ("openai", "GROQ_API_KEY", "GROQ_BASE_URL"),
        "mistral": ("openai", "MISTRAL_API_KEY", "MISTRAL_BASE_URL"),
        "deepseek": ("openai", "DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL"),
        "together": ("openai", "TOGETHER_API_KEY", "TOGETHER_BASE_URL"),
        "fireworks": ("openai", "FIREWORKS_API_KEY", "FIREWORKS_BASE_URL"),
        "xai": ("openai", "XAI_API_KEY", "XAI_BASE_URL"),
        "cerebras": ("openai", "CEREBRAS_API_KEY", "CEREBRAS_BASE_URL"),
        "perplexity": ("openai", "PERPLEXITY_API_KEY", "PERPLEXITY_BASE_URL"),
        "ollama": ("openai", None, "OLLAMA_BASE_URL"),
        "lmstudio": ("openai", "LM_API_TOKEN", "LMSTUDIO_BASE_URL"),
        "vllm": ("openai", "VLLM_API_KEY", "VLLM_BASE_URL"),
        "llamacpp": ("openai", "LLAMA_API_KEY", "LLAMACPP_BASE_URL"),
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
    assert CATALOG["vllm"].find_key_env({}) is None
    assert CATALOG["vllm"].find_key_env({"VLLM_API_KEY": "k"}) == "VLLM_API_KEY"


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
