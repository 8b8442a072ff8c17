"""slicer: cut data into small pieces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, ClassVar

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("slicer")
@dataclass(frozen=True)
class Slicer(Behaviour):
    """Pieces of about `average_size` bytes (+- `size_variation`), `delay` microseconds after each. Size 0: no cuts."""

    least: ClassVar[Mapping[str, int]] = {
        "average_size": 0,
        "size_variation": 0,
    }  # Toxiproxy overflows its stack on sizes it cannot reach

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    async def run(self, stage: "Stage") -> None:
        while chunk := await stage.receive():
            for piece in self._pieces(chunk.data, stage.random):
                await stage.send(piece)
                if self.delay > 0:
                    await stage.sleep_until(stage.now() + self.delay / 1_000_000)

    def _pieces(self, data: bytes, random: Random) -> Iterator[bytes]:
        """Halve until the excess over the average is within the variation."""
        if self.average_size == 0 or len(data) <= 1 or len(data) - self.average_size <= self.size_variation:
            yield data
            return
        # A variation of half the data or more could move the cut outside of it.
        spread = min(self.size_variation // 2, len(data) // 2 - 1)
        middle = len(data) // 2 + (random.randint(-spread, spread) if spread > 0 else 0)
        yield from self._pieces(data[:middle], random)
        yield from self._pieces(data[middle:], random)
