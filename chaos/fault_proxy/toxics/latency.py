"""latency: delay every chunk by a fixed time, more or less."""

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("latency")
@dataclass(frozen=True)
class Latency(Behaviour):
    """Delays by `latency` +- `jitter` milliseconds, counted from each chunk's arrival, so delays do not add up.

    The end of the stream is not delayed, nor is the connection's beginning.
    """

    buffer = 1024  # a delay without room to wait in would be a bandwidth limit

    latency: int = 0
    jitter: int = 0

    async def run(self, stage: "Stage") -> None:
        while chunk := await stage.receive():
            await stage.sleep_until(chunk.arrived + self._seconds(stage.random))
            await stage.send(chunk.data)

    def _seconds(self, random: Random) -> float:
        spread = random.randrange(-self.jitter, self.jitter) if self.jitter > 0 else 0
        return (self.latency + spread) / 1000
