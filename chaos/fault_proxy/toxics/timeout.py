"""timeout: swallow all data, and close when nothing came for a while."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("timeout")
@dataclass(frozen=True)
class Timeout(Behaviour):
    """Drops all data; closes the connection after `timeout` milliseconds without a chunk (0: never).

    The timer starts again with every chunk, as in Toxiproxy.
    """

    timeout: int = 0

    async def run(self, stage: "Stage") -> None:
        limit = self.timeout / 1000 if self.timeout > 0 else None
        try:
            while await stage.receive(limit):
                pass
        except TimeoutError:
            return

    def removed(self, stage: "Stage") -> None:
        # Bytes are missing from the stream: carrying on would hand the peer a torn message.
        stage.close_connection()
