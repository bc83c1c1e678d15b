"""Contexts of components for tests of flavors."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from stackspec.core.address import ComponentAddress
from stackspec.flavors.contract import Flavor, HookContext, spec_of

F = TypeVar("F", bound=Flavor)


@dataclass(frozen=True)
class Subjects:
    """Makes components of one project, and keeps what their hooks say.

    Attributes:
        root: The project's root.
        lines: What hooks logged.
    """

    root: Path
    lines: list[str] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """Of the components of this project: no other project's, so that none ends another's servers."""
        return f"mine-{sha256(str(self.root).encode()).hexdigest()[:8]}"

    def context(self, kind: str = "artifact_store", **changes: Any) -> HookContext:
        """A context with a minute left; `changes` are other values for its attributes."""
        values = {
            "address": ComponentAddress(kind, "main"),
            "identity": self.identity,
            "environment": "dev",
            "root": self.root,
            "data_dir": self.root / ".stackspec" / "data" / "main",
            "deadline": monotonic() + 60,
            "log": self.lines.append,
            **changes,
        }
        return HookContext(**values)

    def component(self, flavor: type[F], config: dict[str, Any] | None = None, **changes: Any) -> F:
        """A component with the config's defaults; `changes` are for its context."""
        complete = spec_of(flavor).complete(config or {})
        return flavor(flavor.Config.from_value(complete), self.context(flavor.type, **changes))
