"""Messages with parts: what the dialects share in writing them, and what of a model's tool calls can be kept.

What an API has no place for is refused before anything is sent: whatever were left out would be another question.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec.structs import replace

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import ImagePart, Message, Part, Role, ToolCall, ToolResult
from pytest_benchmodels.core.text import quote, well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "arguments_object",
    "checked",
    "data_url",
    "is_text",
    "is_unnamed",
    "read_call",
    "sound_call",
    "system_texts",
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
    """A call's arguments for an API that takes only objects."""
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        remedy = "this API takes arguments only as a JSON object"
        unsupported(f"a call of {quote(call.name)} with the arguments {quote(call.arguments)}", remedy)
    return arguments


_UNNAMED = "unnamed-"
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

    Arguments that are an object come as such. As text stay: what is no JSON, or no object, numbers beyond 64 bits, for
    which no two readers agree, and what is nested deeper than fifty times, which a process may not be able to write.
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
