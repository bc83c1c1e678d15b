"""Projects as the laws think of them: small values that edits change, and that are written out as real manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from stackspec.core.diagnostic import has_errors
from stackspec.manifest.load import load
from stackspec.manifest.text import SourceText
from stackspec.stack.declared import declare
from stackspec.stack.model import DesiredState
from stackspec.stack.resolve import resolve
from tests.laws.fake_flavors import FLAVORS, REGISTRY, TYPE

NAMES = "abcdef"
STACKS = ("red", "blue", "green")
OUTPUTS = ("token", "handle", "uri")


@dataclass(frozen=True)
class Part:
    """One component.

    Attributes:
        reads: Names of others and the outputs that are read of them.
        base: The name of another, whose token is read by a field that cannot be changed in place.
        waits: Names of others that are only waited for.
        ahead: Whether the new one is made first where it is replaced, as far as the flavor allows that at all.
        stacks: The stacks that name it; without any it is there only if something stands on it.
    """

    flavor: str = "pliant"
    size: int = 1
    shape: str = "round"
    reads: tuple[tuple[str, str], ...] = ()
    base: str | None = None
    waits: frozenset[str] = frozenset()
    stacks: frozenset[str] = frozenset({"red"})
    shared: bool = False
    retain: bool = False
    protect: bool = False
    ahead: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """The names of all that it stands on."""
        return self.waits | {name for name, _ in self.reads} | ({self.base} if self.base else set())

    @property
    def is_inline(self) -> bool:
        """Whether it is declared inside its stack."""
        return not self.shared and len(self.stacks) == 1

    def without(self, name: str) -> Part:
        """The part, no longer standing on another."""
        reads = tuple(one for one in self.reads if one[0] != name)
        return replace(self, reads=reads, base=None if self.base == name else self.base, waits=self.waits - {name})


@dataclass(frozen=True)
class Blueprint:
    """A whole project: name to part, and the stacks that are suspended."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    suspended: frozenset[str] = frozenset()

    def users(self) -> dict[str, set[str]]:
        """The names of the parts that exist, and the stacks that use each."""
        users: dict[str, set[str]] = {}
        for stack in STACKS:
            waiting = [name for name, part in self.parts.items() if stack in part.stacks]
            while waiting:
                name = waiting.pop()
                if stack not in users.setdefault(name, set()):
                    users[name].add(stack)
                    waiting += self.parts[name].needs
        return users

    def changed(self, name: str, **values: Any) -> Blueprint:
        """The project with one part different."""
        return replace(self, parts={**self.parts, name: replace(self.parts[name], **values)})

    def unguarded(self) -> Blueprint:
        """The project with nothing that stands against a destruction."""
        parts = {name: replace(part, protect=False, retain=False) for name, part in self.parts.items()}
        return replace(self, parts=parts)

    def at_their_time(self) -> Blueprint:
        """The project with nothing that is to be made before its old one is removed."""
        return replace(self, parts={name: replace(part, ahead=False) for name, part in self.parts.items()})

    def reaches(self, start: str, goal: str) -> bool:
        """Whether one part stands on another, however indirectly."""
        return start == goal or any(self.reaches(name, goal) for name in self.parts[start].needs)

    # --- as manifests

    def documents(self) -> list[dict[str, Any]]:
        """The manifests."""
        found = [_manifest("Project", "laws", {"required_components": []})]
        for stack in STACKS:
            members = [_entry(name, part) for name, part in self.parts.items() if stack in part.stacks]
            if members:
                state = "suspended" if stack in self.suspended else "running"
                found.append(_manifest("Stack", stack, {"components": {TYPE: members}, "run_state": state}))
        for name, part in self.parts.items():
            if not part.is_inline:
                found.append(_manifest("Component", name, {"type": TYPE, **_body(part)}))
        return found

    @cached_property
    def desired(self) -> DesiredState:
        """What the compiler makes of the manifests."""
        text = "\n---\n".join(json.dumps(document) for document in self.documents())
        manifests, problems, _ = load([SourceText("laws.yaml", text)])
        declarations, conflicts = declare(manifests)
        desired, more = resolve(declarations, REGISTRY, {}, "default")
        found = [*problems, *conflicts, *more]
        assert not has_errors(found), found
        return desired


def address(name: str) -> str:
    """The address of a part, as text."""
    return f"{TYPE}/{name}"


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "stackspec.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _entry(name: str, part: Part) -> Any:
    return {"name": name, **_body(part)} if part.is_inline else name


def _output(name: str, output: str) -> str:
    return f"{{{{ components['{address(name)}'].outputs.{output} }}}}"


def _body(part: Part) -> dict[str, Any]:
    config: dict[str, Any] = {"size": part.size, "shape": part.shape}
    if part.reads:
        config["reads"] = [_output(name, output) for name, output in part.reads]
    if part.base:
        config["base"] = _output(part.base, "token")
    body: dict[str, Any] = {"flavor": part.flavor, "config": config}
    if part.waits:
        body["depends_on"] = [address(name) for name in sorted(part.waits)]
    lifecycle = {"retain_on_delete": part.retain, "prevent_destroy": part.protect}
    lifecycle["create_before_destroy"] = part.ahead and part.flavor != "rigid"
    if any(lifecycle.values()):
        body["lifecycle"] = lifecycle
    return body


FLAVOR_NAMES = tuple(cls.flavor for cls in FLAVORS)
