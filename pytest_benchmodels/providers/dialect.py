"""What each API writes and reads in its own way: requests, answers, the parts of messages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from msgspec.structs import replace

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import (
    ImagePart,
    Message,
    Part,
    Role,
    ThinkingPart,
    ToolCall,
    ToolResult,
    Usage,
)
from pytest_benchmodels.core.text import well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.key import Key

__all__ = [
    "BlockedError",
    "Dialect",
    "FailedError",
    "Reading",
    "UnreadableError",
    "anthropic_usage",
    "arguments_object",
    "at",
    "checked",
    "data_url",
    "given_params",
    "google_usage",
    "is_text",
    "is_unnamed",
    "joined_text",
    "joined_thinking",
    "openai_usage",
    "read_call",
    "sound_call",
    "system_texts",
    "tokens",
    "turns",
    "unsupported",
]


def unsupported(what: str, remedy: str) -> NoReturn:
    """Refuse a part before it is sent: `what` the API cannot take, and the remedy."""
    raise ProviderError("unsupported", f"{what}: {remedy}", sent=False)


def is_text(messages: Iterable[Message]) -> bool:
    """Whether no message has parts, or a role of its own for them: as nearly always."""
    return all(isinstance(message.content, str) and message.role != "tool" for message in messages)


def checked(messages: Iterable[Message]) -> Iterator[Message]:
    """The messages, if no part stands where no API has a place for it."""
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall) and message.role != "assistant":
                unsupported(f"a tool call in a message of role {message.role}", "only the assistant calls tools")
            if isinstance(part, ToolResult) and message.role not in ("tool", "user"):
                unsupported(f"a tool result in a message of role {message.role}", "its role has to be tool")
            if message.role == "tool" and not isinstance(part, ToolResult):
                unsupported("a message of role tool with more than tool results", "give it the role user")
            if isinstance(part, ImagePart) and message.role == "system":
                unsupported("an image in the system message", "give it the role user")
        yield message


def system_texts(messages: Iterable[Message]) -> list[str]:
    """The texts of the messages of role `system`, for APIs that have them set apart."""
    return [message.text for message in messages if message.role == "system"]


def turns(messages: Iterable[Message]) -> Iterator[tuple[Role, list[Part]]]:
    """The parts of user and assistant, in turn: what follows each other by the same side is one turn.

    Results of tools are the user's, and stand in front of what else he says, as the APIs want it.
    """
    spoken = (message for message in messages if message.role != "system")
    for is_assistant, said in groupby(spoken, key=lambda message: message.role == "assistant"):
        parts = [part for message in said for part in message.parts]
        yield (
            "assistant" if is_assistant else "user",
            sorted(parts, key=lambda part: not isinstance(part, ToolResult)),
        )


def data_url(image: ImagePart) -> str:
    """Where the image is: its URL, or one that holds its data."""
    return image.url or f"data:{image.media_type};base64,{image.data}"


def arguments_object(call: ToolCall) -> Mapping[str, Any]:
    """A call's arguments as they can be sent back to any API: what is no sound JSON object is wrapped in one.

    Anthropic and Gemini take only objects, and servers of OpenAI's protocol parse the text that it has in their place
    (vLLM and llama.cpp refuse the request otherwise). The wrapping is what Anthropic recommends:
    https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming.
    """
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if isinstance(arguments, dict) and _is_plain(arguments, _MOST_NESTED):
        return arguments
    return {"INVALID_JSON": call.arguments}


_UNNAMED = "unnamed-"
_NO_ARGUMENTS = ("", "null")
_MOST_NESTED = 50
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**64 - 1


def read_call(id_: object, name: object, arguments: object, number: int) -> ToolCall | None:
    """A tool call as an API's answer has it; None for what has no name, and so is none.

    `number`, from 1 on, stands for the id where there is none.
    """
    if not isinstance(name, str) or not name:
        return None
    written = arguments if isinstance(arguments, str) else _written({} if arguments is None else arguments)
    named = id_ if isinstance(id_, str) and id_ else f"{_UNNAMED}{number}"
    return sound_call(ToolCall(named, name, written), well_formed)


def is_unnamed(id_: str) -> bool:
    """Whether the id is ours: the API that made the call does not know it."""
    return id_.startswith(_UNNAMED)


def sound_call(call: ToolCall, shown: Callable[[str], str]) -> ToolCall:
    """The call as it can be kept, sent to another process and shown; `shown` rids a text of what must not be in it.

    Arguments that are an object come as such, none at all (an empty text, `null`) as an empty one. As text stay: what
    is no JSON, or no object, numbers beyond 64 bits, for which no two readers agree, and what is nested deeper than
    fifty times, which a process may not be able to write.
    """
    return replace(
        call,
        id=shown(call.id),
        name=shown(call.name),
        arguments=_sound_arguments(call.arguments, shown),
        signature=shown(call.signature),
    )


def _sound_arguments(arguments: Mapping[str, Any] | str, shown: Callable[[str], str]) -> Mapping[str, Any] | str:
    text = arguments if isinstance(arguments, str) else _written(arguments)
    if text.strip() in _NO_ARGUMENTS:
        return {}
    try:
        value = json.loads(text)
        if not isinstance(value, dict) or not _is_plain(value, _MOST_NESTED):
            return shown(text)
        # Written anew without escapes: one could hide what is to be hidden.
        sound: dict[str, Any] = json.loads(shown(json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return shown(text)
    return sound


def _written(value: object) -> str:
    try:
        return json.dumps(value, default=repr)
    except (ValueError, RecursionError) as error:
        return f"(arguments that cannot be written as JSON: {error})"


def _is_plain(value: object, deeper: int) -> bool:
    if isinstance(value, dict):
        return deeper > 0 and all(_is_plain(entry, deeper - 1) for entry in value.values())
    if isinstance(value, list):
        return deeper > 0 and all(_is_plain(entry, deeper - 1) for entry in value)
    if isinstance(value, int):
        return _LEAST_INTEGER <= value <= _GREATEST_INTEGER
    return not isinstance(value, float) or math.isfinite(value)


_MOST_TOKENS = 2**53


class UnreadableError(ValueError):
    """An answer in a shape that its API does not have; the text says what is missing."""


class FailedError(Exception):
    """An error that stands where the answer should; `error` is the API's own account of it."""

    def __init__(self, error: object) -> None:
        super().__init__(error)
        self.error = error


class BlockedError(Exception):
    """A filter of the provider's kept the prompt from the model; the text says which, in the API's words."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API's answer says. `thinking` is what it hands over apart from the answer.

    `tool_calls` are the tools that it wants to be called, `thinking_parts` what has to go back with their results.
    """

    text: str
    finish_reason: object = None
    usage: Usage = field(default_factory=Usage)
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    thinking_parts: tuple[ThinkingPart, ...] = ()


class Dialect(Protocol):
    """How one API is spoken. Stateless: one instance serves all requests to a model.

    One that has a `stream` of type `StreamForm` can be asked to stream its answers.
    """

    def url(self, model: Model) -> str:
        """The address that requests are posted to."""

    def headers(self, key: Key) -> Mapping[str, str]:
        """The headers that carry the key and the API's version."""

    def body(self, request: Request) -> Mapping[str, object]:
        """The JSON document to post; raises ProviderError for a part of a message that the API has no place for."""

    def read(self, document: Mapping[str, object]) -> Reading:
        """Read an answer; raises UnreadableError, FailedError, BlockedError."""

    def usage(self, document: Mapping[str, object]) -> Usage:
        """What it took, whether or not the rest of it can be read."""


_ELSEWHERE = {
    "model": "write name in the model's table of bench.toml",
    "n": "of several answers the first would count and all be paid; write `repeat:` in the scenario",
    "stream": "write stream = true in the model's table of bench.toml",
    "system": "write `system:` in the scenario",
    "systemInstruction": "write `system:` in the scenario",
}


def given_params(request: Request, *own: str) -> dict[str, object]:
    """The request's parameters, without `sim`: what simulates a model is nothing to tell a real one.

    Raises ProviderError `unsupported` for one of `own`, where the API is sent something else.
    """
    if taken := next((name for name in own if name in request.params), ""):
        unsupported(f"params cannot set {taken!r}", _ELSEWHERE.get(taken, "write `prompt:` or `messages:`"))
    return {name: value for name, value in request.params.items() if name != "sim"}


def at(value: object, *path: str | int) -> object:
    """Follow keys and indices into parsed JSON; None where the way ends."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
        if value is None:
            return None
    return value


def joined_text(parts: list[object]) -> str:
    """The texts of an answer that comes in parts; parts of another kind (thinking, pictures, tools) have no say."""
    return "".join(
        part["text"]
        for part in parts
        if isinstance(part, Mapping) and isinstance(part.get("text"), str) and not _is_thinking(part)
    )


def joined_thinking(parts: object) -> str:
    """What those parts hold that are thinking; `(encrypted)` for one that only its provider can read."""
    if not isinstance(parts, list):
        return ""
    thoughts = (_thought(part) for part in parts if isinstance(part, Mapping) and _is_thinking(part))
    return "\n\n".join(filter(None, thoughts))


def _is_thinking(part: Mapping[str, object]) -> bool:
    """`thought: true` (Gemini), `thinking`, `redacted_thinking` (Anthropic, Mistral), `reasoning...` (OpenRouter)."""
    kind = part.get("type")
    return bool(part.get("thought")) or (isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind))


def _thought(part: Mapping[str, object]) -> str:
    for name in ("thinking", "text", "summary", "reasoning", "content"):
        said = part.get(name)
        if isinstance(said, str) and said:
            return said
        if isinstance(said, list):  # Mistral's thinking comes in parts itself
            return joined_text(said)
    return "(encrypted)" if isinstance(part.get("data"), str) else ""


def tokens(value: object) -> int | None:
    """A count of tokens, or None for anything that is none."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


_TICKS_A_DOLLAR = 10**10
_NONSENSE = -1


def openai_usage(document: Mapping[str, object]) -> Usage:
    """OpenAI's, where the prompt includes what was cached; and how others who speak its protocol depart from it."""
    said = _fields(document.get("usage"))
    of_prompt = _fields(said.get("prompt_tokens_details"))
    of_completion = _fields(said.get("completion_tokens_details"))
    prompt, completion = tokens(said.get("prompt_tokens")), tokens(said.get("completion_tokens"))
    reasoning = _first(of_completion.get("reasoning_tokens"))
    total = tokens(said.get("total_tokens"))
    # xAI leaves thinking out of the completion, Gemini's endpoint of this protocol does not even name it. It is billed
    # all the same, and stands in the total.
    if prompt is not None and completion is not None and total is not None and total > prompt + completion:
        reasoning = reasoning or total - prompt - completion
        completion = total - prompt
    cached = _first(of_prompt.get("cached_tokens"), said.get("prompt_cache_hit_tokens"), said.get("cached_tokens"))
    return _account(
        Usage(
            prompt,
            completion,
            cached_input_tokens=cached,
            cache_write_tokens=_first(of_prompt.get("cache_write_tokens"), said.get("cache_creation_input_tokens")),
            reasoning_tokens=reasoning,
            stated_cost_usd=_stated_cost(said),
        )
    )


def anthropic_usage(document: Mapping[str, object]) -> Usage:
    """Anthropic's, where `input_tokens` are only what the cache had no part in."""
    said = _fields(document.get("usage"))
    read, written = _first(said.get("cache_read_input_tokens")), _first(said.get("cache_creation_input_tokens"))
    created = _fields(said.get("cache_creation"))
    by_life = [_first(created.get(f"ephemeral_{life}_input_tokens")) for life in ("5m", "1h")]
    if written is None and by_life != [None, None]:
        written = sum(count or 0 for count in by_life)
    rest = tokens(said.get("input_tokens"))
    return _account(
        Usage(
            None if rest is None else rest + max(read or 0, 0) + max(written or 0, 0),
            tokens(said.get("output_tokens")),
            cached_input_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=by_life[1],
            reasoning_tokens=_first(_fields(said.get("output_tokens_details")).get("thinking_tokens")),
        )
    )


def google_usage(document: Mapping[str, object]) -> Usage:
    """Gemini's, where the prompt includes what was cached, and thoughts and the prompts of tools are counted apart.

    It leaves out what is 0: only the total tells then that nothing was said.
    """
    said = _fields(document.get("usageMetadata"))
    prompt, total = tokens(said.get("promptTokenCount")), tokens(said.get("totalTokenCount"))
    of_tools, thoughts = _first(said.get("toolUsePromptTokenCount")), _first(said.get("thoughtsTokenCount"))
    output = tokens(said.get("candidatesTokenCount"))
    if prompt is not None:
        prompt = None if of_tools == _NONSENSE else prompt + (of_tools or 0)
    if thoughts == _NONSENSE:
        output = thoughts = None
    elif thoughts is not None:
        output = (output or 0) + thoughts
    elif output is None and prompt is not None and total is not None and total >= prompt:
        output = total - prompt
    return _account(
        Usage(
            prompt,
            output,
            cached_input_tokens=_first(said.get("cachedContentTokenCount")),
            reasoning_tokens=thoughts,
        )
    )


def _account(usage: Usage) -> Usage:
    """The same without what contradicts itself."""
    prompt, output = usage.input_tokens, usage.output_tokens
    read, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    hourly, reasoning = usage.cache_write_1h_tokens or 0, usage.reasoning_tokens
    if reasoning is not None and (reasoning < 0 or output is None or reasoning > output):
        usage = replace(usage, reasoning_tokens=None)
    if min(read, written, hourly) < 0 or hourly > written or (prompt is not None and read + written > prompt):
        return Usage(None, output, reasoning_tokens=usage.reasoning_tokens, stated_cost_usd=usage.stated_cost_usd)
    return usage


def _fields(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _first(*values: object) -> int | None:
    """The first of these counts that is there, None without one, and less than 0 for anything that is no count."""
    for value in values:
        if value is not None:
            count = tokens(value)
            return _NONSENSE if count is None else count
    return None


def _stated_cost(said: Mapping[str, object]) -> float | None:
    """What was billed, in US dollars, as OpenRouter, Perplexity and xAI say it.

    Where OpenRouter called with the user's own key, `cost` is its fee, and the provider bills the rest.
    """
    ticks = _amount(said.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / _TICKS_A_DOLLAR
    cost = said.get("cost")
    stated = _amount(_fields(cost).get("total_cost"))
    if stated is not None:
        return stated
    stated = _amount(cost)
    upstream = _amount(_fields(said.get("cost_details")).get("upstream_inference_cost"))
    own_key = said.get("is_byok")
    if stated is None or own_key is False or (own_key is None and upstream is None):
        return stated
    return None if upstream is None else stated + upstream


def _amount(value: object) -> float | None:
    if type(value) is not int and type(value) is not float:
        return None
    return float(value) if 0 <= value < math.inf else None
