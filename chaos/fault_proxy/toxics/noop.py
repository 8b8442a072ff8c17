"""noop: a toxic that does nothing, to test tools with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("noop")
@dataclass(frozen=True)
class Noop(Behaviour):
    """Passes everything on."""

    async def run(self, stage: "Stage") -> None:
        while chunk := await stage.receive():
            await stage.send(chunk.data)
