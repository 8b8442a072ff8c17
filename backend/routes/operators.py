"""What operators do (R10): look at dead letters; retry, skip or cancel a saga, or hear what that would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from backend.generations import BY_ITSELF, CANCELLABLE, Generations, Operator, check_retry, is_inline
from backend.routes.visible import only_project, or_problem, visible_saga
from backend.saga.errors import NotAllowed
from backend.saga.history import AUTOMATIC
from backend.saga.ports import SagaRecord
from backend.saga.state import SagaState
from backend.schemas import OperatorIn, SagaPath
from service_kit import problems
from service_kit.app import caller


def operators_blueprint(generations: Generations) -> APIBlueprint:
    """/api/dead-letters, and the verbs below /api/sagas/<saga_id>."""
    routes = APIBlueprint("operators", __name__, url_prefix="/api")

    @routes.get("/dead-letters")
    def list_dead_letters() -> dict[str, Any]:
        """Sagas whose rollback is stuck, with the evidence."""
        records = generations.saga_log.find(state=SagaState.FAILED, project_id=only_project(), limit=500)
        return {"dead_letters": [generations.dead_letter(record) for record in records]}

    @routes.post("/sagas/<string:saga_id>/retry")
    def retry_saga(path: SagaPath, body: OperatorIn) -> dict[str, Any]:
        """Let a parked saga try its rollback again, now."""
        return _operate(generations, path.saga_id, body, generations.retry)

    @routes.post("/sagas/<string:saga_id>/skip")
    def skip_step(path: SagaPath, body: OperatorIn) -> dict[str, Any]:
        """Give up undoing the step on which a parked saga is stuck; what it left stays, on record."""
        return _operate(generations, path.saga_id, body, generations.skip)

    @routes.post("/sagas/<string:saga_id>/cancel")
    def cancel_saga(path: SagaPath, body: OperatorIn) -> dict[str, Any]:
        """Roll an undecided saga back."""
        return _operate(generations, path.saga_id, body, generations.cancel)

    return routes


def _operate(
    generations: Generations, saga_id: str, body: OperatorIn, verb: Callable[[str, Operator], SagaRecord]
) -> dict[str, Any]:
    record = visible_saga(generations.saga_log, saga_id)
    user = caller().user
    operator = Operator(body.by or user, authenticated_as=user, reason=body.reason)
    if operator.by == AUTOMATIC:
        raise problems.InvalidRequest(f"{AUTOMATIC!r} stands for no person", field="by")
    if body.dry_run:
        answer = {"would": _plan(generations, verb.__name__, record), "saga_id": saga_id, "dry_run": True}
    else:
        answer = generations.status(or_problem(lambda: verb(saga_id, operator)))
    return answer | ({"takes_effect": BY_ITSELF} if is_inline(record) else {})


def _plan(generations: Generations, verb: str, record: SagaRecord) -> str:
    """What the verb would do, or the refusal that it would get."""
    if verb == "retry":
        or_problem(lambda: check_retry(record))
    allowed = CANCELLABLE if verb == "cancel" else (SagaState.FAILED,)
    if record.state not in allowed:
        raise problems.Conflict(str(NotAllowed.in_state(record.saga_id, record.state, allowed)))
    if verb == "cancel":
        return f"roll back what saga {record.saga_id} has started; it is {record.state}"
    step = or_problem(lambda: generations.stuck_step(record.saga_id))
    if verb == "skip":
        return f"leave the effect of {step!r} in place and undo the steps before it"
    return f"call the compensation of {step!r} again, then of the steps before it"
