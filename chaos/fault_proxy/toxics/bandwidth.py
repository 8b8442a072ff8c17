"""bandwidth: limit the speed of one stream of each connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, ClassVar

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("bandwidth")
@dataclass(frozen=True)
class Bandwidth(Behaviour):
    """Passes at most `rate` kilobytes (1000 bytes) per second, in pieces of at most 100 ms. Rate 0 blocks."""

    least: ClassVar[Mapping[str, int]] = {"rate": 0}  # Toxiproxy crashes on a negative rate

    rate: int = 0

    async def run(self, stage: "Stage") -> None:
        due = stage.now()
        while chunk := await stage.receive():
            if self.rate == 0:
                await stage.sleep_until(inf)
                await stage.send(chunk.data)
                continue
            due = max(due, stage.now())
            for piece in _pieces(chunk.data, self.rate * 100):
                due += len(piece) / (self.rate * 1000)
                await stage.sleep_until(due)
                await stage.send(piece)


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
