"""A flavor that takes a secret and does with it what careless flavors do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.log_store import LogStore
from stackspec.flavors.registry import Registry


class Vault(ArtifactStore):
    """What needs a password to be made, and gives a token back."""

    flavor = "vault"

    class Config(FlavorConfig):
        """Settings."""

        password: str = setting("What opens it.", sensitive=True)
        url: str = setting("Where it is.", default="https://example.org")
        port: int = setting("Its port.", default=1)
        fails: str = setting("Which hook fails, telling all it knows.", default="")
        label: str = setting("What cannot be changed.", default="", requires_replacement=True)

    class Outputs(ArtifactStore.Outputs):
        """What it gives."""

        token: str = setting("What it made up.", sensitive=True)
        pair: dict[str, str] = setting("What else it made up.", sensitive=True)
        dsn: str = setting("Where and how.")

    @property
    def _file(self) -> Path:
        return Path(self.context.root).parent / "outside" / f"{self.context.identity}.json"

    def _real(self) -> dict[str, Any]:
        return dict(vars(self.config))

    def observe(self) -> Observation:
        self._go("observe")
        if not self._file.exists():
            return Observation(False, detail="not there")
        seen = json.loads(self._file.read_text())
        return Observation(True, detail=f"opened with {seen['password']}", fields=seen)

    def provision(self) -> Any:
        self.context.log(f"connecting with {self.config.password}")
        self._go("provision")
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(json.dumps(self._real()))
        return self.Outputs(
            uri="vault://here",
            token=f"tok-{self.context.identity}",
            pair={"inner": f"in-{self.context.identity}"},
            dsn=f"db://{self.config.password}@x",
        )

    def update(self, previous: Any) -> Any:
        self._go("update")
        return self.provision()

    def deprovision(self) -> None:
        self._go("deprovision")
        if self._file.exists():
            assert json.loads(self._file.read_text())["password"] == self.config.password
            self._file.unlink()

    def _go(self, hook: str) -> None:
        if self.config.fails == hook:
            raise HookError(f"cannot open it with {self.config.password!r}", f"try {self.config.password} elsewhere")
        if self.config.fails == f"{hook} badly":
            raise ValueError(self.config.password, {"password": self.config.password})


class Reader(LogStore):
    """What is made with what another made up, and tells it to everybody."""

    flavor = "reader"

    class Config(FlavorConfig):
        """Settings."""

        token: str = setting("What opens it.", sensitive=True)
        pair: dict[str, str] = setting("What else does.", sensitive=True)
        fails: bool = setting("Whether it cannot be made.", default=False)

    class Outputs(LogStore.Outputs):
        """What it gives."""

        pair: str = setting("What else opens it.")

    def observe(self) -> Observation:
        return Observation(True, detail=f"opened with {self.config.token} and {self.config.pair}")

    def provision(self) -> Any:
        for line in (self.config.token, *self.config.pair.values()):
            self.context.log(f"opening with {line}")
        if self.config.fails:
            raise HookError(f"cannot open it with {self.config.token}", f"or with {self.config.pair}")
        return self.Outputs(uri=f"logs://{self.config.token}@h", pair=f"{self.config.pair}")

    def deprovision(self) -> None:
        self.context.log(f"closing with {self.config.token}")


REGISTRY = Registry([Vault, Reader])
