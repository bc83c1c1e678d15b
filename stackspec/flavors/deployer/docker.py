"""Whole pipelines served by a container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stackspec.core.loopback import is_loopback
from stackspec.flavors.contract import HookError, setting
from stackspec.flavors.deployer import Deployer
from stackspec.flavors.docker.container import DockerContainer
from stackspec.flavors.processes.local_port import answers, free_port

_LOOPBACK = "127.0.0.1"


class DockerDeployer(DockerContainer, Deployer):
    """Serves a pipeline by a container of a Docker engine, whose port is this machine's only unless told otherwise."""

    flavor = "docker"
    occupies = frozenset({"port"})

    class Config(DockerContainer.Config):
        """A container that serves by HTTP."""

        container_port: int = setting("The port that it serves at, inside.", default=8000, minimum=1, maximum=65535)
        port: int | None = setting(
            "The port outside; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        listen: str = setting(
            "The address of the engine's machine that the port is opened at: its loopback address, which no other "
            "machine reaches, or 0.0.0.0 for all.",
            default=_LOOPBACK,
            pattern="^[0-9]{1,3}(\\.[0-9]{1,3}){3}$",
        )
        health_path: str | None = setting(
            "What it answers with 200 as soon as it serves; null where it serves as soon as it runs.",
            default="/",
            pattern="^/[!-~]*$",
        )
        stop_seconds: int = setting("Seconds that it has to end before it is killed.", default=10, minimum=0)
        command: tuple[str, ...] | None = setting(
            "What runs in it; null for what the image says.",
            default=None,
            schema={"type": ["array", "null"], "items": {"type": "string"}, "minItems": 1},
        )
        environment: Mapping[str, str] = setting(
            "The variables of what runs in it; whoever may use the engine can read them.",
            default={},
            sensitive=True,
            schema={
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                "additionalProperties": {"type": "string"},
            },
        )

    class Outputs(Deployer.Outputs):
        """Where it serves."""

        container: str = setting("The container's name.")

    config: Config

    @property
    def grace(self) -> int:
        """As the config says."""
        return self.config.stop_seconds

    def wanted(self, found: Mapping[str, Any] | None) -> dict[str, Any]:
        """A container with one port."""
        config, inside = self.config, f"{self.config.container_port}/tcp"
        kept = _outside(found, config.container_port) if found else None
        port = config.port or kept or free_port(_LOOPBACK)
        return {
            **({} if config.command is None else {"Cmd": list(config.command)}),
            "Env": [f"{name}={value}" for name, value in sorted(config.environment.items())],
            "ExposedPorts": {inside: {}},
            "HostConfig": {
                "PortBindings": {inside: [{"HostIp": config.listen, "HostPort": str(port)}]},
                "RestartPolicy": {"Name": "unless-stopped"},
            },
        }

    def outputs(self, found: Mapping[str, Any]) -> Outputs:
        """Where it serves."""
        host, port = self._place(found)
        return self.Outputs(uri=f"http://{host}:{port}", container=self.name)

    def trouble(self, found: Mapping[str, Any]) -> str:
        """Whether it answers by HTTP."""
        if (path := self.config.health_path) is None:
            return ""
        host, port = self._place(found)
        return "" if answers(host, port, path) else f"http://{host}:{port}{path} does not answer with 200"

    def real(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The port outside; one that nobody asked for is no drift."""
        return {} if self.config.port is None else {"port": _outside(found, self.config.container_port)}

    def _place(self, found: Mapping[str, Any]) -> tuple[str, int]:
        port = _outside(found, self.config.container_port)
        if port is None:
            raise HookError(f"{self.name} has no port {self.config.container_port}", "apply again")
        there = urlsplit(self.engine.host).hostname or _LOOPBACK
        loopback = self.config.listen.startswith("127.")
        if loopback and not is_loopback(there):
            raise HookError(
                f"{self.name} listens on the loopback address of {there}, which nobody here reaches",
                "set listen to an address of that machine",
            )
        return (self.config.listen if loopback else there), port


def _outside(found: Mapping[str, Any], inside: int) -> int | None:
    """The port outside that leads to one inside."""
    bindings = (found["HostConfig"].get("PortBindings") or {}).get(f"{inside}/tcp") or ()
    return next((int(one["HostPort"]) for one in bindings if one.get("HostPort")), None)
