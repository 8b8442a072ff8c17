"""For each entry of the gallery a minimal schedule that shows its bug: faults as the explorer writes them."""

from __future__ import annotations

from chaos.explorer.schedule import Fault, FaultKind, Point

SCHEDULES = {
    "conflict-is-success": ["refused: coordinator → shop: POST /items/book"],
    "naive": ["response lost: coordinator → git_server: create snapshot"],
    "retry-with-a-fresh-key": ["response lost: coordinator → till: POST /charges"],
    "timeout-is-done": ["request lost: coordinator → shop: POST /items/book"],
    "undo-needs-the-answer": [
        "coordinator killed before: coordinator writes step.done of Write book + step.started of Write account"
    ],
    "compensation-not-retried": [
        "refused: coordinator → bank: POST /items/account",
        "request lost: coordinator → shop: DELETE /items/book",
    ],
    "confirm-before-commit": [
        "coordinator killed before: coordinator writes saga.committed + confirm.started of Save relationships"
        " + confirm.started of Save wiki files + confirm.started of Create git snapshot"
    ],
    "confirm-each-step": ["refused: coordinator → git_server: create snapshot"],
    "fresh-keys-after-a-restart": [
        "coordinator killed before: coordinator writes step.done of Write book + step.started of Write account"
    ],
    "intent-after-effect": ["coordinator paused: coordinator → filesystem_server: save files"],
    "lease-without-fencing": [
        "coordinator paused: coordinator writes saga.committed + confirm.started of Write book"
        " + confirm.started of Write account"
    ],
    "no-recovery": ["coordinator killed after: coordinator writes saga.begun + step.started of Save relationships"],
    "recovery-skips-the-step-in-flight": [
        "coordinator killed before: coordinator writes step.done of Save wiki files"
        " + step.started of Create git snapshot"
    ],
    "refusal-of-an-undo-is-final": [
        "refused: coordinator → bank: POST /items/account",
        "token expired: coordinator → shop: DELETE /items/book",
    ],
    "server-error-is-no": ["error after: coordinator → git_server: create snapshot"],
    "success-before-commit": [
        "coordinator killed before: coordinator writes saga.committed + confirm.started of Save relationships"
        " + confirm.started of Save wiki files + confirm.started of Create git snapshot"
    ],
    "swallowed-compensation-error": [
        "refused: coordinator → bank: POST /items/account",
        "request lost: coordinator → shop: DELETE /items/book",
    ],
    "timeout-is-no": ["response lost: coordinator → git_server: create snapshot"],
    "undo-in-forward-order": ["refused: coordinator → git_server: create snapshot"],
    "undo-only-completed": ["response lost: coordinator → git_server: create snapshot"],
    "delete-instead-of-restore": ["refused: coordinator → bank: POST /items/account"],
    "empty-undo-404": ["refused: coordinator → shop: POST /items/book"],
    "keys-in-memory": ["participant killed after: coordinator → shop: POST /items/book"],
    "no-barrier": ["coordinator paused: coordinator → shop: POST /items/book"],
    "no-idempotency-key": ["response lost: coordinator → shop: POST /items/book"],
    "no-lock": ["coordinator paused: coordinator → bank: POST /items/account"],
    "second-undo-404": [
        "refused: coordinator → bank: POST /items/account",
        "response lost: coordinator → shop: DELETE /items/book",
    ],
    "second-undo-restores-again": ["late, at the very end: coordinator → shop: DELETE /items/book"],
    "undo-by-item": ["refused: coordinator → shop: POST /items/book"],
}
AT_THE_END = ", at the very end"


def faults(name: str) -> tuple[Fault, ...]:
    """The entry's schedule."""
    return tuple(_fault(line) for line in SCHEDULES[name])


def _fault(line: str) -> Fault:
    kind, _, what = line.partition(": ")
    late = -1 if kind.endswith(AT_THE_END) else 0
    return Fault(Point(what, 1), FaultKind(kind.removesuffix(AT_THE_END)), late)
