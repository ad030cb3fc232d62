"""Why a value does not fit its model: every reason, in an author's words. Used only when something is wrong."""

from __future__ import annotations

import functools
import json
import re
import types
import typing
from collections.abc import Container, Mapping
from typing import Annotated, Any, Literal

import msgspec

from pytest_benchmodels.core.scenario import Check, Grader
from pytest_benchmodels.core.text import clip, quote
from pytest_benchmodels.formats.document import Problems, Steps

__all__ = ["explain", "foreign_check", "foreign_key", "summary"]

_PARAMS = "it is a parameter of the model: write `params: {%s: ...}`"
_CHECKS = "write what the answer has to satisfy under `checks:`, for example `checks: [{contains: Paris}]`"
_TARGET = "write `target:` for the right answer, or a check such as `equals:` under `checks:`"
_ADDRESS = "an address belongs into bench.toml: [model.NAME] with base_url"
_STREAM = "streaming belongs into bench.toml: [model.NAME] with stream = true"

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
    **dict.fromkeys(("stall_timeout", "stream"), ("params", _STREAM)),
    **dict.fromkeys(("epochs", "n", "num_trials", "runs", "samples", "trials"), ("repeat", "write `repeat:`")),
    **dict.fromkeys(("cases", "evals", "examples", "tests"), ("scenarios", "write `scenarios:`")),
    **dict.fromkeys(("defaultTest", "default_test"), ("defaults", "write `defaults:`")),
    **dict.fromkeys(("data", "samples_file"), ("dataset", "write `dataset: FILE`")),
    "variables": ("vars", "write `vars:`"),
}
# From where on a check passes: `min` of a measure, `at_least` of a judge, whose scale has numbers of its own, and
# `threshold` of several checks.
_LEAST = ("min", "at_least", "threshold")
_SAMPLING = frozenset(
    {"frequency_penalty", "max_completion_tokens", "max_tokens", "presence_penalty", "reasoning_effort"}
    | {"response_format", "seed", "stop", "stop_sequences", "temperature", "thinking_budget", "top_k", "top_p"}
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
    **dict.fromkeys(("is-xml", "is-sql", "is-html", "is_valid"), "write `valid: xml`, or sql, html, yaml, toml"),
    **dict.fromkeys(("and", "assert-set", "every"), "write `all_of:` with a list of checks"),
    **dict.fromkeys(("or", "some"), "write `any_of:` with a list of checks"),
    **dict.fromkeys(("latency", "max_time"), "write `max_latency:`"),
    **dict.fromkeys(("rouge", "rouge-l", "rougeL", "rouge-n"), "write `rouge_l:`"),
    **dict.fromkeys(("math", "math-equal", "math_verify"), "write `math_equal:`"),
    **dict.fromkeys(("lang", "is_language", "language_match"), "write `language:`"),
    **dict.fromkeys(("semantic_similarity", "cosine", "similarity"), "write `embedding_similarity:`"),
    **dict.fromkeys(("cost", "price"), "write `max_cost:`"),
    **dict.fromkeys(("finish-reason", "stop_reason"), "write `finish_reason:`"),
    **dict.fromkeys(("max_tokens", "output_tokens"), "write `max_output_tokens:`"),
    **dict.fromkeys(("match", "matches"), "write `regex:`"),
    **dict.fromkeys(("exec", "run", "shell", "script"), "write `command:`"),
    **dict.fromkeys(("file_exists", "files_exist", "path"), "write `file:`, an entry for each"),
    **dict.fromkeys(("test", "tests", "unit_tests", "pytest"), "write `tests_pass:` with the command"),
    **dict.fromkeys(("allowed_paths", "only_changed"), "write `changed_only:`"),
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
    if key in _LEAST:
        return next((f"; write `{name}:`" for name in _LEAST if name in known), "")
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


_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "null",
    "object": "a mapping",
    "str": "text",
}
_EXPECTED = re.compile(r"Expected `(?P<types>[^`]+)`(?P<bound>[^,]*)(?:, got `(?P<got>\w+)`)?")
_PLACE = re.compile(r" - at `.*$", re.DOTALL)
_UNIONS = (typing.Union, types.UnionType)
_LISTS = (list, tuple)  # a tuple's entries are all of one kind here: tuple[Category, ...]


def explain(
    value: Mapping[str, object], model: type[msgspec.Struct], steps: Steps, problems: Problems, what: str
) -> set[str]:
    """Note everything about a mapping that its model refuses, and return the keys concerned.

    `what` names the mapping in messages: `scenario 'add-two'`.
    """
    hints, names = _shape(model)
    bad = {key for key in value if key not in names}
    for key in value:
        if key in bad:
            problems.add(
                (*steps, key),
                f"unknown key {quote(key)} in {what}{foreign_key(key, names) or problems.hint(key, names)}",
            )
        elif _explain_part(value[key], hints[names[key].name], (*steps, key), problems):
            bad.add(key)
    for key, field in names.items():
        if field.required and key not in value:
            problems.add(steps, f"{what} lacks {key!r}")
            bad.add(key)
    return bad


@functools.cache  # both evaluate a class's annotations each time: 8 ms, for each of a file's wrong scenarios
def _shape(model: type[msgspec.Struct]) -> tuple[Mapping[str, Any], Mapping[str, msgspec.structs.FieldInfo]]:
    """A model's annotations by its fields' names, its fields by the keys that an author writes."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    return typing.get_type_hints(model, include_extras=True), fields


def _explain_part(value: object, hint: Any, steps: Steps, problems: Problems) -> bool:
    """Note what is wrong with one value of a mapping or list; return whether anything is."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        found = [_explain_inside(value, choice, steps, problems) for choice in _choices(hint)]
        if not any(found):
            problems.add(steps, _sentence(steps, value, str(error), hint))
        return True
    return False


def _explain_inside(value: object, hint: Any, steps: Steps, problems: Problems) -> bool:
    """Look for the reason in the value's parts; return whether it is there."""
    if isinstance(value, dict) and isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        what = f"this {steps[-1]}" if isinstance(steps[-1], str) else f"this entry of {_subject(steps[:-1])}"
        return bool(explain(value, hint, steps, problems, what))
    if isinstance(value, list) and typing.get_origin(hint) in _LISTS:
        item_hint = typing.get_args(hint)[0]
        found = [_explain_part(item, item_hint, (*steps, index), problems) for index, item in enumerate(value)]
        return any(found)
    known = [name for name in typing.get_args(hint) if isinstance(name, str)] if _is_literal(hint) else []
    if known and isinstance(value, str):
        shown = ", ".join(map(repr, known))
        problems.add(
            steps, f"{_subject(steps)} must be one of {shown}, got {quote(value)}{problems.hint(value, known)}"
        )
        return True
    return False


def _subject(steps: Steps) -> str:
    name = next(step for step in reversed(steps) if isinstance(step, str))
    return name if name == steps[-1] else f"an entry of {name}"


def _choices(hint: Any) -> list[Any]:
    """The members of a union, freed of their annotations."""
    if typing.get_origin(hint) is Annotated:
        return _choices(typing.get_args(hint)[0])
    if typing.get_origin(hint) in _UNIONS:
        return [choice for member in typing.get_args(hint) for choice in _choices(member)]
    return [hint]


def _is_literal(hint: Any) -> bool:
    return typing.get_origin(hint) is Literal


def _rule(hint: Any) -> str | None:
    """What a pattern asks for, in the words that stand beside it in the model."""
    if typing.get_origin(hint) is Annotated:
        said = (part.extra["rule"] for part in hint.__metadata__ if isinstance(part, msgspec.Meta) and part.extra)
        return next(said, None) or _rule(typing.get_args(hint)[0])
    members = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else ()
    return next(filter(None, map(_rule, members)), None)


def _words(choice: Any) -> str:
    """A member of a union, as an author writes it."""
    if _is_literal(choice):
        return " or ".join(map(json.dumps, typing.get_args(choice)))
    kind = typing.get_origin(choice) or choice
    return "a list" if kind in _LISTS else _WORDS.get(kind.__name__, "a mapping")


def _sentence(steps: Steps, value: object, reason: str, hint: Any) -> str:
    """`timeout must be a number >= 0, got -3`."""
    subject = _subject(steps) if " - at `" not in reason else f"an entry of {_subject(steps)}"
    if isinstance(value, str) and "matching regex" in reason and (rule := _rule(hint)):
        return f"{subject} must be {rule}, got {quote(value)}"
    match = _EXPECTED.match(reason)
    if match is None and reason.startswith("Invalid enum value"):
        wanted = " or ".join(_words(choice) for choice in _choices(hint) if choice is not msgspec.UnsetType)
        return f"{subject} must be {wanted}, got {quote(value)}"
    if match is None:
        return f"{subject}: {_PLACE.sub('', reason)}, got {quote(value)}"
    if match["bound"] == " of length >= 1" and not match["got"]:
        return f"{subject} must not be empty"
    wanted = " or ".join(_WORDS.get(name, name) for name in match["types"].split(" | ") if name != "null")
    bound = match["bound"].removesuffix(".0")
    remedy = ": put it in quotes" if "str" in match["types"] and isinstance(value, int | float) else ""
    return f"{subject} must be {wanted}{bound}, got {quote(value)}{remedy}"


_NESTED = 120


def summary(grader: Grader) -> str:
    """`contains 'Paris' (ignore_case)`: the check's value, and the options that differ from their defaults."""
    (first, usual), *rest = _defaults(type(grader))
    value = getattr(grader, first)
    words = first if value == usual else f"{first} {_shown(value)}"
    options = [
        name if option is True else f"{name}={_shown(option)}"
        for name, usual in rest
        if (option := getattr(grader, name)) != usual
    ]
    return f"{words} ({', '.join(options)})" if options else words


@functools.cache  # msgspec evaluates a class's annotations each time: 0.1 ms
def _defaults(grader: type[Grader]) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, _default(field)) for field in msgspec.structs.fields(grader))


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _shown(value: object) -> str:
    """A value in a few words; of objects in a list their first field, which names them; of checks what they are."""
    if isinstance(value, tuple) and value and all(isinstance(part, Check) for part in value):
        return f"({clip('; '.join([part.summary for part in value]), _NESTED)})"
    if isinstance(value, tuple) and value and all(isinstance(part, msgspec.Struct) for part in value):
        value = [getattr(part, part.__struct_fields__[0]) for part in value]
    return json.dumps(value) if isinstance(value, bool) else quote(value, 60)
