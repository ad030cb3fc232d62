"""What goes to a model and what comes back: messages of parts, responses, tokens."""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pytest_benchmodels.core.text import address, well_formed
from pytest_benchmodels.core.workspace import FileChange

__all__ = [
    "Content",
    "FilePart",
    "ImagePart",
    "Message",
    "Part",
    "Response",
    "Role",
    "TextPart",
    "ThinkingPart",
    "ToolCall",
    "ToolResult",
    "Usage",
    "arguments_text",
    "prompt_tokens",
    "readable",
    "sendable",
    "text_of",
    "usual_finish_reason",
    "without_data",
]

Role = Literal["system", "user", "assistant", "tool"]


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ImagePart(Struct, frozen=True, tag_field="type", tag="image", omit_defaults=True):
    """A picture: `data`, in base64, with its `media_type` (`image/png`); or the `url` at which the provider finds it.

    Or the `path` of a file with its `media_type`, its `size` in bytes and the `digest` of its content (SHA-256 in hex):
    such a part holds no data. Whoever is asked gets it with `data`, which are read when the request is sent.

    Raises `ValueError` unless it has one of the three, and for data or a path without a type.
    """

    media_type: str = ""
    data: str = ""
    url: str = ""
    path: str = ""
    size: int = 0
    digest: str = ""

    def __post_init__(self) -> None:
        if bool(self.data) + bool(self.url) + bool(self.path) != 1:
            raise ValueError("an image has either `data` in base64, or a `url`, or a `path`")
        if not self.url and not self.media_type:
            raise ValueError("an image's `data` needs its `media_type`, such as image/png")
        if self.url[:5].lower() == "data:":
            raise ValueError("an image's `url` holds no data: give them as `data`, with their `media_type`")


class FilePart(ImagePart, frozen=True, tag_field="type", tag="file", omit_defaults=True):
    """A document, such as a PDF; `name` is for the model. It goes where an image goes."""

    name: str = ""


class ToolCall(Struct, frozen=True, tag_field="type", tag="tool_call"):
    """A model wants a tool to be called. `id` is what the tool's result names.

    `arguments` are a JSON object; where the model wrote none, or one with what JSON's readers do not agree on, they are
    its text as it is. `signature` is for the provider alone, who wants it back with the call.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] | str
    signature: str = ""


class ThinkingPart(Struct, frozen=True, tag_field="type", tag="thinking"):
    """Thinking that its provider wants back with the calls that came of it: with a `signature`, or as sealed `data`."""

    text: str = ""
    signature: str = ""
    data: str = ""


class ToolResult(Struct, frozen=True, tag_field="type", tag="tool_result"):
    """What came of a tool call: `call_id` is the call's. `is_error`: the content tells why there is no result.

    `is_rejected`: the call was wrong (no such tool, arguments that do not fit), and nothing was done.
    """

    call_id: str
    content: str | tuple[TextPart | ImagePart, ...]
    is_error: bool = False
    is_rejected: bool = False


Part = TextPart | ImagePart | FilePart | ThinkingPart | ToolCall | ToolResult
Content = str | tuple[Part, ...]


class Message(Struct, frozen=True):
    """One message. Only the assistant calls tools; their results come in messages of role `tool` (or `user`)."""

    role: Role
    content: Content

    @property
    def text(self) -> str:
        """The message's text, without what else it holds."""
        return text_of(self.content)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts, also where it is only a text."""
        return (TextPart(self.content),) if isinstance(self.content, str) else self.content


def text_of(content: Content) -> str:
    """The texts of a content, one after another."""
    if isinstance(content, str):
        return content
    return "".join([part.text for part in content if isinstance(part, TextPart)])


def readable(content: Content) -> str:
    """A content as a reader sees it: one line for each part, and what is no text in square brackets.

    `[image image/png, 12 kB]`, `[call get_weather({"city": "Paris"})]`, `[result of call_1: sunny]`. Text is as it
    came: whoever shows it has to make it harmless.
    """
    return content if isinstance(content, str) else "\n".join(map(_readable, content))


def _readable(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    if isinstance(part, ImagePart):
        what = f"file {part.name}" if isinstance(part, FilePart) else "image"
        if not part.url:
            return f"[{what} {part.media_type}, {_size(part)}]"
        return f"[{what} {part.url if _STUB.fullmatch(part.url) else address(part.url)}]"
    if isinstance(part, ThinkingPart):
        return "[thinking]"
    if isinstance(part, ToolCall):
        return _readable_call(part)
    what = "rejection" if part.is_rejected else "error" if part.is_error else "result"
    said = f" {readable(part.content)}"
    if isinstance(part.content, str) and "\n" in said.strip():  # a file, or what a command wrote
        said = f"\n{part.content.rstrip()}"
    return f"[{what} of {part.call_id}:{said}]"


def _readable_call(call: ToolCall) -> str:
    """A call; arguments of several lines, such as what is written into a file, stand below it as they are."""
    arguments, blocks = call.arguments, ""
    if not isinstance(arguments, str):
        long = {name: value for name, value in arguments.items() if isinstance(value, str) and "\n" in value.strip()}
        arguments = {name: value for name, value in arguments.items() if name not in long}
        blocks = "".join([f"\n{name}:\n{value}" for name, value in long.items()]).rstrip("\n")
    return f"[call {call.name}({arguments_text(arguments)}){blocks}]"


def arguments_text(arguments: Mapping[str, Any] | str) -> str:
    """A call's arguments as they are written: JSON, or what the model wrote in its place."""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False, default=repr)


def without_data(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same messages with each image's and file's data replaced by its type, size and digest."""
    if all(isinstance(message.content, str) for message in messages):
        return messages
    return tuple([Message(message.role, _without_data(message.content)) for message in messages])


def _without_data(content: Content) -> Content:
    if isinstance(content, str):
        return content
    return tuple(map(_part_without_data, content))


def _part_without_data(part: Part) -> Any:
    if isinstance(part, ToolResult):
        return replace(part, content=_without_data(part.content))
    return _stub(part) if isinstance(part, ImagePart) and not part.url else part


_STUB = re.compile(r"[\w/.+-]+, \d+ (bytes|kB), sha256:[0-9a-f]{16}", re.ASCII)


@lru_cache(maxsize=256)
def _stub(part: ImagePart) -> ImagePart:
    digest = part.digest if part.path else hashlib.sha256(_bytes(part.data)).hexdigest()
    told = f"{part.media_type}, {_size(part)}, sha256:{digest[:16]}"
    return FilePart(url=told, name=part.name) if isinstance(part, FilePart) else ImagePart(url=told)


def _bytes(data: str) -> bytes:
    """Those of the file; what is no base64 as it is."""
    try:
        return binascii.a2b_base64(data)
    except ValueError:
        return data.encode()


def sendable(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same messages with lone surrogates replaced: neither another process nor a store takes these."""
    try:
        msgspec.json.encode(messages)
    except UnicodeEncodeError:
        return msgspec.convert(_well_formed(msgspec.to_builtins(messages)), tuple[Message, ...])
    return messages


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {_well_formed(name): _well_formed(entry) for name, entry in value.items()}
    return list(map(_well_formed, value)) if isinstance(value, list | tuple) else value


def _size(part: ImagePart) -> str:
    """How large a picture is."""
    data = part.data
    count = part.size if part.path else len(data) * 3 // 4 - data[-2:].count("=")
    return f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB"


_CHARACTERS_A_TOKEN = 4
_TOKENS_AN_IMAGE = 1000
"""Between OpenAI's 765 for a square of 1024 pixels, Anthropic's 1,600 at most and Gemini's 258 for each tile."""


def prompt_tokens(messages: Sequence[Message]) -> float:
    """A rough count of a prompt's tokens: one for every four characters, and a thousand for each image."""
    return sum([_content_tokens(message.content) for message in messages])


def _content_tokens(content: Content) -> float:
    if isinstance(content, str):
        return len(content) / _CHARACTERS_A_TOKEN
    return sum([_part_tokens(part) for part in content])


def _part_tokens(part: Part) -> float:
    if isinstance(part, ImagePart):
        return _TOKENS_AN_IMAGE
    if isinstance(part, ToolResult):
        return _content_tokens(part.content)
    if isinstance(part, ThinkingPart):
        return len(part.text) / _CHARACTERS_A_TOKEN
    said = part.text if isinstance(part, TextPart) else part.name + arguments_text(part.arguments)
    return len(said) / _CHARACTERS_A_TOKEN


# Each API's own words: OpenAI, Anthropic (end_turn, max_tokens), Google (STOP, MAX_TOKENS), Mistral (model_length),
# Hugging Face (eos_token), Cohere (COMPLETE), Amazon Bedrock, Ollama, vLLM. A full context window ends an answer as
# max_tokens does.
_WORDS = {
    "stop": {"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "finish", "finished"},
    "length": {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "max_new_tokens",
        "max_length",
        "model_length",
        "token_limit",
        "model_context_window_exceeded",
        "context_window_exceeded",
        "context_length_exceeded",
    },
    "content_filter": {"content_filter", "content_filtered", "guardrail_intervened", "safety", "recitation"}
    | {"blocklist", "prohibited_content", "spii", "image_safety", "sensitive"},
    "refusal": {"refusal", "refused", "sensitive_content"},
    "tool_calls": {"tool_calls", "tool_use", "tool_call", "function_call"},
}
_USUAL = {word: usual for usual, words in _WORDS.items() for word in words}


@lru_cache(maxsize=256)  # a server uses the same few words in all of its answers
def usual_finish_reason(reason: str | None) -> str | None:
    """`stop`, `length`, `content_filter`, `refusal` or `tool_calls`; any other word as it is; None for none."""
    if reason is None:
        return None
    word = reason.strip().lower().rpartition(".")[2].replace("-", "_").replace(" ", "_")
    return _USUAL.get(word, reason)


class Usage(Struct, frozen=True):
    """Tokens as the provider counted them; None where it said nothing.

    One account for all: `input_tokens` is the whole prompt, of which `cached_input_tokens` were read from the
    provider's cache and `cache_write_tokens` written to it, of these `cache_write_1h_tokens` for an hour instead of
    minutes; `output_tokens` is all that is billed as output, of which `reasoning_tokens` were thinking.
    `stated_cost_usd` is what the provider itself says that it billed, in US dollars.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    stated_cost_usd: float | None = None


class Response(Struct, frozen=True):
    """One answer. `text` holds no lone surrogates, and nothing of what the model only thought: that is `thinking`.

    `tool_calls` are the tools that the model wants to be called, in its order; `text` may be empty beside them.
    `latency_s` is from the request to the last byte, in seconds; apart from it, `connect_s` went into setting up the
    connection and `client_s` is by how much this machine's own work delayed the measurement (both None where nobody
    measured). `served_model` is which model the provider says that answered (`gpt-4o-2024-08-06` for `gpt-4o`), empty
    where it says nothing; `upstream` is whom a router asked (OpenRouter's `provider`), `system_fingerprint` what OpenAI
    calls the state of its servers, `asked_model` the name by which the model was asked, empty where nobody kept it.
    `pause_s`: seconds for which the model is to be left alone, since its quota is used up; None if it is not. `ttft_s`
    is from the request until the first part of a streamed answer (of its thinking, where that is handed over) was
    received, in seconds; None where the answer was not streamed. `tool_results` are what the model was told in reply to
    its calls; empty where it was not asked again. `thinking_parts` go back with these. `changes` are the files that the
    run had changed in its workspace when it was over; None for an answer that is not the last, or a run without one.
    `own_calls`: its calls are those that an agent made itself, and had their results of; it is not asked again. `steps`
    is how many answers of its own model an agent took; None where it does not tell, and of a model.
    """

    text: str
    finish_reason: str | None = None
    usage: Usage = Usage()
    latency_s: float = 0.0
    pause_s: float | None = None
    thinking: str = ""
    connect_s: float | None = None
    client_s: float | None = None
    served_model: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    ttft_s: float | None = None
    tool_results: tuple[ToolResult, ...] = ()
    thinking_parts: tuple[ThinkingPart, ...] = ()
    upstream: str = ""
    system_fingerprint: str = ""
    asked_model: str = ""
    changes: tuple[FileChange, ...] | None = None
    own_calls: bool = False
    steps: int | None = None

    @property
    def generated(self) -> tuple[int, float] | None:
        """How many tokens came after the first one, and in how many seconds; None where that is not known.

        Hidden thinking is not counted: it comes before the first token that is handed over.
        """
        if self.ttft_s is None or self.usage.output_tokens is None:
            return None
        hidden = 0 if self.thinking else self.usage.reasoning_tokens or 0
        count, took_s = self.usage.output_tokens - hidden - 1, self.latency_s - self.ttft_s
        return (count, took_s) if count > 0 and took_s > 0 else None

    @property
    def served(self) -> str:
        """Who answered, for a reader: `llama-3.3-70b by Cerebras`; empty where the provider says nothing."""
        return " by ".join(filter(None, (self.served_model, self.upstream)))

    @property
    def answered_by(self) -> str:
        """The same where that is not who was asked, else empty. A date behind the name is no difference.

        Whom a router asked is told always, for nobody else chose it.
        """
        if not self.asked_model:
            return ""
        if not self.upstream and (self.served_model == self.asked_model or not self.served_model):
            return ""  # as nearly always
        return self.served if self.upstream or not _is_alias(self.asked_model, self.served_model) else ""

    @property
    def message(self) -> Message:
        """What the model said, as a message of the conversation."""
        if not self.tool_calls:
            return Message("assistant", self.text)
        said = (TextPart(self.text),) if self.text else ()
        return Message("assistant", (*self.thinking_parts, *said, *self.tool_calls))

    @property
    def readable(self) -> str:
        """The answer for a reader: its text, and each tool call, followed by its result (`message.readable`)."""
        if not self.tool_calls:
            return self.text
        said = [self.text] if self.text else []
        told = [part for pair in self.told_calls for part in pair if part is not None]
        return "\n".join((*said, *map(_readable, told)))

    @property
    def told_calls(self) -> Iterator[tuple[ToolCall, ToolResult | None]]:
        """Its calls, each with what the model was told of it; None where it was not asked again."""
        return zip_longest(self.tool_calls, self.tool_results[: len(self.tool_calls)])

    @property
    def is_refused(self) -> bool:
        """Whether the model declined to answer, or a filter of the provider's kept the answer back or cut it off."""
        return usual_finish_reason(self.finish_reason) in {"content_filter", "refusal"}

    @property
    def is_truncated(self) -> bool:
        """Whether it ended at max_tokens, or where the context was full."""
        return usual_finish_reason(self.finish_reason) == "length"


_DATED = re.compile(r"[-@](\d{3,4}|\d{8}|\d\d-\d{2,4}|\d{4}-\d\d-\d\d)")
"""What providers put behind a name for one version of it: `-2024-08-06`, `-20251001`, `-05-20`, `-0613`, `-001`."""


@lru_cache(maxsize=256)
def _is_alias(asked: str, served: str) -> bool:
    """Whether these are one name, but for a date: `gpt-4o` for `gpt-4o-2024-08-06`."""
    asked, served = asked.lower().removeprefix("models/"), served.lower().removeprefix("models/")
    name = asked.removesuffix("-latest")
    return served in (asked, name) or (served.startswith(name) and _DATED.fullmatch(served[len(name) :]) is not None)
