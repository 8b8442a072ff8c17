"""What was sent and answered, as it is shown: short, and without tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from chaos.conform.wire import Answer, Request

MOST = 300  # characters of a body
HIDDEN = "***"


@dataclass(frozen=True)
class Exchange:
    """One request of a check and its answer.

    Attributes:
        call: action, compensation, confirm, observe, prepare or cleanup, and what was special about it.
        body: of the request, shortened; None when it had none.
        status: None: there was no answer, for the reason in ``answer``.
    """

    call: str
    request: str
    body: str | None
    status: int | None
    answer: str

    @classmethod
    def of(cls, call: str, request: Request, answer: Answer, secrets: Iterable[str]) -> Exchange:
        parts = urlsplit(request.url)
        line = f"{request.method} {parts.path}" + (f"?{parts.query}" if parts.query else "")
        said = answer.lost if answer.status is None else shown(answer.body)
        hidden = [secret for secret in secrets if secret]
        body = None if request.body is None else _without(shown(request.body), hidden)
        return cls(call, _without(shown(line.encode()), hidden), body, answer.status, _without(said, hidden))

    def __str__(self) -> str:
        answer = f"{self.status or 'no answer'} {self.answer}".rstrip()
        return f"{self.call}: {self.request}{f' {self.body}' if self.body else ''} → {answer}"


def shown(body: bytes) -> str:
    """The body as text on one line, at most MOST characters."""
    text = " ".join(body.decode(errors="replace").split())
    return text if len(text) <= MOST else f"{text[:MOST]}… ({len(body)} bytes)"


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
