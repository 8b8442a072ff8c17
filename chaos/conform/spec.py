"""What a user says of a server: how its calls look, and what it claims. From the command line, a YAML file, or both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from chaos.conform.template import BadTemplate, Template, fill

PROFILES = Path(__file__).parent / "profiles"
GIVEN = ("saga_id", "item", "key", "value", "project", "prefix")  # what every template may use
OF_A_SAGA = frozenset({"saga_id", "key"})
HEADERS = {"X-Saga-Id": "{saga_id}", "Idempotency-Key": "{key}"}  # unless others are said; an empty one is not sent


class BadSpec(Exception):
    """What was said of the server cannot be used; the message says which part, and why."""


def _parsed(value: object) -> object:
    return Template.parse(value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Call = Annotated[Template, BeforeValidator(_parsed)]
Calls = Annotated[tuple[Call, ...], BeforeValidator(_listed)]


class Spec(BaseModel):
    """How to speak to one server.

    Attributes:
        confirm: None when the server has no such call.
        observe: what a reader reads; its status and body are what is compared.
        prepare: sent before the first action on an item with a value: what the action needs to be there.
        cleanup: sent for every item at the end.
        leaves: what stays all the same, in words.
        headers: sent with every call; one that names the saga or the key only with action, compensation and confirm.
        ignore: fields of JSON answers that are never compared.
        locks: whether the server refuses a second saga on an item that an open saga wrote (R11).
        project: the project of the token; a template.
        token_command: prints a token for ``{project}``.
        restart_command: stops the server and starts it again.
        variables: further placeholders.
        skip: names of checks that are not wanted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    action: Call
    compensation: Call
    confirm: Call | None = None
    observe: Calls = ()
    prepare: Calls = ()
    cleanup: Calls = ()
    leaves: str | None = None
    headers: dict[str, str] = Field(default_factory=lambda: dict(HEADERS))
    ignore: tuple[str, ...] = ()
    locks: bool = False
    project: str = "{prefix}"
    token_header: str = "X-INTERNAL-TOKEN"  # noqa: S105 - the header's name, not a secret
    token_command: str | None = None
    restart_command: str | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    skip: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _every_placeholder_is_known(self) -> Spec:
        known = {*GIVEN, *self.variables}
        calls = (self.action, self.compensation, self.confirm, *self.observe, *self.prepare, *self.cleanup)
        unknown = {name for call in calls if call for name in call.names()} - known
        if unknown:
            raise ValueError(f"nothing is known of {_braced(unknown)}; there are {_braced(known)}")
        for text in self.headers.values():
            fill(text, dict.fromkeys(known, ""))
        fill(self.project, dict.fromkeys(known - {"project"}, ""))
        fill(self.token_command or "", {"project": ""})
        if not {"saga_id", "key"} & self._said_with(self.compensation):
            raise ValueError("the compensation names no saga: neither in its path, nor body, nor a header")
        return self

    def _said_with(self, call: Template) -> set[str]:
        return call.names() | {name for text in self.headers.values() for name in OF_A_SAGA if f"{{{name}" in text}


def load(profile: str | None, file: Path | None, said: Mapping[str, Any]) -> Spec:
    """The profile, overridden by the file, overridden by what was ``said`` on the command line (None: not said).

    Raises:
        BadSpec: there is no such profile, or what results is not a whole description.
    """
    whole: dict[str, Any] = {"headers": dict(HEADERS)}
    for source in ([_profile(profile)] if profile else []) + ([file] if file else []):
        whole = _merged(whole, _read(source))
    whole = _merged(whole, {name: value for name, value in said.items() if value})
    try:
        return Spec.model_validate(whole)
    except ValidationError as wrong:
        raise BadSpec("\n".join(_sentence(error) for error in wrong.errors())) from None
    except BadTemplate as wrong:
        raise BadSpec(str(wrong)) from None


def profiles() -> list[str]:
    """The names of the descriptions that come with the kit."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def _profile(name: str) -> Path:
    if name not in profiles():
        raise BadSpec(f"there is no profile {name!r}; there are: {', '.join(profiles())}")
    return PROFILES / f"{name}.yaml"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise BadSpec(f"{path.name} cannot be read: {wrong}") from None
    if not isinstance(found, dict):
        raise BadSpec(f"{path.name} must be a mapping, as the profiles are")
    return found


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` wins; mappings are merged by their names."""
    both = {
        name: {**below[name], **above[name]} for name in below.keys() & above.keys() if _mappings(below, above, name)
    }
    return {**below, **above, **both}


def _mappings(below: Mapping[str, Any], above: Mapping[str, Any], name: str) -> bool:
    return isinstance(below[name], dict) and isinstance(above[name], dict)


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if not str(part).startswith("function"))
    return f"{where}: {error['msg']}" if where else str(error["msg"])


def _braced(names: set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
