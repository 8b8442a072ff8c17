"""slow_close: hold the end of the stream back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("slow_close")
@dataclass(frozen=True)
class SlowClose(Behaviour):
    """Data passes at once; the close behind it waits `delay` milliseconds."""

    delay: int = 0

    async def run(self, stage: "Stage") -> None:
        while chunk := await stage.receive():
            await stage.send(chunk.data)
        await stage.sleep_until(stage.now() + self.delay / 1000)
