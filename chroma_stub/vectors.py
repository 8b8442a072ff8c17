"""Embeddings: little-endian float32 blobs, their two spellings on the wire, and the three distances."""

from __future__ import annotations

import base64
import binascii
import math
import re
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from operator import mul, sub

from chroma_stub.errors import InvalidArgument

Vector = Sequence[float]
FLOAT_BYTES = 4
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


def encode(values: Sequence[float]) -> bytes:
    """The blob of a list of numbers."""
    found = array("f", values)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def decode(blob: bytes) -> array[float]:
    """The numbers in a blob."""
    found = array("f")
    found.frombytes(blob)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def from_wire(spelling: str | Sequence[float]) -> bytes:
    """The blob of an embedding as a client sends it: base64 of a blob, or a list of numbers."""
    if not isinstance(spelling, str):
        return encode(spelling)
    if wrong := _NOT_BASE64.search(spelling):
        raise InvalidArgument(f"Invalid base64 string: Invalid symbol {ord(wrong[0])}, offset {wrong.start()}.")
    try:
        blob = base64.b64decode(spelling, validate=True)
    except binascii.Error as error:
        raise InvalidArgument(f"Invalid base64 string: {error}") from None
    if len(blob) % FLOAT_BYTES:
        raise InvalidArgument(
            f"Invalid byte length: {len(blob)} bytes cannot be converted to f32 values (must be divisible by 4)"
        )
    return blob


def check_stored(blob: bytes) -> None:
    """Raise InvalidArgument for an embedding that cannot be kept: without numbers, or with some that are not finite."""
    if not blob:
        raise InvalidArgument("Validation error: embeddings: Each embedding must have at least 1 dimension")
    if not all(map(math.isfinite, decode(blob))):
        raise InvalidArgument("Validation error: embeddings: Embeddings must not contain NaN or Infinity values")


def squared_l2(a: Vector, b: Vector) -> float:
    """The square of the Euclidean distance."""
    return math.fsum(d * d for d in map(sub, a, b))


def cosine(a: Vector, b: Vector) -> float:
    """One minus the cosine of the angle; 1 when a vector is zero."""
    norm = math.sqrt(_dot(a, a) * _dot(b, b))
    return 1.0 - (_dot(a, b) / norm if norm else 0.0)


def inner_product(a: Vector, b: Vector) -> float:
    """One minus the dot product."""
    return 1.0 - _dot(a, b)


def _dot(a: Vector, b: Vector) -> float:
    return math.fsum(map(mul, a, b))


DISTANCES: Mapping[str, Callable[[Vector, Vector], float]] = {
    "l2": squared_l2,
    "cosine": cosine,
    "ip": inner_product,
}
