"""Names of pages: safe everywhere, unique, independent of order."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.wiki.naming import Anchors, page_files, slug, words

SUFFIXES = (".md", ".rst", ".txt")
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@settings(deadline=None)
@given(st.lists(IDS, unique=True, max_size=8))
def test_every_id_gets_a_safe_and_unique_file(doc_ids: list[str]) -> None:
    files = page_files(doc_ids, SUFFIXES)
    assert set(files) == set(doc_ids)
    assert len({name.lower() for name in files.values()}) == len(doc_ids)
    for name in files.values():
        assert re.fullmatch(r"topics(/[a-z0-9][a-z0-9_-]*){1,5}\.md", name)
        assert len(name) < 500


@settings(deadline=None)
@given(st.lists(IDS, unique=True, max_size=8), st.randoms())
def test_order_does_not_matter(doc_ids: list[str], random: object) -> None:
    shuffled = sorted(doc_ids, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert page_files(doc_ids, SUFFIXES) == page_files(shuffled, SUFFIXES)


@pytest.mark.parametrize(
    "colliding",
    [
        ["Guide.md", "guide.md", "GUIDE.rst"],
        ["caf\u00e9", "cafe\u0301", "cafe"],
        ["a b", "a-b", "a/../b"],
        ["日本", "中国"],
    ],
)
def test_ids_that_collide_by_case_or_unicode_form_stay_apart(colliding: list[str]) -> None:
    assert len(set(page_files(colliding, SUFFIXES).values())) == len(colliding)


def test_folders_are_kept_and_the_suffix_of_a_document_is_not() -> None:
    assert page_files(["api/fs.md", "release/3.1.rst", "setup.py"], SUFFIXES) == {
        "api/fs.md": "topics/api/fs.md",
        "release/3.1.rst": "topics/release/3-1.md",
        "setup.py": "topics/setup-py.md",
    }


@pytest.mark.parametrize("name", ["CON", "nul", "Com1", "lpt9"])
def test_names_that_windows_reserves_are_avoided(name: str) -> None:
    assert slug(name) == f"{name.lower()}-page"


def test_a_long_name_is_cut_and_still_its_own() -> None:
    assert len(slug("x" * 500)) <= 80
    assert slug("x" * 500) != slug("x" * 501)


def test_anchors_are_those_that_renderers_give() -> None:
    anchors = Anchors()
    given_anchors = [anchors.give(heading) for heading in ("See Also", "`fs.open(path)`", "See also", "See also")]
    assert given_anchors == ["see-also", "fsopenpath", "see-also-1", "see-also-2"]


def test_the_article_and_the_quotes_of_a_title_do_not_count() -> None:
    assert words('The "raise" statement') == words("raise statement") == ("raise", "statement")
    assert words("The") == ("the",)
