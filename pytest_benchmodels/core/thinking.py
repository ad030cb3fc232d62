"""What a model only thought, told apart from its answer.

Most servers hand thinking over in a field of its own. Where they do not, it stands in the text, in the marks that the
model was trained on: `<think>` (DeepSeek R1, Qwen3, MiniMax), `<thinking>`, `<reasoning>` (gpt-oss on Amazon Bedrock),
`<thought>`, `<seed:think>` (Seed-OSS), `[THINK]` (Magistral), `◁think▷` (Kimi-VL), and the channels of OpenAI's harmony
format (gpt-oss).
"""

from __future__ import annotations

import asyncio
import json
import re
from bisect import bisect

from msgspec.structs import replace

from pytest_benchmodels.core.message import Response

__all__ = ["rid_of_thinking", "split_thinking", "without_thinking"]

_AT_ONCE_CHARS = 20_000
"""Up to this length `without_thinking` takes a few milliseconds; 10 MB may take seconds, and belong into a thread."""

# One of these stands in each text that holds any thinking.
_MARK = re.compile("[<\\[\u25c1]|assistantfinal")
_NAME = r"think(?:ing)?|thought|reasoning|seed:think"
_OPENING = re.compile(rf"[\s\ufeff]*+(?:<({_NAME})\s*>|\[(THINK)\]|◁(think)▷)", re.IGNORECASE)
_ANY_OPENING = re.compile(rf"<(?:{_NAME})\s*>|\[THINK\]|◁think▷", re.IGNORECASE)
_ANY_CLOSING = re.compile(rf"</(?:{_NAME})\s*>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_SENTENCE_END = ".!?:;…。\uff01\uff1f)]}*$`"  # the two are the full-width ! and ?
_OPENING_QUOTES = tuple("'\"\u201c\u201e\u2018\u00ab`")
_CLOSING_QUOTES = tuple("'\"\u201d\u201c\u2019\u00bb`\\")
_MOST_LONE = 20
_LINE = 1000  # how much of a line is looked at: a hostile one may be endless

# OpenAI's harmony format: <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...
_HARMONY = re.compile(r"\s*+(?:<\|start\|>\s*assistant\s*)?<\|channel\|>")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
# The same as a server leaves it that drops special tokens.
_BARE_HARMONY = re.compile(r"\s*+analysis(?=\S)(.*?)assistantfinal", re.DOTALL)


def without_thinking(response: Response) -> Response:
    """The response with what was thought in `thinking`, not in `text`. To do it twice changes nothing more."""
    thinking, answer = split_thinking(response.text, told_apart=bool(response.thinking))
    if answer == response.text:
        return response
    return replace(response, text=answer, thinking="\n\n".join(filter(None, (response.thinking, thinking))))


async def rid_of_thinking(response: Response) -> Response:
    """`without_thinking`, whoever answered: a long text is looked at in a thread, beside the event loop."""
    if len(response.text) <= _AT_ONCE_CHARS:
        return without_thinking(response)
    return await asyncio.to_thread(without_thinking, response)


def split_thinking(text: str, *, told_apart: bool = False) -> tuple[str, str]:
    """What was thought and what was answered.

    Thinking stands at the start, in one block or in several; a tag further on is part of the answer. Where the chat
    template put the opening tag into the prompt, only the closing one is there: then all before it was thought, and so
    it is before one that closes more than was opened (Qwen's model cards look for the last one, too). A block that is
    never closed leaves no answer. `told_apart`: the server handed thinking over already, so that only whole
    blocks can be more of it. Takes time linear in the length.
    """
    if _MARK.search(text) is None:  # as in most answers
        return "", text
    if _HARMONY.match(text):
        return _channels(text)
    if bare := _BARE_HARMONY.match(text):
        return bare[1].strip(), text[bare.end() :].lstrip()
    thought: list[str] = []
    fences = _fences(text) if _OPENING.match(text) or _ANY_CLOSING.search(text) else []
    at = 0
    while opening := _OPENING.match(text, at):
        closing = _closing(text, opening, fences)
        if closing is None and told_apart:
            break
        thought.append(text[opening.end() : closing.start() if closing else len(text)].strip())
        at = closing.end() if closing else len(text)
    for _ in range(0 if told_apart else _MOST_LONE):
        if (lone := _lone_closing(text, at, fences)) is None:
            break
        thought.append(text[at : lone.start()].strip())
        at = lone.end()
    return "\n\n".join(filter(None, thought)), text[at:].lstrip() if at else text


def _channels(text: str) -> tuple[str, str]:
    thought: list[str] = []
    answer: list[str] = []
    for header in _CHANNEL.finditer(text):
        end = _CHANNEL_END.search(text, header.end())
        said = text[header.end() : end.start() if end else len(text)].strip()
        (answer if header[1] == "final" else thought).append(said)
    return "\n\n".join(filter(None, thought)), "\n\n".join(filter(None, answer))


def _closing(text: str, opening: re.Match[str], fences: list[int]) -> re.Match[str] | None:
    """The tag that ends a block: one that the thinking only talks about does not, unless there is no other."""
    name, is_magistral = opening[1], bool(opening[2])
    pattern = rf"</{re.escape(name)}\s*>" if name else r"\[/THINK\]" if is_magistral else "◁/think▷"
    mentioned = None
    for closing in re.compile(pattern, re.IGNORECASE).finditer(text, opening.end()):
        if _is_quoted(text, closing, fences):
            continue
        if not _is_in_prose(text, closing):
            return closing
        mentioned = mentioned or closing
    return mentioned


def _lone_closing(text: str, at: int, fences: list[int]) -> re.Match[str] | None:
    """A closing tag without an opening one from `at` on, if it ends what was thought."""
    if not _ANY_CLOSING.search(text, at) or _is_json(text[at:]):
        return None
    for closing in _ANY_CLOSING.finditer(text, at):
        if _is_quoted(text, closing, fences) or _is_in_prose(text, closing):
            continue
        before = _ANY_OPENING.finditer(text, at, closing.start())
        return None if any(not _is_quoted(text, opening, fences) for opening in before) else closing
    return None


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _fences(text: str) -> list[int]:
    """Where lines begin or end a block of code."""
    return [fence.start() for fence in _FENCE.finditer(text)]


def _is_quoted(text: str, tag: re.Match[str], fences: list[int]) -> bool:
    """Whether a tag stands in a block of code, between quotes, or on its line between backticks or double quotes."""
    before = bisect(fences, tag.start())
    if before % 2 and before < len(fences):
        return True
    if text[tag.start() - 1 : tag.start()] in _OPENING_QUOTES and text[tag.end() : tag.end() + 1] in _CLOSING_QUOTES:
        return True
    begin, end = max(tag.start() - _LINE, 0), tag.end() + _LINE
    start = max(text.rfind("\n", begin, tag.start()) + 1, begin)
    left, right = text[start : tag.start()], text[tag.end() : end].partition("\n")[0]
    return any(left.count(mark) % 2 and mark in right for mark in '`"')


def _is_in_prose(text: str, tag: re.Match[str]) -> bool:
    """Whether a closing tag is a word of a sentence: it goes on behind it, and had not ended before it."""
    before, after = text[max(tag.start() - _LINE, 0) : tag.start()], text[tag.end() : tag.end() + 2]
    if not before.endswith(" ") or not before.strip() or before.rstrip()[-1] in _SENTENCE_END:
        return False
    return not after or after[0] in ".,;:)?!" or (after[0] == " " and (after[1:].islower() or after[1:] in ("", "|")))
