"""Keys that other tools have for what has a key here: a near name would lead astray, where there is one at all."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["foreign_check", "foreign_key"]

_PARAMS = "it is a parameter of the model: write `params: {%s: ...}`"
_CHECKS = "write what the answer has to satisfy under `checks:`, for example `checks: [{contains: Paris}]`"
_TARGET = "write `target:` for the right answer, or a check such as `equals:` under `checks:`"
_ADDRESS = "an address belongs into bench.toml: [model.NAME] with base_url"

_KEYS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("assert", "asserts", "assertions", "expect", "graders", "metrics", "scorers"), ("checks", _CHECKS)
    ),
    **dict.fromkeys(
        ("answer", "correct_answer", "expected", "expected_output", "ground_truth", "ideal", "reference", "solution"),
        ("target", _TARGET),
    ),
    **dict.fromkeys(
        ("criteria", "judge", "llm-rubric", "llm_judge", "llm_rubric", "rubric"),
        ("checks", "a model that judges is a check: write it as an entry of `checks:`"),
    ),
    **dict.fromkeys(("api_base", "base_url", "endpoint", "url"), ("prompt", _ADDRESS)),
    **dict.fromkeys(("api_key", "headers"), ("prompt", "keys and headers belong into bench.toml: [model.NAME]")),
    **dict.fromkeys(("model", "provider", "providers"), ("models", "write `models: [provider/name]`")),
    **dict.fromkeys(("input", "question", "query", "user"), ("prompt", "write `prompt:`")),
    **dict.fromkeys(("conversation", "history"), ("messages", "write `messages:` or `turns:`")),
    **dict.fromkeys(("name", "test", "title"), ("id", "write `id:`; what else is to be kept stands under `metadata:`")),
    **dict.fromkeys(("description", "category", "comment", "notes"), ("metadata", "write it under `metadata:`")),
    **dict.fromkeys(("epochs", "num_trials", "runs", "samples", "trials"), ("repeat", "write `repeat:`")),
    **dict.fromkeys(("cases", "evals", "examples", "tests"), ("scenarios", "write `scenarios:`")),
    **dict.fromkeys(("defaultTest", "default_test"), ("defaults", "write `defaults:`")),
    **dict.fromkeys(("data", "samples_file"), ("dataset", "write `dataset: FILE`")),
    "variables": ("vars", "write `vars:`"),
}
_SAMPLING = frozenset(
    {"frequency_penalty", "max_completion_tokens", "max_tokens", "n", "presence_penalty", "reasoning_effort"}
    | {"response_format", "seed", "stop", "stop_sequences", "temperature", "top_k", "top_p"}
)
_OF_MODELS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("api_key", "key", "token"),
        ("api_key_env", 'write api_key_env = "NAME", the environment variable that holds the key'),
    ),
    **dict.fromkeys(
        ("api_base", "endpoint", "host", "openai_api_base", "url"), ("base_url", 'write base_url = "https://..."')
    ),
    **dict.fromkeys(("deployment", "id", "model", "model_name"), ("name", "write name, what the API calls the model")),
    **dict.fromkeys(
        ("concurrency", "max_concurrency", "max_connections", "parallel"), ("max_in_flight", "write max_in_flight")
    ),
    **dict.fromkeys(("requests_per_minute",), ("rpm", "write rpm")),
    **dict.fromkeys(("tokens_per_minute",), ("tpm", "write tpm")),
    **dict.fromkeys(
        ("cost", "pricing"), ("price", "write price = {input = ..., output = ...}, in USD per million tokens")
    ),
    **dict.fromkeys(
        ("api_version", "api-version", "default_query", "extra_query", "query_params"),
        ("query", 'write query = {api-version = "2024-10-21"}'),
    ),
    **dict.fromkeys(("extra_headers", "default_headers"), ("headers", 'write headers = {NAME = "env:VARIABLE"}')),
    "models": ("model", "a model's table is [model.NAME]"),
    "providers": ("provider", "a provider's table is [provider.NAME]"),
}
_CHECK_NAMES = {
    **dict.fromkeys(("exact", "exact_match", "is"), "write `equals:`"),
    **dict.fromkeys(("include", "includes", "substring"), "write `contains:`"),
    "icontains": "write `contains:` with `ignore_case: true`",
    **dict.fromkeys(("is-json", "is_json"), "write `json`"),
    **dict.fromkeys(("latency", "max_time"), "write `max_latency:`"),
    **dict.fromkeys(("match", "matches", "pattern"), "write `regex:`"),
    **dict.fromkeys(("type", "value"), "the check's name is the key: write `contains: Paris`"),
    **dict.fromkeys(
        ("javascript", "python", "func", "function"), "a check in Python is a class in conftest.py: docs/extending.md"
    ),
}
_JUDGES = frozenset(
    {"criteria", "factuality", "g-eval", "llm-rubric", "llm_judge", "llm_rubric", "model_graded_qa", "rubric"}
)


def foreign_key(key: str, known: Container[str]) -> str:
    """`; write ...` for a key of another tool, where what it means is among the `known` ones; else nothing."""
    for table in (_OF_MODELS, _KEYS) if "base_url" in known or "model" in known else (_KEYS,):
        target, remedy = table.get(key, ("", ""))
        if target in known:
            return f"; {remedy}"
    if key in _SAMPLING and "params" in known:
        return f"; {_PARAMS % key}" if "base_url" not in known else f"; write params = {{{key} = ...}}"
    return ""


def foreign_check(name: str, known: Container[str]) -> str:
    """The same for a check's name."""
    if name in _JUDGES:
        return (
            "; write `judge:`"
            if "judge" in known
            else "; a model that judges can be a check of your own: docs/extending.md"
        )
    return f"; {_CHECK_NAMES[name]}" if name in _CHECK_NAMES else ""
