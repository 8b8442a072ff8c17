"""Which names a snapshot may hold."""

from __future__ import annotations

import pytest

from git_server.filenames import check_filenames
from service_kit.problems import InvalidRequest

GOOD = [
    "a",
    "a/b/c.md",
    "ünï/cödé 1.md",
    "日本/語.md",
    "con",
    "a..b",
    "...",
    ".hidden",
    "git",
    "gitignore",
    "a.git/b",
    "%2e%2e/x",
]
BAD = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../../b",
    "a/./b",
    "a\\b",
    "..\\a",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "a\x85b",
    "\ud800",
    "a" * 256,
    "ö" * 128,
    "/".join(["a" * 200] * 6),
    ".git",
    ".git/config",
    "a/.GIT/hooks/pre-commit",
    ".Git",
    ".gitmodules",
    "a/.gitattributes",
    ".git ",
    ".git.",
    ".git::$INDEX_ALLOCATION",
    "git~1",
    "GIT~1/config",
    "gitmod~1",
    ".g\u200cit/config",
    "\ufeff.git",
    "\uff0egit",
    ".\uff47\uff49\uff54",
    " .git",
]


@pytest.mark.parametrize("name", GOOD)
def test_taken(name: str) -> None:
    check_filenames([name])


@pytest.mark.parametrize("name", BAD)
def test_refused_and_named(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_filenames(["good.md", name])
    assert refused.value.extra["errors"][0]["field"].startswith("files.")


@pytest.mark.parametrize(
    "names",
    [
        ["README.md", "readme.MD"],
        ["caf\u00e9", "cafe\u0301"],
        ["stra\u00dfe", "STRASSE"],
        ["a", "a/b"],
        ["A", "a/b"],
        ["a/b/c", "a/B"],
    ],
)
def test_names_that_cannot_stand_side_by_side(names: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        check_filenames(names)


def test_the_same_name_in_two_folders_is_fine() -> None:
    check_filenames(["a/x", "b/x", "x"])
