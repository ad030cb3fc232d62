"""The embeddings of each API: another address beside its chat, with a question and an answer of their own.

A request has a message for each text; the answer's text is a JSON list with one vector for each, of length 1 and
rounded to five decimals: what a vector's comparison needs, in a form that can be stored and read like any answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_benchmodels.core.message import Usage
from pytest_benchmodels.providers.dialect import Reading, UnreadableError, at, given_params, tokens, unsupported

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.dialect import Dialect
    from pytest_benchmodels.providers.key import Key

__all__ = ["GoogleEmbeddings", "OllamaEmbeddings", "OpenAIEmbeddings", "embeddings_of"]

_DECIMALS = 5
_CHAT = ("/chat/completions", "/responses")
_GENERATE = ":generateContent"
_OLLAMA_CHAT = "/v1/chat/completions"


def embeddings_of(chat: Dialect, model: Model) -> Dialect:
    """How the model's API is asked for embeddings. Raises `ProviderError` where it has none that is known."""
    url = chat.url(model)
    if model.provider == "ollama" and url.endswith(_OLLAMA_CHAT):
        return OllamaEmbeddings(chat)
    if url.endswith(_CHAT):
        return OpenAIEmbeddings(chat)
    if url.endswith(_GENERATE):
        return GoogleEmbeddings(chat)
    return unsupported(f"embeddings of {model.id}", f"no such API of {model.provider} is known; name another model")


class _Beside:
    """Embeddings beside an API's chat: at the same host, with the same key."""

    def __init__(self, chat: Dialect) -> None:
        self._chat = chat

    def headers(self, key: Key) -> Mapping[str, str]:
        return self._chat.headers(key)


class OpenAIEmbeddings(_Beside):
    """Source: OpenAI, "API Reference: Embeddings"; Azure, Mistral, vLLM and others have the same."""

    def url(self, model: Model) -> str:
        url = self._chat.url(model)
        ending = next(ending for ending in _CHAT if url.endswith(ending))
        return f"{url.removesuffix(ending)}/embeddings"

    def body(self, request: Request) -> dict[str, object]:
        own = {"model": request.model.name, "input": _texts(request), "encoding_format": "float"}
        body = {**given_params(request), **own}
        if request.model.provider == "sim":
            knobs = request.params.get("sim", {})
            body["sim"] = {**knobs, "attempt": request.attempt} if isinstance(knobs, Mapping) else knobs
        return body

    def read(self, document: Mapping[str, object]) -> Reading:
        data = document.get("data")
        if not isinstance(data, list):
            raise UnreadableError("it has no data")
        in_order = sorted(data, key=_index)
        return Reading(_written([at(each, "embedding") for each in in_order]), None, self.usage(document))

    def usage(self, document: Mapping[str, object]) -> Usage:
        return _usage(at(document, "usage", "prompt_tokens"))


class OllamaEmbeddings(_Beside):
    """Source: Ollama, "API: Generate Embeddings". A text that is too long is refused, not cut off unsaid."""

    def url(self, model: Model) -> str:
        return f"{self._chat.url(model).removesuffix(_OLLAMA_CHAT)}/api/embed"

    def body(self, request: Request) -> dict[str, object]:
        return {"truncate": False, **given_params(request), "model": request.model.name, "input": _texts(request)}

    def read(self, document: Mapping[str, object]) -> Reading:
        return Reading(_written(document.get("embeddings")), None, self.usage(document))

    def usage(self, document: Mapping[str, object]) -> Usage:
        return _usage(document.get("prompt_eval_count"))


class GoogleEmbeddings(_Beside):
    """Source: Google, "Gemini API: Embeddings", `batchEmbedContents`, which takes one text, too."""

    def url(self, model: Model) -> str:
        return f"{self._chat.url(model).removesuffix(_GENERATE)}:batchEmbedContents"

    def body(self, request: Request) -> dict[str, object]:
        shared = {**given_params(request), "model": f"models/{request.model.name.removeprefix('models/')}"}
        return {"requests": [{**shared, "content": {"parts": [{"text": text}]}} for text in _texts(request)]}

    def read(self, document: Mapping[str, object]) -> Reading:
        found = document.get("embeddings")
        values = [at(each, "values") for each in found] if isinstance(found, list) else None
        return Reading(_written(values), None, self.usage(document))

    def usage(self, document: Mapping[str, object]) -> Usage:
        return _usage(at(document, "usageMetadata", "promptTokenCount"))


def _texts(request: Request) -> list[str]:
    return [message.text for message in request.messages]


def _index(entry: object) -> int:
    index = at(entry, "index")
    return index if isinstance(index, int) else 0


def _usage(prompt: object) -> Usage:
    """An embedding has no output: where the prompt is counted, all is."""
    count = tokens(prompt)
    return Usage() if count is None else Usage(count, 0)


def _written(vectors: object) -> str:
    """The vectors as JSON. Raises `UnreadableError` for what is none."""
    if not isinstance(vectors, list) or not vectors:
        raise UnreadableError("it has no embeddings")
    return json.dumps([_unit(vector) for vector in vectors], separators=(",", ":"))


def _unit(vector: object) -> Sequence[float]:
    if not isinstance(vector, list) or not vector or not all(type(part) in (int, float) for part in vector):
        raise UnreadableError("an embedding of it is no list of numbers")
    length = math.hypot(*vector)
    if not 0 < length < math.inf:
        raise UnreadableError("an embedding of it has no direction: all of it is zero, or beyond all bounds")
    return [round(part / length, _DECIMALS) for part in vector]
