"""Small deterministic embeddings, computed here: real Chroma stores no record without one.

A bag of words hashed into a vector of fixed length and scaled to length 1, so that texts with common words lie near.
"""

from __future__ import annotations

import math
import re
from zlib import crc32

DIMENSION = 64
_WORD = re.compile(r"\w+")
_DIGITS = 6


def embed(text: str) -> list[float]:
    """The embedding of ``text``: ``DIMENSION`` numbers, the same in every process; a fixed one without words."""
    counts = [0.0] * DIMENSION
    for word in _WORD.findall(text.lower()):
        code = crc32(word.encode(errors="replace"))
        counts[code % DIMENSION] += 1.0 if code & 0x8000_0000 else -1.0  # signed, so that collisions cancel out
    norm = math.sqrt(sum(count * count for count in counts))
    if norm == 0.0:
        return [1.0] + [0.0] * (DIMENSION - 1)
    return [round(count / norm, _DIGITS) for count in counts]
