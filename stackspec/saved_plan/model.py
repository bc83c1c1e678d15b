"""A saved plan as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.core.frozen import dataclass
from stackspec.plan.request import Request
from stackspec.state.run import Run


@dataclass(frozen=True, slots=True)
class FlavorVersion:
    """Which flavor it was of those of its name: the digest of its spec, and the package that a foreign one is from."""

    spec: str
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a plan was made from, and must find again.

    Attributes:
        version: Of stackspec.
        lineage, serial: Of the applied state.
        flavors: `type/flavor` to its version, for each that the manifests or the state name.
        manifests: Address, of stacks too, to the fingerprint of what the manifests say of it.
        commit: What was checked out; it binds nothing, and explains.
    """

    version: str
    lineage: str
    serial: int
    flavors: Mapping[str, FlavorVersion]
    manifests: Mapping[str, str]
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """All that a file of a plan says.

    Attributes:
        made: Who made it and when; its id is the plan's.
        files: The manifest files that were named instead of the project's folders.
        steps: The fingerprint of what exactly is to be done.
        secrets: `secrets.NAME.KEY` to the fingerprint of its value, of each that was read.
        shown: The plan as `plan -o json --all` shows it, without what is sensitive.
    """

    made: Run
    environment: str
    request: Request
    files: tuple[str, ...]
    bindings: Bindings
    steps: str
    secrets: Mapping[str, str]
    shown: Mapping[str, Any]

    @property
    def purpose(self) -> str:
        """What others are told that the state is locked for while the plan is carried out; history keeps it."""
        return f"apply of plan {self.made.id}"
