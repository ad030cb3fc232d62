"""What the events of a streamed answer add up to: for each API the document that it sends without streaming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from pytest_benchmodels.providers.dialect import UnreadableError, at
from pytest_benchmodels.providers.event_stream import StreamForm

if TYPE_CHECKING:
    from pytest_benchmodels.providers.event_stream import Event

__all__ = ["ANTHROPIC_STREAM", "GOOGLE_STREAM", "OPENAI_STREAM", "AnthropicFold", "GoogleFold", "OpenAIFold"]

T = TypeVar("T")


def _read(decoder: msgspec.json.Decoder[T], event: Event) -> T:
    try:
        return decoder.decode(event.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"an event of its stream cannot be read ({error})") from None


_GROWING = ("text", "thinking", "reasoning", "summary", "content")
_SAME = ("type", "thought", "index")


def _add_parts(parts: list[Any], more: list[Any]) -> None:
    """Put parts behind parts: one that goes on where the last one ended is a part of that."""
    for part in more:
        if parts and (whole := _continued(parts[-1], part)) is not None:
            parts[-1] = whole
        else:
            parts.append(part)


def _continued(part: object, more: object) -> dict[str, Any] | None:
    if not isinstance(part, dict) or not isinstance(more, dict):
        return None
    grows = [name for name in _GROWING if _goes_on(part.get(name), more.get(name))]
    if not grows or any(part.get(name) != more.get(name) for name in _SAME):
        return None
    return {**part, **more, **{name: part[name] + more[name] for name in grows}}


def _goes_on(before: object, after: object) -> bool:
    return isinstance(after, str | list) and type(before) is type(after)


class _Choice(Struct, gc=False):
    index: int = 0
    delta: dict[str, Any] | None = None
    finish_reason: Any = None
    error: Any = None


class _Chunk(Struct, gc=False):
    """An event of Chat Completions: what else it holds is the same in each, or nothing that is read."""

    choices: list[_Choice] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None
    system_fingerprint: Any = None
    provider: Any = None
    service_tier: Any = None
    prompt_filter_results: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_OF_THE_DOCUMENT = tuple(name for name in _Chunk.__struct_fields__ if name != "choices")
_DONE = b"[DONE]"
_PLAIN_DELTAS = frozenset({"role", "content"})


class OpenAIFold:
    """Of `chat.completion.chunk` events a `chat.completion`. Asked for one answer, a server sends one choice."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._texts: list[str] = []
        self._rest: dict[str, Any] = {}
        self._document: dict[str, Any] = {}
        self._choice: dict[str, Any] = {}

    def take(self, event: Event) -> None:
        if event.data == _DONE:
            self.is_whole = self.is_over = True
            return
        chunk = _read(_CHUNK, event)
        if chunk.choices:
            self._add(chunk.choices[0])
        if chunk.model != self._document.get("model") or chunk.usage is not None or chunk.error is not None:
            self._remember(chunk)
            self.is_over = chunk.error is not None

    def document(self) -> Mapping[str, object]:
        message: dict[str, Any] = {"role": "assistant", **self._rest}
        if self._texts and "content" in self._rest:  # parts that think, then a text that answers
            message["content"] = [*self._rest["content"], {"type": "text", "text": "".join(self._texts)}]
        elif self._texts:
            message["content"] = "".join(self._texts)
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [calls[index] for index in sorted(calls)]
        return {**self._document, "choices": [{**self._choice, "message": message}] if self._choice else []}

    def _add(self, choice: _Choice) -> None:
        delta = choice.delta
        if delta:
            content = delta.get("content")
            if isinstance(content, str):
                if content:
                    self._texts.append(content)
                    self.has_begun = True
            elif isinstance(content, list):  # Mistral's, where a model thinks
                self._merge("content", content)
            if not delta.keys() <= _PLAIN_DELTAS:
                self._add_rest(delta)
        if choice.finish_reason is not None:
            self.is_whole = True
            self._choice["finish_reason"] = choice.finish_reason
        elif not self._choice:
            self._choice["index"] = choice.index
        if choice.error is not None:
            self._choice["error"] = choice.error

    def _add_rest(self, delta: Mapping[str, Any]) -> None:
        for name, value in delta.items():
            if name in _PLAIN_DELTAS or value is None or value in ("", []):
                continue
            if name == "tool_calls":
                self._add_calls(value)
            else:
                self._merge(name, value)
            self.has_begun = True

    def _merge(self, name: str, value: Any) -> None:
        """Put what comes to what came: texts and lists grow, of anything else the last counts."""
        before = self._rest.get(name)
        if isinstance(value, list):
            _add_parts(self._rest.setdefault(name, []), value)
        else:
            self._rest[name] = before + value if isinstance(value, str) and isinstance(before, str) else value
        self.has_begun = True

    def _add_calls(self, fragments: object) -> None:
        """Each call comes in fragments with its number: id and name first, then its arguments bit by bit."""
        calls = self._rest.setdefault("tool_calls", {})
        if not isinstance(fragments, list):
            raise UnreadableError("delta.tool_calls of its stream is no list")
        for fragment in fragments:
            number = at(fragment, "index")
            call = calls.setdefault(number if isinstance(number, int) else len(calls), {})
            for name, value in (fragment if isinstance(fragment, dict) else {}).items():
                call[name] = _grown(call.get(name), value) if name == "function" else value or call.get(name)

    def _remember(self, chunk: _Chunk) -> None:
        for name in _OF_THE_DOCUMENT:
            if (value := getattr(chunk, name)) is not None:
                self._document[name] = value


def _grown(function: object, fragment: object) -> dict[str, Any]:
    """A function's call with more of its arguments. A name comes once, whole."""
    known: dict[str, Any] = dict(function) if isinstance(function, dict) else {}
    for name, value in (fragment if isinstance(fragment, dict) else {}).items():
        if name == "arguments" and isinstance(value, str) and isinstance(known.get(name), str):
            known[name] += value
        elif value is not None and not (name == "name" and not value):
            known[name] = value
    return known


def _openai_body(body: Mapping[str, object]) -> dict[str, object]:
    """`stream_options` asks for the tokens; a server that refuses it gets none where params set it to nothing."""
    streaming = {"stream_options": {"include_usage": True}, **body, "stream": True}
    return streaming if streaming["stream_options"] else {k: v for k, v in streaming.items() if k != "stream_options"}


_ANYTHING: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
# Where the fragments of a block go, by the kind of fragment.
_FRAGMENTS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


class AnthropicFold:
    """Of the events of the Messages API a message. https://docs.anthropic.com/en/api/messages-streaming."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}

    def take(self, event: Event) -> None:
        said = _read(_ANYTHING, event)
        kind = said.get("type")
        if kind == "content_block_delta":
            self._add_fragment(said)
        elif kind == "content_block_start":
            self._blocks[_number(said)] = dict(_mapping(said.get("content_block")))
            self.has_begun |= at(said, "content_block", "type") == "tool_use"
        elif kind == "message_start":
            self._message = dict(_mapping(said.get("message")))
        elif kind == "message_delta":
            self._message.update(_mapping(said.get("delta")))
            # Its counts are those of the whole message, not of what is new.
            counted = {name: count for name, count in _mapping(said.get("usage")).items() if count is not None}
            self._message["usage"] = {**_mapping(self._message.get("usage")), **counted}
            self.is_whole |= self._message.get("stop_reason") is not None
        elif kind == "message_stop":
            self.is_whole = self.is_over = True
        elif kind == "error":
            self._message["error"] = said.get("error")
            self.is_over = True

    def document(self) -> Mapping[str, object]:
        content = [self._block(number) for number in sorted(self._blocks)]
        return {**self._message, "content": content} if self._message.keys() - {"error"} else self._message

    def _add_fragment(self, said: Mapping[str, Any]) -> None:
        delta = _mapping(said.get("delta"))
        kept = _FRAGMENTS.get(str(delta.get("type")))
        if kept is None:  # citations, and what is yet to come
            return
        text = delta.get(kept)
        if not isinstance(text, str):
            raise UnreadableError(f"a {delta.get('type')} of its stream has no {kept}")
        self._texts.setdefault((_number(said), kept), []).append(text)
        self.has_begun |= bool(text) and kept != "signature"

    def _block(self, number: int) -> dict[str, Any]:
        block = dict(self._blocks[number])
        for kept in _FRAGMENTS.values():
            if texts := self._texts.get((number, kept)):
                block["input" if kept == "partial_json" else kept] = "".join(texts)
        return block


def _number(said: Mapping[str, Any]) -> int:
    number = said.get("index")
    return number if isinstance(number, int) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class GoogleFold:
    """Of partial responses of `streamGenerateContent` a whole one: each holds the parts that are new."""

    def __init__(self) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._parts: list[Any] = []
        self._candidate: dict[str, Any] = {}
        self._document: dict[str, Any] = {}

    def take(self, event: Event) -> None:
        said = _read(_ANYTHING, event)
        self._document.update({name: value for name, value in said.items() if name != "candidates"})
        candidate = at(said, "candidates", 0)
        if isinstance(candidate, dict):
            parts = at(candidate, "content", "parts")
            if isinstance(parts, list):
                _add_parts(self._parts, parts)
                self.has_begun |= any(map(_says_something, parts))
            self._candidate.update({name: value for name, value in candidate.items() if name != "content"})
        blocked = at(said, "promptFeedback", "blockReason")
        self.is_whole |= self._candidate.get("finishReason") is not None or blocked is not None

    def document(self) -> Mapping[str, object]:
        if not self._candidate and not self._parts:
            return self._document
        content = {"content": {"role": "model", "parts": self._parts}} if self._parts else {}
        return {**self._document, "candidates": [{**self._candidate, **content}]}


def _says_something(part: object) -> bool:
    return bool(at(part, "text")) or at(part, "functionCall") is not None


def _google_url(url: str) -> str:
    return f"{url.removesuffix(':generateContent')}:streamGenerateContent?alt=sse"


OPENAI_STREAM = StreamForm(url=str, body=_openai_body, fold=OpenAIFold)
ANTHROPIC_STREAM = StreamForm(url=str, body=lambda body: {**body, "stream": True}, fold=AnthropicFold)
GOOGLE_STREAM = StreamForm(url=_google_url, body=dict, fold=GoogleFold)
