"""Chance that repeats: the same words give the same draws, in every process and on every machine."""

from __future__ import annotations

import math
import struct
from hashlib import blake2b

__all__ = ["draws", "lognormal"]

_FOUR = struct.Struct(">4Q")
_RANGE = 2.0**64


def draws(*words: object) -> tuple[float, float, float, float]:
    """Four independent draws, each evenly spread over [0, 1]."""
    digest = blake2b("\0".join(map(str, words)).encode("utf-8", "replace"), digest_size=_FOUR.size).digest()
    one, two, three, four = _FOUR.unpack(digest)
    return one / _RANGE, two / _RANGE, three / _RANGE, four / _RANGE


def lognormal(median: float, sigma: float, one: float, two: float) -> float:
    """A lognormal figure made of two even draws (Box-Muller)."""
    normal = math.sqrt(-2.0 * math.log(max(one, 1e-300))) * math.cos(2.0 * math.pi * two)
    return median * math.exp(sigma * normal)
