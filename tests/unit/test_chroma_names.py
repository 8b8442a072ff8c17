"""Project names as collection names: reversible, never two projects in one collection, always one Chroma takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.chroma_names import ACCEPTED, collection_name, is_ip_address, project_of

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.from_regex(
    r"(x--)?[a-z0-9._/-]{1,12}", fullmatch=True
)


@pytest.mark.parametrize("name", ["proj-123", "abc", "a.b_c-d", "A1.b2", "0" * 512])
def test_names_that_chroma_takes_stay(name: str) -> None:
    assert collection_name(name) == name


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("org/repo", "x--org_2frepo"),
        ("ab", "x--ab"),
        ("a..b", "x--a_2e_2eb"),
        ("1.2.3.4", "x--1_2e2_2e3_2e4"),
        ("x--y", "x--x--y"),
        ("tail-", "x--tail_2d"),
        ("é", "x--_c3_a9"),
    ],
)
def test_other_names_are_encoded(name: str, encoded: str) -> None:
    assert collection_name(name) == encoded


@given(NAMES)
def test_every_name_becomes_one_that_chroma_takes_and_comes_back(name: str) -> None:
    encoded = collection_name(name)
    assert ACCEPTED.fullmatch(encoded) and ".." not in encoded and not is_ip_address(encoded)
    assert project_of(encoded) == name


@given(NAMES, NAMES)
def test_two_projects_never_share_a_collection(one: str, other: str) -> None:
    assert (collection_name(one) == collection_name(other)) == (one == other)


@pytest.mark.parametrize("name", ["", "a/" * 300])
def test_names_without_a_collection_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="project name"):
        collection_name(name)
