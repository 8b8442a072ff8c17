"""Which names are taken, and which look alike."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesystem_server.names import BadName, check_filename, check_key, check_project, check_saga, clash, fold


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "guide.md",
        "a/b/c.md",
        "...",
        "a..b",
        ".hidden",
        "Ünïcode/日本.md",
        "100% sure.md",
        "50%25.md",
        "CON",
        "a b",
        "x" * 255,
    ],
)
def test_ordinary_names_are_taken_as_they_are(name: str) -> None:
    assert check_filename(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("..", "leads out"),
        ("../a", "leads out"),
        ("a/./b", "leads out"),
        ("a/../b", "leads out"),
        ("%2e%2e/a", "leads out"),
        ("..%2fa", "leads out"),
        ("%252e%252e%252fa", "leads out"),
        ("a%00.md", "leads out"),
        ("a%5cb", "leads out"),
        ("\uff0e\uff0e/a", "leads out"),
        ("a\uff0fb", "leads out"),
        ("\u2024\u2024/a", "leads out"),
        (".\u200b.", "leads out"),
        (".. ", "leads out"),
        ("..\\a", "backslash"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7f", "control"),
        ("a\u2028b", "control"),
        ("a\u202egnp.md", "direction"),
        ("a\ufffd", "UTF-8"),
        (".saga/x", "reserved"),
        ("a/.git/config", "reserved"),
        (".GIT", "reserved"),
        (".g\u200cit", "reserved"),
        (".git. ", "reserved"),
        ("git~1", "reserved"),
        ("%2egit", "reserved"),
        ("x" * 256, "255 bytes"),
        ("é" * 128, "255 bytes"),
        ("/".join("x" * 200 for _ in range(6)), "1024 bytes"),
        ("/".join("x" for _ in range(33)), "deeper"),
    ],
)
def test_a_name_that_could_mean_something_else_is_refused(name: str, reason: str) -> None:
    with pytest.raises(BadName, match=reason):
        check_filename(name)


@given(st.text(max_size=60))
def test_a_name_that_is_taken_stays_inside_in_every_encoding(name: str) -> None:
    try:
        check_filename(name)
    except BadName:
        return
    for form in (name, *(unicodedata.normalize(kind, name) for kind in ("NFC", "NFD", "NFKC", "NFKD"))):
        assert not form.startswith("/")
        assert not {"", ".", ".."} & set(form.split("/"))
        assert not any(ord(char) < 32 for char in form)


@given(st.text(alphabet="./%2eE5cCfF\\\0a", max_size=12), st.integers(0, 3))
def test_encoding_a_bad_name_does_not_make_it_good(name: str, times: int) -> None:
    encoded = name
    for _ in range(times):
        encoded = quote(encoded, safe="/")
    try:
        check_filename(name)
    except BadName:
        with pytest.raises(BadName):
            check_filename(encoded)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README", "readme"),
        ("é", "e\u0301"),
        ("ﬁle", "file"),
        ("Straße", "STRASSE"),
        ("a\u200bb", "ab"),
        ("Å", "\u212b"),
    ],
)
def test_look_alikes_fold_to_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "b", "a/b"], (0, 2)),
        (["a/b", "a"], (0, 1)),
        (["a", "a"], (0, 1)),
        (["x/a", "X/b"], (0, 1)),
        (["x/a", "x/A"], (0, 1)),
        (["x/a", "x/b", "y/a", "x/c/a"], None),
        (["a/b/c", "a/b/d", "a/b"], (0, 2)),
    ],
)
def test_names_of_one_batch_must_stand_side_by_side(names: list[str], found: tuple[int, int] | None) -> None:
    assert clash(names) == found


@pytest.mark.parametrize("bad", ["", ".saga", "-x", "a/b", "ä", "a b", "x" * 129, ".."])
def test_bad_project_ids_are_refused(bad: str) -> None:
    with pytest.raises(BadName):
        check_project(bad)


@pytest.mark.parametrize("bad", ["", "a/b", "ä", "a b", "x" * 201, "\n"])
def test_bad_saga_ids_are_refused(bad: str) -> None:
    with pytest.raises(BadName):
        check_saga(bad)


@pytest.mark.parametrize("bad", ["", "a b", "ä", "x" * 2049])
def test_bad_keys_are_refused(bad: str) -> None:
    with pytest.raises(BadName):
        check_key(bad)
    assert check_saga("wiki-proj-123-0a1b") and check_key("wiki-proj-1:5:a/b.md") and check_project("proj-123")
