"""A flavor that takes a secret and does with it what careless flavors do."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any, Literal

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.registry import Registry


def token_of(identity: str) -> str:
    """What a vault makes up for those who read its outputs."""
    return hashlib.blake2b(identity.encode(), key=b"tokens").hexdigest()[:32]


class Vault(ArtifactStore):
    """What needs a password to be made, and gives a token back."""

    flavor = "vault"

    class Config(FlavorConfig):
        """Settings."""

        password: str = setting("What opens it.", sensitive=True)
        url: str = setting("Where it is.", default="https://example.org", pattern="^[^|]*$", max_length=200)
        port: int = setting("Its port.", default=1, minimum=1)
        mode: Literal["fast", "safe"] = setting("How it works.", default="fast")
        fails: str = setting("Which hook fails, and how, telling all it knows; or the variable FAILS says.", default="")
        label: str = setting("What cannot be changed.", default="", requires_replacement=True)

    class Outputs(ArtifactStore.Outputs):
        """What it gives."""

        token: str = setting("What it made up.", sensitive=True)
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
        self._end("provision")
        if self._fails == "provision aloud":
            print(self.config.password)
        if self._fails == "provision on paper":
            (Path(os.environ["TMPDIR"]) / "notes").write_text(self.config.password)
        if self._fails == "provision wrongly":
            return {"password": self.config.password}
        return self.Outputs(
            uri="vault://here", token=token_of(self.context.identity), dsn=f"db://{self.config.password}@x"
        )

    def update(self, previous: Any) -> Any:
        self._go("update")
        made = self.provision()
        self._end("update")
        return made

    def deprovision(self) -> None:
        self._go("deprovision")
        if self._file.exists():
            assert json.loads(self._file.read_text())["password"] == self.config.password
            self._file.unlink()
        self._end("deprovision")

    @property
    def _fails(self) -> str:
        return self.config.fails or os.environ.get("FAILS", "")

    def _go(self, hook: str) -> None:
        if self._fails == hook:
            raise HookError(f"cannot open it with {self.config.password!r}", f"try {self.config.password} elsewhere")
        if self._fails == f"{hook} badly":
            raise ValueError(self.config.password, {"password": self.config.password})
        if self._fails == f"{hook} killed":
            os.kill(os.getpid(), signal.SIGKILL)

    def _end(self, hook: str) -> None:
        if self._fails == f"{hook} killed late":
            os.kill(os.getpid(), signal.SIGKILL)


REGISTRY = Registry([Vault])
