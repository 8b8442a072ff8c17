"""limit_data: close the connection after so many bytes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("limit_data")
@dataclass(frozen=True)
class LimitData(Behaviour):
    """Passes the first `bytes` bytes of the stream, then ends it. The count survives an update of the toxic."""

    bytes: int = 0

    async def run(self, stage: "Stage") -> None:
        while chunk := await stage.receive():
            passing = chunk.data[: max(0, self.bytes - stage.passed)]
            stage.passed += len(passing)
            if passing:
                await stage.send(passing)
            if stage.passed >= self.bytes:
                return
