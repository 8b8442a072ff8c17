"""Tokens of a simulated system: their age decides nothing, unless a schedule says so."""

from __future__ import annotations

import time

import pytest

from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import TOKEN, Request
from service_kit.tokens import KeyRing, TokenMinter, TokenRefused, TokenVerifier

A_MINUTE_AND_A_HALF = 90.0


def carrying(token: str) -> Request:
    return Request("GET", "/file/alpha/a.md", {TOKEN: token})


def verified(tokens: Tokens, request: Request) -> str:
    caller = TokenVerifier(KeyRing.parse(tokens.keys), ("git_server",)).verify(request.headers[TOKEN])
    return f"{caller.issuer} {caller.user} {caller.project}"


def test_what_a_participant_minted_is_good_for_longer_than_it_says() -> None:
    tokens = Tokens()
    nearly_too_old = TokenMinter(
        KeyRing.parse(tokens.keys), "git_server", lifetime=1.0, clock=lambda: time.time() - 2
    ).mint("ann", "alpha")
    request = tokens.lasting(carrying(nearly_too_old))
    assert request.headers[TOKEN] != nearly_too_old
    assert verified(tokens, request) == "git_server ann alpha"
    assert tokens.lasting(carrying(nearly_too_old)) == request


def test_what_was_never_good_stays_as_it_is() -> None:
    tokens = Tokens()
    for bad in (
        "nonsense",
        TokenMinter(KeyRing.parse(Tokens().keys), "git_server").mint("ann", "alpha"),
        TokenMinter(KeyRing.parse(tokens.keys), "git_server", clock=lambda: time.time() - A_MINUTE_AND_A_HALF).mint(
            "ann", "alpha"
        ),
    ):
        assert tokens.lasting(carrying(bad)).headers[TOKEN] == bad
        with pytest.raises(TokenRefused):
            verified(tokens, tokens.lasting(carrying(bad)))


def test_two_of_the_same_say_the_same_in_words() -> None:
    tokens = Tokens()
    minter = TokenMinter(KeyRing.parse(tokens.keys), "git_server")
    words = {tokens.word_of(tokens.lasting(carrying(minter.mint("ann", "alpha")))) for _ in range(2)}
    other = tokens.word_of(tokens.lasting(carrying(minter.mint("ann", "beta"))))
    assert words == {"own, of git_server ann alpha"}
    assert other not in words


def test_an_expired_one_is_refused_whoever_minted_it() -> None:
    tokens = Tokens()
    own = tokens.lasting(carrying(TokenMinter(KeyRing.parse(tokens.keys), "git_server").mint("ann", "alpha")))
    for request in (own, Request("GET", "/", {TOKEN: tokens.headers("ann", "alpha")["X-INTERNAL-TOKEN"]})):
        late = tokens.expired(request).headers[TOKEN]
        with pytest.raises(TokenRefused):
            TokenVerifier(KeyRing.parse(tokens.keys), ("backend", "git_server")).verify(late)
