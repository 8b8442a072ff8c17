"""What every toxic has: integer attributes, and a coroutine that works on one stream of one connection."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from .. import bodies

if TYPE_CHECKING:
    from ..stage import Stage

B = TypeVar("B", bound="Behaviour")
_REGISTRY: dict[str, type["Behaviour"]] = {}


@dataclass(frozen=True)
class Behaviour:
    """A toxic's attributes and what they do. Subclasses add integer fields and `run`.

    One instance serves all connections; what belongs to one connection lives in the stage.
    """

    name: ClassVar[str]
    buffer: ClassVar[int] = 2
    """How many chunks may wait in front of it before the sender is slowed down."""
    per_request: ClassVar[bool] = False
    """True for toxics that act on HTTP requests and have no stage in the byte pipe."""
    least: ClassVar[Mapping[str, int]] = {}
    """The least value of attributes that have one; others may be negative, as in Toxiproxy."""

    @classmethod
    def from_json(cls, attributes: Mapping[str, Any], base: Self | None = None) -> Self:
        """Attributes (lower-case names) laid over `base` or over zeros. Raises BadRequest naming the attribute."""
        given = {
            field.name: bodies.integer(attributes, field.name, 0, cls.least.get(field.name))
            for field in fields(cls)
            if field.name in attributes
        }
        return replace(base, **given) if base is not None else cls(**given)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    async def run(self, stage: "Stage") -> None:
        """Take chunks from the stage and pass them on. Returning ends the stream behind what was passed on."""
        raise NotImplementedError

    def removed(self, stage: "Stage") -> None:
        """The toxic was deleted while this stage existed; what waits in it passes on afterwards."""


def register(name: str) -> Callable[[type[B]], type[B]]:
    """Make a behaviour known under the `type` that the API uses."""

    def keep(cls: type[B]) -> type[B]:
        cls.name = name
        _REGISTRY[name] = cls
        return cls

    return keep


def find(name: str) -> type[Behaviour] | None:
    return _REGISTRY.get(name)


def names() -> list[str]:
    return sorted(_REGISTRY)
