"""A component that is a server of this machine: started, observed, suspended, resumed and removed alike for each."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from stackspec.core.fields import Schema
from stackspec.flavors.contract import Flavor, FlavorOutputs, Observation
from stackspec.flavors.extras import require_imports
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.local_port import answers
from stackspec.flavors.processes.local_server import LOG_SIZE, LocalServer, ServerRecord

VARIABLES: Schema = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"pattern": "^STACKSPEC_SERVER_"}},
    "additionalProperties": {"type": "string", "pattern": "^[^\\x00]*$"},
}
"""The schema of a config field with variables of a server."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


class ServerFlavor(Flavor, ABC):
    """The parent of a flavor that is nothing but a server: its hooks, given its command and how it is known to serve.

    It stands before the component type among a flavor's parents: `class Mlflow(ServerFlavor, ExperimentTracker)`. Its
    config has the fields `port`, which may be null, and `delete_data` where it has a folder of data.

    Attributes:
        health: The HTTP path that answers with 200 as long as it serves.
        passed_on: What the names of more variables begin with that the server gets of those of stackspec's process.
    """

    health: ClassVar[str] = "/health"
    passed_on: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """What runs in the foreground until SIGTERM; other users of this machine can read it."""

    @abstractmethod
    def outputs(self, uri: str) -> FlavorOutputs:
        """What other components may read, given the server's address."""

    def settings(self, port: int) -> Mapping[str, str]:
        """The variables that say what the server is to be, which may be secret."""
        return {}

    def variables(self) -> Mapping[str, str]:
        """The variables that the server finds things by; others do not have it started anew."""
        prefixes = ("LC_", *self.passed_on)
        return {name: text for name, text in os.environ.items() if name in _PASSED_ON or name.startswith(prefixes)}

    def directory(self) -> OwnedDirectory | None:
        """Where it keeps its data, if anywhere."""
        return None

    @property
    def delete_contents(self) -> bool:
        """Whether a directory of ours is removed although it holds something."""
        return bool(self.config.delete_data)

    def working_folder(self) -> Path | None:
        """Where it runs; None for the component's private folder."""
        return None

    def is_made(self) -> bool:
        """Whether what it keeps is there."""
        return (directory := self.directory()) is None or directory.path.is_dir()

    def prepare(self, port: int) -> None:
        """Make what the server reads as it starts, beside its directory; called before each start."""

    def clear(self) -> None:
        """Remove what `prepare` made; nothing may be there."""

    def serves(self, port: int) -> bool:
        """Whether the server answers; asked again and again, so it must return soon."""
        return answers(self.server().host, port, self.health)

    def real_fields(self, record: ServerRecord) -> Mapping[str, Any]:
        """Config field to its real value, for the fields that can be seen of a server that runs."""
        return {}

    def server(self) -> LocalServer:
        """The server, there or not."""
        return LocalServer(self.context)

    def restarts(self) -> bool:
        """Whether it is started again whenever it fails."""
        return False

    def log_size(self) -> int:
        """The bytes of output after which its log begins anew."""
        return LOG_SIZE

    def observe(self) -> Observation:
        """See whether the server runs and serves, and how it was started."""
        server, directory = self.server(), self.directory()
        record, running = server.recorded(), server.running()
        owner = directory.observe().owner if directory else None
        if record is None or not self.is_made():
            detail = "no server was ever started" if record is None else "what it keeps is gone"
            return Observation(provisioned=False, running=False, detail=detail, owner=owner)
        uri = _uri(server, record.port)
        if running is None:
            return Observation(provisioned=True, running=False, detail=f"{uri} is stopped")
        if not self.serves(running.port):
            return Observation(provisioned=True, running=False, detail=f"{uri} does not answer (process {running.pid})")
        asked = {} if self.config.port is None else {"port": record.port}  # one that nobody asked for is no drift
        fields = {**self.real_fields(running), **asked}
        return Observation(provisioned=True, running=True, detail=f"{uri} (process {running.pid})", fields=fields)

    def provision(self) -> FlavorOutputs:
        """Make its directory, or take the one that is there, and have the server run and serve."""
        require_imports(self)
        server, directory = self.server(), self.directory()
        port = server.port(self.config.port)
        command, settings = self.command(port), self.settings(port)
        if directory:
            directory.provision()
        self.prepare(port)
        if server.running() is None:
            self.context.log(f"starting the server at {_uri(server, port)}")
        server.start(
            command,
            port=port,
            environment=self.variables(),
            settings=settings,
            is_ready=lambda: self.serves(port),
            folder=self.working_folder(),
            restart=self.restarts(),
            log_size=self.log_size(),
        )
        return self.outputs(_uri(server, port))

    def update(self, previous: Self) -> FlavorOutputs:
        """Start it anew where it is to be another."""
        return self.provision()

    def suspend(self) -> None:
        """Stop the server."""
        self.server().stop()

    def resume(self) -> FlavorOutputs:
        """Start it again, at the same address."""
        return self.provision()

    def deprovision(self) -> None:
        """Stop the server, and remove what is ours; what it kept stays unless it is to go."""
        self.server().stop()
        if directory := self.directory():
            directory.deprovision(delete_contents=self.delete_contents)
        self.clear()
        self.server().remove()


def _uri(server: LocalServer, port: int) -> str:
    return f"http://{server.host}:{port}"
