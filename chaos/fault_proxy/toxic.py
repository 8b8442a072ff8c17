"""A toxic as the API knows it: a name, a stream, a toxicity, and the behaviour that its type and attributes make."""

import struct
from dataclasses import dataclass, field
from random import Random
from typing import Any

from . import bodies, toxics
from .errors import BadRequest
from .toxics import Behaviour

UPSTREAM = "upstream"
DOWNSTREAM = "downstream"
STREAMS = (UPSTREAM, DOWNSTREAM)


@dataclass
class Toxic:
    """One toxic of one proxy. `seed` names it in the random sequence; `revision` counts its updates."""

    name: str
    type: str
    stream: str
    toxicity: float
    behaviour: Behaviour
    seed: str = ""
    revision: int = 0
    fired: int = field(default=0, compare=False)

    @property
    def direction(self) -> str:
        """The stream in lower case; `stream` keeps the letter case that the user gave."""
        return self.stream.lower()

    def random(self, number: int) -> Random:
        """Chance for the connection (or request) with this number.

        It depends on nothing else, so that a run with the same seed repeats however its connections interleave.
        """
        return Random(f"{self.seed}/{self.name}/{self.revision}/{number}")

    def update(self, body: Any) -> None:
        """Take `attributes` and `toxicity` from a PATCH body; all else in it is ignored. Raises BadRequest."""
        members = bodies.fields(body)
        toxicity = bodies.share(members, "toxicity", self.toxicity)
        self.behaviour = type(self.behaviour).from_json(_attributes(members), self.behaviour)
        self.toxicity = _float32(toxicity)
        self.revision += 1

    def to_json(self) -> dict[str, Any]:
        toxicity = int(self.toxicity) if self.toxicity.is_integer() else self.toxicity
        return {
            "attributes": self.behaviour.to_json(),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": toxicity,
        }


@dataclass(frozen=True)
class ToxicRequest:
    """The checked head of a toxic in a request body; attributes are checked last, as Toxiproxy does."""

    name: str
    type: type[Behaviour]
    stream: str
    toxicity: float
    attributes: dict[str, Any]

    @classmethod
    def parse(cls, body: Any) -> "ToxicRequest":
        """Raises BadRequest; the order of the checks is body, stream, type."""
        members = bodies.fields(body)
        name, type_name = bodies.text(members, "name"), bodies.text(members, "type")
        stream = bodies.text(members, "stream", DOWNSTREAM)
        toxicity = bodies.share(members, "toxicity", 1.0)
        if stream.lower() not in STREAMS:
            raise BadRequest("stream was invalid, can be either upstream or downstream")
        behaviour = toxics.find(type_name)
        if behaviour is None:
            raise BadRequest("invalid toxic type")
        return cls(name or f"{type_name}_{stream}", behaviour, stream, toxicity, _attributes(members))

    def build(self, seed: str) -> Toxic:
        """Raises BadRequest naming the attribute that is wrong."""
        behaviour = self.type.from_json(self.attributes)
        return Toxic(self.name, self.type.name, self.stream, _float32(self.toxicity), behaviour, seed)


def _attributes(members: dict[str, Any]) -> dict[str, Any]:
    return bodies.fields(members["attributes"], "attributes") if "attributes" in members else {}


def _float32(value: float) -> float:
    """The shortest decimal that is the same 32-bit float: what Toxiproxy keeps and shows of a toxicity."""
    single = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 9):
        short = float(f"{single:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == single:
            return short
    return float(single)
