"""Requests that are malformed, and clients that hang up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from chaos.conform.bench import Bench
from chaos.conform.calls import Case
from chaos.conform.registry import check, expect, needs
from chaos.conform.wire import Answer

WEIRD = {"of 10,000 letters": "x" * 10_000, "with a NUL": "a\0b", "with half a surrogate pair": "a\ud800b"}
DEEP = b"[" * 50_000
SHARES = {"in the head": 0.3, "in the body": 0.9, "one byte before the end": 0.9999}


@check(
    "broken-json",
    "A body that is not a JSON object is refused with 4xx, without effect.",
    "R2",
    suffers="A 5xx means that nobody knows whether there was an effect. The coordinator repeats a request that can "
    "never succeed until its deadline, and compensates what never was.",
    mend="Parse the whole body before anything else, bound its depth, and answer every failure with 400.",
)
def broken_json(bench: Bench) -> None:
    whole = bench.spec.action.payload(bench.calls.values(bench.case()))
    needs(whole, "the action has no body")
    for what, body in {
        "cut off": (whole or b"")[:-2],
        "empty": b"",
        "a list": b"[]",
        "null": b"null",
        "nested too deep": DEEP,
        "not UTF-8": b'{"\xff": 1}',
    }.items():
        answer = _without_effect(bench, bench.case(), f"a body that is {what}", body)
        expect(answer.refused, f"a body that is {what} must be refused with 4xx, not answered {answer}")


@check(
    "wrong-fields",
    "A field that is missing or of another type, and a name that cannot be one, get no 5xx, and if refused no effect.",
    "R2",
    suffers="The request is refused, the coordinator takes that for a definite no, and the effect is there all the "
    "same; or it is answered with a 5xx, and is repeated until the deadline though it can never succeed.",
    mend="Validate everything before the first effect, and do both in one transaction.",
)
def wrong_fields(bench: Bench) -> None:
    for what, body in _variations(bench):
        case = bench.case()
        mended = body.replace(b"{saga_id}", case.saga_id.encode()).replace(b"{key}", case.key.encode())
        _without_effect(bench, case, what, mended.replace(b"{item}", case.item.encode()))
    for what, text in WEIRD.items():
        case = replace(bench.case(), item=text)
        answer = bench.call("action", case, note=f"an item {what}")
        _no_failure(answer, f"an item {what}")
        if answer.done:
            bench.undo(case)


def _variations(bench: Bench) -> Iterator[tuple[str, bytes]]:
    """The action's body with one field removed or of another type; of the names in it, the templates stay."""
    marks = Case("{saga_id}", "{item}", "{key}", bench.case().value)
    whole = bench.spec.action.payload(bench.calls.values(marks))
    try:
        fields = json.loads(whole or b"")
    except ValueError:
        return
    for name in fields if isinstance(fields, dict) else ():
        without = {other: value for other, value in fields.items() if other != name}
        yield f"no {name}", json.dumps(without).encode()
        yield f"{name} is an object", json.dumps({**fields, name: {"a": [1]}}).encode()
        yield f"{name} is null", json.dumps({**fields, name: None}).encode()


def _without_effect(bench: Bench, case: Case, what: str, body: bytes) -> Answer:
    """Send it; no 5xx, and when it is refused nothing changes. What is accepted is undone."""
    before = bench.see(case)
    answer = bench.act(case, body=body, note=what)
    _no_failure(answer, what)
    if answer.done:
        bench.undo(case)
    else:
        bench.same(before, case, f"{what} was refused with {answer} and yet it changed something")
    return answer


def _no_failure(answer: Answer, what: str) -> None:
    expect(answer.status is not None and answer.status < 500, f"{what} must be refused with 4xx, not answered {answer}")


@check(
    "hang-up-in-request",
    "A client that hangs up in the middle of its request leaves no effect or the whole; repeat and undo work as ever.",
    "R2 R6",
    suffers="A coordinator is killed while it sends. What arrived is taken for a request: half an effect, which no "
    "repeat completes and no compensation finds.",
    mend="Act only on a body that is as long as it was announced to be, and parse it whole before the first effect.",
)
def hang_up_in_request(bench: Bench) -> None:
    for share in SHARES.values():
        _hung_up(bench, share)


@check(
    "hang-up-before-answer",
    "A client that hangs up before the answer finds one effect when it repeats, and none after it compensates.",
    "R2 R3 R6",
    suffers="A coordinator is killed, or gives up, while it waits: the most common fault of all. Its successor repeats "
    "or compensates, and what it finds decides whether the saga is whole.",
    mend="Finish what was begun whether or not anybody waits for the answer, in one transaction, under the key.",
)
def hang_up_before_answer(bench: Bench) -> None:
    for _ in range(max(1, bench.rounds // 5)):
        bench.next_round()
        _hung_up(bench, 1)


def _hung_up(bench: Bench, share: float) -> None:
    case = bench.case()
    before = bench.see(case)
    bench.hang_up(case, share, before)
    answer = bench.insist(lambda: bench.act(case))
    expect(answer.done, f"the repeat after a hang-up must succeed, not be answered {answer}")
    again = bench.act(case)
    expect(bench.alike(answer, again), f"the repeats after a hang-up were answered {answer}, then {again}")
    bench.one_effect(case, "a hang-up and two repeats had another effect than one action")
    bench.undone(case)
    bench.same(before, case, "the client hung up, repeated and compensated, and something is left")
