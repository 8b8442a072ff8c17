"""reset_peer: end the connection with a TCP reset when data comes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Behaviour, register

if TYPE_CHECKING:
    from ..stage import Stage


@register("reset_peer")
@dataclass(frozen=True)
class ResetPeer(Behaviour):
    """At the first chunk (or close) waits `timeout` milliseconds, then resets both sockets; the chunk is lost.

    A connection that was open before the toxic is closed with FIN instead, as in Toxiproxy.
    """

    timeout: int = 0

    async def run(self, stage: "Stage") -> None:
        await stage.receive(keep=True)
        if self.timeout > 0:
            await stage.sleep_until(stage.now() + self.timeout / 1000)
        stage.check_interrupted()  # the chunk was kept: a toxic deleted in time has harmed nothing
        stage.close_connection(reset=stage.since_start)
