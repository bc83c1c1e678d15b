"""A flavor that takes a secret and does with it what careless flavors do."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Literal

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.log_store import LogStore
from stackspec.flavors.processes.local_port import answers
from stackspec.flavors.processes.local_server import LocalServer
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
        url: str = setting("Where it is.", default="https://example.org")
        region: str = setting("Which part of the world it is in.", default="eu", pattern="^[a-z]{2}$")
        port: int = setting("Its port.", default=1, minimum=1)
        mode: Literal["fast", "safe"] = setting("How it works.", default="fast")
        fails: str = setting("Which hook fails, and how, telling all it knows; or the variable FAILS says.", default="")
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
        self._end("provision")
        if self._fails == "provision aloud":
            print(self.config.password)
        if self._fails == "provision on paper":
            (Path(os.environ["TMPDIR"]) / "notes").write_text(self.config.password)
        if self._fails == "provision wrongly":
            return {"password": self.config.password}
        return self.Outputs(
            uri="vault://here",
            token=token_of(self.context.identity),
            pair={"inner": token_of(f"{self.context.identity} inside")},
            dsn=f"db://{self.config.password}@x",
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


_SERVE = """
import os, sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
folder, port = sys.argv[1:3]
with open(f"{folder}/told", "w") as told:
    told.write(f"{os.getpid()}\\n")
with open(f"{folder}/go") as go:
    go.readline()
HTTPServer(("127.0.0.1", int(port)), SimpleHTTPRequestHandler).serve_forever()
"""


class Served(ArtifactStore):
    """What is a server, which waits to be looked at (see `tests.secrets.onlooker`) before it serves."""

    flavor = "served"

    class Config(FlavorConfig):
        """Settings."""

        password: str = setting("What opens it.", sensitive=True)
        handed: Literal["", "by a variable", "by an argument"] = setting("How the server gets it.", default="")
        folder: str = setting("Where the one is who looks.")

    def observe(self) -> Observation:
        running = LocalServer(self.context).running()
        return Observation(running is not None, running is not None)

    def provision(self) -> Any:
        server, password, handed = LocalServer(self.context), self.config.password, self.config.handed
        port = server.port(None)
        command = [sys.executable, "-c", _SERVE, self.config.folder, str(port)]
        server.start(
            [*command, f"--password={password}"] if handed == "by an argument" else command,
            port=port,
            environment={"PASSWORD": password} if handed == "by a variable" else {},
            is_ready=lambda: answers(server.host, port, "/"),
        )
        return self.Outputs(uri=f"http://127.0.0.1:{port}")

    def deprovision(self) -> None:
        LocalServer(self.context).remove()


REGISTRY = Registry([Vault, Reader, Served])
