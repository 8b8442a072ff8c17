"""Who gets in with which token, and which keys are too weak to protect anything (DESIGN section 5, R14)."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from service_kit.tokens import INTERNAL, USER, Caller, KeyRing, TokenMinter, TokenRefused, TokenVerifier, WeakSecret

OLD, NEW = "o" * 64, "n" * 64
RING = KeyRing.parse(f"new:{NEW},old:{OLD}")
VERIFIER = TokenVerifier(RING, ("backend", "git_server"))
REASON = "the token is missing, expired or not valid"
LATER = 10**11  # a year that PyJWT, which has its own clock, will not see


def signed(secret: str = NEW, kid: object = "new", algorithm: str = "HS256", **changes: Any) -> str:
    claims = {"iss": "backend", "aud": INTERNAL, "sub": "u", "project": "p", "exp": LATER} | changes
    left = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(left, secret, algorithm=algorithm, headers={"kid": kid} if kid is not None else {})


def parts(*objects: object) -> list[str]:
    return [base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode() for found in objects]


def test_a_minted_token_says_who_calls_for_whom_and_where() -> None:
    assert VERIFIER.verify(TokenMinter(RING, "backend").mint("user-1", "p")) == Caller("backend", "user-1", "p")


def test_a_hand_signed_token_of_the_same_form_is_as_good() -> None:
    """So the refusals below are for the one thing that each of them changes."""
    assert VERIFIER.verify(signed()).user == "u"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "x.y.z",
        "\ud800.é.☃",
        signed(secret=OLD),
        signed(secret="z" * 64),
        signed(kid="unknown"),
        signed(kid=None),
        signed(kid=""),
        signed(exp=1),
        signed(exp=None),
        signed(iss="stranger"),
        signed(iss=None),
        signed(aud=USER),
        signed(aud=None),
        signed(sub=None),
        signed(project=None),
        signed(nbf=LATER),
        signed(algorithm="HS512"),
        signed(algorithm="none", secret=""),
        signed()[:-4] + "AAAA",
        signed() + "x" * 100_000,
        ".".join([*parts({"alg": "none", "kid": "new"}, {"sub": "u", "project": "p"}), ""]),
        ".".join([*parts({"alg": "HS256", "kid": ["new"]}, {"sub": "u", "project": "p"}), "AAAA"]),
        ".".join([*parts({"alg": "HS256", "kid": {"a": 1}}, []), "AAAA"]),
    ],
)
def test_every_other_token_is_refused_for_the_same_words(token: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        VERIFIER.verify(token)
    assert str(refused.value) == REASON


def test_claims_that_are_changed_under_a_good_signature_are_refused() -> None:
    head, _, signature = signed().split(".")
    (claims,) = parts({"iss": "backend", "aud": INTERNAL, "sub": "u", "project": "*", "exp": LATER})
    with pytest.raises(TokenRefused):
        VERIFIER.verify(f"{head}.{claims}.{signature}")


def test_a_public_key_cannot_be_used_as_a_shared_secret() -> None:
    """Algorithm confusion: only HS256 is spoken, so a token that says RS256 is never checked as one."""
    for algorithm in ("RS256", "ES256", "PS256", "EdDSA", "hs256"):
        token = ".".join([*parts({"alg": algorithm, "kid": "new"}, {"sub": "u", "project": "p"}), "AAAA"])
        with pytest.raises(TokenRefused):
            VERIFIER.verify(token)


def test_while_keys_are_rotated_both_verify_and_the_newest_signs() -> None:
    for ring in (KeyRing.parse(f"old:{OLD}"), KeyRing.parse(f"new:{NEW}"), RING):
        assert VERIFIER.verify(TokenMinter(ring, "backend").mint("u", "p")).project == "p"
    assert jwt.get_unverified_header(TokenMinter(RING, "backend").mint("u", "p"))["kid"] == "new"
    after = TokenVerifier(KeyRing.parse(f"new:{NEW}"), ("backend",))
    with pytest.raises(TokenRefused):
        after.verify(TokenMinter(KeyRing.parse(f"old:{OLD}"), "backend").mint("u", "p"))


def test_a_token_lives_as_long_as_its_minter_says() -> None:
    claims = jwt.decode(
        TokenMinter(RING, "backend", lifetime=7, clock=lambda: LATER + 0.9).mint("u", "p"),
        NEW,
        algorithms=["HS256"],
        audience=INTERNAL,
        options={"verify_iat": False},
    )
    assert (claims["iat"], claims["exp"]) == (LATER, LATER + 7)


@pytest.mark.parametrize(("scope", "covered"), [("p", True), ("*", True), ("P", False), ("pp", False), ("", False)])
def test_a_token_covers_its_own_project(scope: str, covered: bool) -> None:
    assert Caller("backend", "u", scope).covers("p") is covered


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ,",
        "secretsecretsecretsecretsecretsecret",
        ":secretsecretsecretsecretsecretsecret",
        "k1:" + "secret" * 5,
        "k1:",
        "secretsecretsecretsecretsecretsecret:k1",
        f"k1:{'secret' * 6},k2:secret",
        f"k1:{'secret' * 6},k1:{'secrets' * 6}",
    ],
)
def test_keys_that_protect_nothing_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(WeakSecret) as refused:
        KeyRing.parse(text)
    assert "secretsecret" not in str(refused.value)
    assert "k1" not in str(refused.value)


def test_a_secret_is_measured_in_bytes() -> None:
    assert KeyRing.parse("k1:" + "ü" * 16).signing == ("k1", "ü" * 16)


def test_a_key_ring_does_not_show_its_secrets() -> None:
    assert repr(RING) == str(RING) == "KeyRing(ids=['new', 'old'])"
    assert NEW not in repr(VERIFIER) + repr(TokenMinter(RING, "backend"))
