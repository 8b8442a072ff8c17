"""Tokens: who may."""

from __future__ import annotations

from chaos.conform.bench import Bench
from chaos.conform.calls import Tokens
from chaos.conform.registry import CannotTell, check, expect, needs

NO_TOKEN = "no token was given (--header, --token-command), so the server is taken to need none"  # noqa: S105
BAD = "bm90LWEtdG9rZW4.bm90LWEtdG9rZW4.bm90LWEtdG9rZW4"  # has the form of a token, and is none


@check(
    "no-token",
    "Without a token action and compensation are refused with 401, without effect.",
    "R14",
    suffers="Whoever reaches the port can act in the name of a saga, or undo a committed one.",
    mend="Check the token before anything else, on every route, in one place.",
)
def no_token(bench: Bench) -> None:
    _refused(bench, lambda project: "", 401, "without a token")


@check(
    "bad-token",
    "With a token that is none action and compensation are refused with 401, without effect.",
    "R14",
    suffers="The token is only looked for, not checked: whoever sends any can act in the name of a saga.",
    mend="Verify signature, expiry and issuer with a well-kept library, and compare in constant time.",
)
def bad_token(bench: Bench) -> None:
    _refused(bench, lambda project: BAD, 401, "with a token that is none")


@check(
    "token-of-another-project",
    "With a good token of another project action and compensation are refused with 403, without effect.",
    "R14",
    suffers="A service that was given access to one project can write to every other: a mistake in one tenant's saga "
    "reaches all of them.",
    mend="Compare the token's project with the one in the request, after the token is found good and before anything "
    "else.",
)
def token_of_another_project(bench: Bench) -> None:
    needs(_has_token(bench), NO_TOKEN)
    other = bench.calls.tokens(f"{bench.calls.prefix}-other")
    if not other or other == bench.calls.tokens(bench.calls.values(bench.case())["project"]):
        raise CannotTell(
            "there is no token of another project: give --token-command with {project} in it, or --skip this"
        )
    _refused(bench, lambda project: other, 403, "with a good token of another project")


def _refused(bench: Bench, token: Tokens, status: int, how: str) -> None:
    needs(_has_token(bench), NO_TOKEN)
    fresh, acted = bench.case(), bench.case()
    before = bench.see(fresh)
    answer = bench.act(fresh, token=token, note=how)
    expect(answer.status == status, f"an action {how} must be refused with {status}, not answered {answer}")
    bench.same(before, fresh, f"an action {how} was refused and yet it changed something")
    bench.acted(acted)
    before = bench.see(acted)
    answer = bench.undo(acted, token=token, note=how)
    expect(answer.status == status, f"a compensation {how} must be refused with {status}, not answered {answer}")
    bench.same(before, acted, f"a compensation {how} was refused and yet it changed something")


def _has_token(bench: Bench) -> bool:
    request = bench.calls.request(bench.spec.action, "action", bench.case())
    return bench.spec.token_header.lower() in {name.lower() for name in request.headers}
