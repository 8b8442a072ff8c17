"""What filesystem_server must do, written a second time: a few dictionaries, no disk, no journal, none of its code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

Answer = tuple[int, object]  # status; the problem's type word, or what the body must hold


@dataclass(frozen=True)
class Request:
    """One call on the wire.

    Attributes:
        kind: save, batch, undo, undo_all, confirm, plain_save or plain_delete.
    """

    kind: str
    saga: str | None = None
    files: tuple[tuple[str, str], ...] = ()
    key: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.files)


@dataclass
class Saga:
    state: str = "open"
    effects: dict[str, str] = field(default_factory=dict)  # file -> done, undone or confirmed
    asked: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    former: dict[str, str | None] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)

    def seen(self) -> str:
        return "undone" if self.state == "open" and "done" not in self.effects.values() else self.state


@dataclass
class Refused(Exception):
    word: str
    status: int = 409


@dataclass
class Model:
    disk: dict[str, str] = field(default_factory=dict)
    sagas: dict[str, Saga] = field(default_factory=dict)
    plain_keys: dict[str, tuple[Request, Answer]] = field(default_factory=dict)

    def locks(self) -> dict[str, str]:
        return {name: i for i, saga in self.sagas.items() for name, effect in saga.effects.items() if effect == "done"}

    def take(self, request: Request) -> Answer:
        """What the server must answer; changes the model as the server must change."""
        try:
            return getattr(self, request.kind)(request)
        except Refused as refused:
            return refused.status, refused.word

    def save(self, request: Request) -> Answer:
        saga = self.sagas.get(request.saga, Saga())
        if saga.state == "undone":
            raise Refused("saga-compensated")
        wanted = dict(request.files)
        for name, content in wanted.items():
            self._may(saga, request.saga, name, content)
        if saga.keys.get(request.key, wanted) != wanted:
            raise Refused("conflict")
        for name in wanted.keys() - saga.effects.keys():
            self._refuse_in_the_way(name)
        self.sagas[request.saga] = saga
        if request.key is not None:
            saga.keys[request.key] = wanted
        return 201, [self._save_one(saga, name, content) for name, content in wanted.items()]

    batch = save

    def _may(self, saga: Saga, saga_id: str, name: str, content: str) -> None:
        if saga.effects.get(name) == "undone":
            raise Refused("saga-compensated")
        if name in saga.effects and saga.asked[name] != content:
            raise Refused("conflict")
        if name not in saga.effects and self.locks().get(name, saga_id) != saga_id:
            raise Refused("locked")
        if saga.state == "confirmed" and name not in saga.effects:
            raise Refused("conflict")

    def _save_one(self, saga: Saga, name: str, content: str) -> object:
        if name not in saga.effects:
            saga.former[name] = self.disk.get(name)
            saga.answers[name] = answer(name, content, saga.former[name])
            saga.effects[name], saga.asked[name], self.disk[name] = "done", content, content
        return saga.answers[name]

    def _refuse_in_the_way(self, name: str) -> None:
        for other in self.disk:
            if other.startswith(name + "/") or name.startswith(other + "/"):
                raise Refused("conflict")
            if other != name and other.casefold() == name.casefold():
                raise Refused("conflict")

    def undo(self, request: Request) -> Answer:
        saga = self.sagas.setdefault(request.saga, Saga())
        if saga.state == "confirmed":
            raise Refused("conflict")
        self._take_back(saga, request.names)
        return 204, None

    def undo_all(self, request: Request) -> Answer:
        saga = self.sagas.setdefault(request.saga, Saga())
        if saga.state == "confirmed":
            raise Refused("conflict")
        saga.state = "undone"
        self._take_back(saga, tuple(saga.effects))
        return 204, None

    def _take_back(self, saga: Saga, names: tuple[str, ...]) -> None:
        for name in names:
            if saga.effects.get(name) == "done":
                self._put(name, saga.former[name])
            saga.effects[name] = "undone"

    def confirm(self, request: Request) -> Answer:
        saga = self.sagas.get(request.saga)
        if saga is not None and saga.seen() == "undone":
            raise Refused("saga-compensated")
        if saga is not None and saga.state == "open":
            saga.state = "confirmed"
            saga.effects = {n: "confirmed" if e == "done" else e for n, e in saga.effects.items()}
        return 200, None

    def plain_save(self, request: Request) -> Answer:
        return self._once(request, self._plain_save)

    def plain_delete(self, request: Request) -> Answer:
        return self._once(request, self._plain_delete)

    def _once(self, request: Request, do: object) -> Answer:
        if request.key in self.plain_keys:
            first, kept = self.plain_keys[request.key]
            if first != request:
                raise Refused("conflict")
            return kept
        found: Answer = do(request)
        if request.key is not None:
            self.plain_keys[request.key] = request, found
        return found

    def _plain_save(self, request: Request) -> Answer:
        ((name, content),) = request.files
        self._refuse_locked(name)
        self._refuse_in_the_way(name)
        former = self.disk.get(name)
        self.disk[name] = content
        return 201, [answer(name, content, former)]

    def _plain_delete(self, request: Request) -> Answer:
        (name,) = request.names
        self._refuse_locked(name)
        if name not in self.disk:
            raise Refused("not-found", 404)
        del self.disk[name]
        return 204, None

    def _refuse_locked(self, name: str) -> None:
        if name in self.locks():
            raise Refused("locked")

    def _put(self, name: str, content: str | None) -> None:
        self.disk.pop(name, None)
        if content is not None:
            self.disk[name] = content


def answer(name: str, content: str, former: str | None) -> Mapping[str, object]:
    """The body of a save."""
    replaced = None if former is None else _sha(former)
    return {"filename": name, "sha256": _sha(content), "size": len(content.encode()), "replaced": replaced}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
