"""One right participant and many wrong ones, for the conformance kit and for simulated networks.

Each module has ``make(folder, pause=time.sleep) -> WSGI application``. State lives in ``folder`` (or in memory, where
that is the bug); ``pause`` is called where a wrong one has a window, so that a simulation can switch there. They all
speak one protocol:

=====================================  ===============================================================================
``POST /items/{item}``                 action. Body ``{"saga_id": ..., "value": ...}``; 201 ``{item, value, version}``
``DELETE /items/{item}``               compensation, of the saga in ``X-Saga-Id``; 204
``POST /saga/{saga_id}/confirm``       the saga is committed: its locks end; 200 ``{saga_id, confirmed: [item]}``
``GET /items/{item}``                  200 ``{item, value, version}``, or 404; ``version`` counts the actions' effects
=====================================  ===============================================================================

Actions carry ``Idempotency-Key`` as well; what identifies an effect is the pair of saga and item. All calls need
``X-INTERNAL-TOKEN``, a token (``protocol.token()``) for the project ``gallery``: 401 without, 403 with another's.
Refused with 409: ``saga-compensated`` (the action comes after its compensation), ``locked`` (another open saga's item),
``conflict`` (same saga and item, other value; compensation after confirm). Errors are ``{"type", "title", "status"}``.

``right.Participant`` is the right one; a wrong one overrides the least that makes it wrong: the difference is the bug.
"""

from pathlib import Path

APART = ("__init__", "__main__", "protocol")
NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in APART))
