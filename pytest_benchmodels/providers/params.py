"""Parameters with one name for all APIs, of which each has its own form: the answer's format, and thinking.

An author writes them as OpenAI's Chat Completions has them. Sources: OpenAI, "Structured model outputs" and "Reasoning
models"; Anthropic, "Structured outputs", "Effort" and "Extended thinking"; Google, "Structured outputs", "Thinking" and
"OpenAI compatibility" (which effort is which budget); OpenRouter, "Reasoning tokens"; Mistral, "Chat completion
API"; DeepSeek, "Create chat completion".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_benchmodels.core.scenario import param_remedy
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.providers.dialect import unsupported

__all__ = [
    "JSON_TOOL",
    "JsonFormat",
    "anthropic_params",
    "google_config",
    "openai_params",
    "responses_params",
    "take_format",
    "with_own",
    "with_tools",
]

_NAME = "answer"


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The answer has to be JSON, and to fit the schema if there is one. `strict`: the API is to see to it."""

    schema: Mapping[str, Any] | None = None
    name: str = _NAME
    strict: bool | None = None


def take_format(params: dict[str, object]) -> JsonFormat | None:
    """Take `response_format` out of the parameters; None where there is none, or it asks for plain text."""
    written = params.pop("response_format", None)
    kind = written.get("type") if isinstance(written, Mapping) else None
    if written is None or kind == "text":
        return None
    if kind == "json_object":
        return JsonFormat()
    described = written.get("json_schema") if isinstance(written, Mapping) else None
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if kind != "json_schema" or not isinstance(described, Mapping) or not isinstance(schema, Mapping):
        unsupported(f"response_format {quote(written)}", "write `response_format: json`, or a JSON Schema")
    strict = described.get("strict")
    return JsonFormat(schema, str(described.get("name") or _NAME), strict if isinstance(strict, bool) else None)


def with_tools(params: dict[str, object], tools: dict[str, Any]) -> dict[str, object]:
    """The parameters with a request's tools, behind those that they hold: the provider's own, such as a web search."""
    given = params.get("tools")
    joined = {"tools": [*given, *tools["tools"]]} if tools and isinstance(given, list) else {}
    return {**params, **tools, **joined}


# Its models that think refuse the older name; other servers, and OpenAI's older models at some of them, know no other.
_NEW_LIMIT = re.compile(r"(?:o\d|gpt-[5-9]|codex|chatgpt-[5-9])")
_OPENAI = frozenset({"openai", "azure"})
_OLD_LIMIT = frozenset({"mistral", "deepseek"})


def openai_params(params: dict[str, object], provider: str, model: str) -> dict[str, object]:
    """Chat Completions: as they are written, but for the names that an API does not know."""
    _check_thinking(params)
    if provider in _OPENAI and "max_tokens" in params and _NEW_LIMIT.match(model):
        limit = params.pop("max_tokens")
        params.setdefault("max_completion_tokens", limit)
    if provider in _OLD_LIMIT and "max_completion_tokens" in params:
        limit = params.pop("max_completion_tokens")
        params.setdefault("max_tokens", limit)
    if provider == "mistral" and "seed" in params:
        seed = params.pop("seed")
        params.setdefault("random_seed", seed)
    if provider == "openrouter" and "thinking_budget" in params:
        given = params.pop("reasoning", None)
        budget = {"max_tokens": params.pop("thinking_budget")}
        params["reasoning"] = {**budget, **given} if isinstance(given, Mapping) else budget
    return params


def responses_params(params: dict[str, object]) -> dict[str, object]:
    """OpenAI's Responses API."""
    _check_thinking(params)
    for name in ("max_completion_tokens", "max_tokens"):
        if name in params:
            params.setdefault("max_output_tokens", params.pop(name))
    if (effort := params.pop("reasoning_effort", None)) is not None:
        params["reasoning"] = {"effort": effort, **_mapping(params.get("reasoning"))}
    wanted = take_format(params)
    if wanted is not None:
        form: dict[str, object] = {"type": "json_object"}
        if wanted.schema is not None:
            strict = {} if wanted.strict is None else {"strict": wanted.strict}
            form = {"type": "json_schema", "name": wanted.name, "schema": wanted.schema, **strict}
        params["text"] = {"format": form, **_mapping(params.get("text"))}
    return params


def anthropic_params(params: dict[str, object], max_tokens: int) -> dict[str, object]:
    """The Messages API, which has to be told a `max_tokens`, larger than what may be thought."""
    _check_thinking(params)
    config: dict[str, object] = {}
    if (effort := params.pop("reasoning_effort", None)) is not None:
        config["effort"] = effort
    wanted = take_format(params)
    if wanted is not None:
        if wanted.schema is None:
            _add_json_tool(params)
        else:
            config["format"] = {"type": "json_schema", "schema": wanted.schema}
    if config:
        params["output_config"] = {**config, **_mapping(params.get("output_config"))}
    budget = params.pop("thinking_budget", None)
    if budget is not None:
        params.setdefault("thinking", {"type": "enabled", "budget_tokens": budget})
    limit = max_tokens + budget if isinstance(budget, int) else max_tokens
    if (limit_given := params.pop("max_completion_tokens", None)) is not None:
        params.setdefault("max_tokens", limit_given)
    return {"max_tokens": limit, **params}


JSON_TOOL = "benchmodels_json_answer"
_ANSWER_BY_TOOL = {
    "name": JSON_TOOL,
    "description": "Give the whole answer: the JSON object that was asked for, as this tool's input.",
    "input_schema": {"type": "object", "additionalProperties": True},
}


def _add_json_tool(params: dict[str, object]) -> None:
    """Have the answer be the input of a tool: the API's own format wants every property named."""
    why = "without a schema the Messages API gives JSON as the input of a tool that it has to call, "
    remedy = ": write a JSON Schema"
    if "tools" in params or "tool_choice" in params:
        unsupported("response_format json", f"{why}which leaves no choice of other tools{remedy}")
    if "thinking_budget" in params or _mapping(params.get("thinking")).get("type", "disabled") != "disabled":
        unsupported("response_format json", f"{why}and calls none by force while it thinks{remedy}")
    params["tools"], params["tool_choice"] = [_ANSWER_BY_TOOL], {"type": "tool", "name": JSON_TOOL}


_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576}


def google_config(params: dict[str, object], model: str) -> dict[str, object]:
    """What of it belongs into `generationConfig`; taken out of the parameters."""
    _check_thinking(params)
    config: dict[str, object] = {}
    wanted = take_format(params)
    if wanted is not None:
        config["responseMimeType"] = "application/json"
        if wanted.schema is not None:
            config["responseJsonSchema"] = wanted.schema
    effort, budget = params.pop("reasoning_effort", None), params.pop("thinking_budget", None)
    if effort is not None and budget is None and model.startswith("gemini-2"):
        # Gemini 2.5 knows budgets only.
        if effort not in _BUDGETS:
            unsupported(f"reasoning_effort {quote(effort)}", f"write {', '.join(_BUDGETS)}, or a thinking_budget")
        budget, effort = _BUDGETS[str(effort)], None
    if budget is not None:
        config["thinkingConfig"] = {"thinkingBudget": budget, "includeThoughts": budget != 0}
    elif effort is not None:
        config["thinkingConfig"] = {"thinkingLevel": effort, "includeThoughts": True}
    return config


_HOW_MUCH = frozenset({"thinkingBudget", "thinkingLevel"})


def with_own(config: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """A `generationConfig` with the author's own laid over it, that of thinking field by field.

    A budget and a level say the same: of these the API takes one.
    """
    own_thinking = _mapping(own.get("thinkingConfig"))
    dropped = _HOW_MUCH if own_thinking.keys() & _HOW_MUCH else frozenset()
    thinking = {name: value for name, value in _mapping(config.get("thinkingConfig")).items() if name not in dropped}
    merged = {**config, **own}
    return {**merged, "thinkingConfig": {**thinking, **own_thinking}} if thinking and own_thinking else merged


def _check_thinking(params: Mapping[str, object]) -> None:
    """A model's table may hold anything, and what is made of these two would be nonsense, or crash."""
    for name in ("reasoning_effort", "thinking_budget"):
        if remedy := param_remedy(name, params.get(name)):
            unsupported(f"{name} {quote(params[name])}", remedy)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
