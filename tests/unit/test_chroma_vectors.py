"""Embeddings on the wire, distances, and the backend's own embeddings."""

from __future__ import annotations

import base64
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.clients.embedding import DIMENSION, embed
from chroma_stub import vectors
from chroma_stub.errors import InvalidArgument

FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8)


@given(FLOATS)
def test_both_spellings_mean_the_same(numbers: list[float]) -> None:
    blob = struct.pack(f"<{len(numbers)}f", *numbers)
    assert vectors.from_wire(numbers) == vectors.from_wire(base64.b64encode(blob).decode()) == blob
    assert list(vectors.decode(blob)) == numbers


@pytest.mark.parametrize(
    ("spelling", "message"),
    [("!!", "Invalid symbol 33, offset 0"), ("AAA=", "2 bytes cannot be converted"), ("A", "Invalid base64")],
)
def test_bad_base64_is_named(spelling: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        vectors.from_wire(spelling)


@pytest.mark.parametrize("numbers", [[], [math.nan], [math.inf]])
def test_what_cannot_be_stored(numbers: list[float]) -> None:
    with pytest.raises(InvalidArgument):
        vectors.check_stored(vectors.from_wire(numbers))


def test_distances_by_hand() -> None:
    assert vectors.squared_l2([1, 0, 0], [0, 1, 0]) == 2.0
    assert vectors.inner_product([2, 0], [1, 0]) == -1.0
    assert vectors.cosine([1, 0], [1, 1]) == pytest.approx(1 - 1 / math.sqrt(2))
    assert vectors.cosine([0, 0], [1, 1]) == 1.0


@given(st.text(max_size=200))
def test_every_text_has_an_embedding_of_length_one(text: str) -> None:
    found = embed(text)
    assert len(found) == DIMENSION and found == embed(text)
    assert sum(x * x for x in found) == pytest.approx(1.0, abs=1e-3)


def test_texts_with_common_words_lie_nearer() -> None:
    saga, alike, other = map(embed, ("a saga has steps", "steps of a saga", "Zwiebelkuchen schmeckt gut"))
    assert vectors.cosine(saga, alike) < vectors.cosine(saga, other)
