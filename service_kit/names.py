"""Header names, written down once (DESIGN section 4)."""

INTERNAL_TOKEN = "X-INTERNAL-TOKEN"  # noqa: S105 - the header's name, not a secret
SAGA_ID = "X-Saga-Id"
SAGA_PENDING = "X-Saga-Pending"
IDEMPOTENCY_KEY = "Idempotency-Key"
TRACEPARENT = "traceparent"
