"""What `[model.NAME]` of bench.toml says of a command-line agent, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

import msgspec

from pytest_benchmodels.core.agent import PRESETS, OutputFormat, parse_place, placeholders_in
from pytest_benchmodels.core.run import COMMAND
from pytest_benchmodels.core.text import nearest, quote

__all__ = ["AGENT_KEYS", "CallEntry", "OutputEntry", "agent_faults"]

Text = Annotated[str, msgspec.Meta(min_length=1)]
Texts = Text | Annotated[list[Text], msgspec.Meta(min_length=1)]


class CallEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an agent prints which tool it called: `at` leads to an object, the other paths begin there."""

    at: Text
    name: Text
    arguments: str = ""
    result: str = ""


class OutputEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `output` of a command-line agent: how it is written, and where in it things stand.

    Each is a path or a list of them, for `format = "text"` patterns with one group. See `core.agent.AgentOutput`.
    """

    format: OutputFormat = "text"
    text: Texts | None = None
    thinking: Texts | None = None
    input_tokens: Texts | None = None
    output_tokens: Texts | None = None
    cached_input_tokens: Texts | None = None
    cache_write_tokens: Texts | None = None
    reasoning_tokens: Texts | None = None
    cost_usd: Texts | None = None
    steps: Texts | None = None
    served_model: Texts | None = None
    finish_reason: Texts | None = None
    error: Texts | None = None
    sum: bool = False
    calls: list[CallEntry] = []


AGENT_KEYS = (
    "preset",
    "command",
    "args",
    "prompt",
    "env",
    "network",
    "readable",
    "writable",
    "output",
    "max_turns",
    "cpus",
    "memory",
)
"""The keys of a model's table that are about a command-line agent alone."""

_NOT_OF_AGENTS = ("base_url", "api_key_env", "headers", "query", "stream", "stall_timeout", "params")
_PLACEHOLDERS = ("prompt", "prompt_file", "model", "workspace", "system", "max_turns", "project")
_PATHS = (
    "text",
    "thinking",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "steps",
    "served_model",
    "finish_reason",
    "error",
)
_WRITE = 'write the words that start it, command = ["my-agent", "--model", "{model}"], or preset = "claude-code"'


def agent_faults(name: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong between the keys of one table whose single keys are right: each key, with rule and remedy."""
    if table.get("provider") != COMMAND:
        for key in (key for key in AGENT_KEYS if key in table):
            yield key, f'{key} is about a command-line agent: set provider = "{COMMAND}" beside it, or leave it out'
        return
    for key in (key for key in _NOT_OF_AGENTS if key in table):
        yield key, f"{key} is about an API, and a command has none: leave it out"
    preset = table.get("preset")
    if preset is not None and preset not in PRESETS:
        hint = nearest(str(preset), PRESETS)
        yield "preset", f"preset = {quote(preset)} is unknown{hint}; known are {', '.join(PRESETS)}"
    if preset is None:
        yield from _faults_of_command(name, table)
    elif "prompt" in table:
        yield "prompt", "prompt is the preset's own: leave it out, or leave preset out and write the command"
    yield from _faults_of_words(table)
    yield from _faults_of_output(table.get("output"))


def _faults_of_command(name: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "command" not in table:
        yield "provider", f"[model.{quote(name)[1:-1]}] lacks command: {_WRITE}"
        return
    if "args" in table:
        yield "args", "args follow the words of a preset: write them into command"
    words = table["command"]
    used = {found for word in words if isinstance(word, str) for found in placeholders_in(word)}
    yield from _faults_of_prompt(table.get("prompt"), used)
    if "model" in used and "name" not in table:
        yield "command", "command has {model}, and nothing says which: set name beside it"
    if "name" in table and "model" not in used:
        yield "name", "no word of command has {model}: write it where the agent takes it, or leave name out"
    output = table.get("output")
    counts = isinstance(output, Mapping) and "steps" in output
    if "max_turns" in table and "max_turns" not in used and not counts:
        remedy = "write it where the agent takes it, or say by output.steps where it tells how many it took"
        yield "max_turns", f"no word of command has {{max_turns}}: {remedy}"
    if "max_turns" in used and "max_turns" not in table:
        yield "command", "command has {max_turns}, and nothing says how many: set max_turns beside it"


def _faults_of_prompt(way: object, used: Collection[str]) -> Iterator[tuple[str, str]]:
    """The prompt has one way; `used` are the placeholders of the command's words."""
    if "prompt" in used and "prompt_file" in used:
        yield "command", "command has {prompt} and {prompt_file}: keep one of the two"
    elif way == "stdin" and ("prompt" in used or "prompt_file" in used):
        yield "prompt", 'prompt = "stdin", and command has a word for it: leave one of the two out'
    elif way == "argument" and "prompt_file" in used:
        yield "prompt", 'prompt = "argument", and command has {prompt_file}: write {prompt}, or prompt = "file"'
    elif way == "file" and "prompt_file" not in used:
        yield "prompt", 'prompt = "file", and no word of command has {prompt_file}: write it where the agent takes it'


def _faults_of_words(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Placeholders that are nearly one of ours. Other braces are the command's own affair."""
    for key in ("command", "args"):
        words = table.get(key)
        for word in words if isinstance(words, list) else ():
            for found in placeholders_in(word) if isinstance(word, str) else ():
                if found not in _PLACEHOLDERS and (hint := nearest(found, _PLACEHOLDERS)):
                    yield key, f"{key} has {{{found}}}, which is no placeholder{hint} ({', '.join(_PLACEHOLDERS)})"
            if isinstance(word, str) and "\0" in word:
                yield key, f"{key}: no word of a command may have a NUL character"


def _faults_of_output(output: object) -> Iterator[tuple[str, str]]:
    if not isinstance(output, Mapping):
        return
    form = output.get("format", "text")
    if form != "text" and "text" not in output:
        yield "output", f'output has format = "{form}" and does not say where the answer stands: add text = "result"'
    if form == "text" and "calls" in output:
        yield "output", 'output.calls are events: set format = "jsonl"'
    for key in _PATHS:
        given = output.get(key)
        for path in [given] if isinstance(given, str) else given if isinstance(given, list) else ():
            if isinstance(path, str) and (fault := _pattern_fault(path) if form == "text" else _path_fault(path)):
                yield "output", f"output.{key} = {quote(path)}: {fault}"
    calls = output.get("calls")
    for entry in calls if isinstance(calls, list) else ():
        for key, path in entry.items() if isinstance(entry, Mapping) else ():
            if isinstance(path, str) and path and (fault := _path_fault(path)):
                yield "output", f"output.calls: {key} = {quote(path)}: {fault}"


def _path_fault(path: str) -> str:
    try:
        parse_place(path)
    except ValueError as error:
        return str(error)
    return ""


def _pattern_fault(pattern: str) -> str:
    import regex  # noqa: PLC0415 - 25 ms that only an agent with patterns pays

    try:
        groups = regex.compile(pattern, regex.MULTILINE).groups
    except (regex.error, RecursionError, OverflowError) as error:
        return f"no regular expression: {error}"
    return "" if groups == 1 else f"it has {groups} groups: put the one thing that counts into round brackets"
