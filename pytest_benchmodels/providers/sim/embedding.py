"""The embeddings of a simulated model: the same for the same text, and near for texts that have much in common."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from zlib import crc32

from pytest_benchmodels.providers.sim.reply import Reply

__all__ = ["embedding", "embeddings_reply"]

_SIZE = 256
_WORD = re.compile(r"\w+")
_MOST_CHARS = 20_000
_LONG = 5
_CHARACTERS_A_TOKEN = 4

_dump = json.JSONEncoder(separators=(",", ":")).encode


def embedding(text: str) -> list[float]:
    """A vector of length 1. Each word and each three letters in a row add to one of its places, or take from it.

    So the cosine of two is about the share of words and parts of words that they have in common, 0 for none. Short
    words count for less. It knows no meaning: another word for the same is another word.
    """
    vector = [0.0] * _SIZE
    for feature, weight in sorted(set(_features(text[:_MOST_CHARS].casefold()))):
        place = crc32(feature.encode("utf-8", "replace"))
        vector[place % _SIZE] += weight if place & 0x8000_0000 else -weight
    length = math.hypot(*vector)
    return [part / length for part in vector] if length else [1.0, *vector[1:]]


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text):
        weight = min(len(word), _LONG) / _LONG
        yield word, weight
        padded = f"<{word}>"
        for start in range(len(padded) - 2):
            yield padded[start : start + 3], 0.5 * weight


def embeddings_reply(name: str, texts: Sequence[str], reply: Reply) -> Reply:
    """The planned reply with the embeddings of the texts in place of an answer, in OpenAI's shape."""
    data = [{"object": "embedding", "index": index, "embedding": embedding(text)} for index, text in enumerate(texts)]
    count = sum(max(1, len(text) // _CHARACTERS_A_TOKEN) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    body = _dump({"object": "list", "data": data, "model": name, "usage": usage}).encode()
    return replace(reply, body=body, tokens=count, filler=0, filled_at=0)
