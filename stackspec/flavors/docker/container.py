"""A container in a Docker engine that a component owns: at most one, which carries its mark in labels."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from stackspec.flavors.contract import Flavor, FlavorConfig, FlavorOutputs, HookError, Observation, setting
from stackspec.flavors.docker.engine import DockerEngine, host_setting, labels_of, owner_by
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.images.login import RegistryLogin, engine_header

_DIGEST = "stackspec.config"
"""The label with a digest of all that the container was made of."""
_POLL = 0.1
_TAIL = 10
"""Lines of what it wrote last that are shown where it ended."""
_MEGABYTE = 2**20


class DockerContainer(Flavor, ABC):
    """The parent of a flavor that is nothing but a container.

    It stands before the component type among a flavor's parents. The container is made anew where the config, or the
    container, is no longer what it was made of; what is written inside it is lost then.
    """

    located_by = "docker_host"
    runs_in_image = True

    class Config(FlavorConfig):
        """An engine, an image and the limits of what runs in it."""

        docker_host: str | None = host_setting()
        image: str = setting(
            "The image, which is pulled where the engine has it not. One without a digest is not looked for again.",
            min_length=1,
            pattern="^[A-Za-z0-9\\[][^\\s?#]*$",
            examples=["ghcr.io/acme/serve:v1"],
        )
        memory_mb: int | None = setting(
            "The memory that it may use at most, in MiB; null for no limit.", default=None, minimum=16
        )
        cpus: float | None = setting(
            "The processors that it may use at most; null for no limit.",
            default=None,
            schema={"type": ["number", "null"], "exclusiveMinimum": 0},
        )

    config: Config

    @property
    def grace(self) -> int:
        """Seconds that what runs in it has to end before it is killed."""
        return 0

    @abstractmethod
    def wanted(self, found: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the container is made of beside image, labels and limits, as the engine's API has it.

        Args:
            found: The container that is there.
        """

    @abstractmethod
    def outputs(self, found: Mapping[str, Any]) -> FlavorOutputs:
        """What other components may read of a container that is there."""

    @abstractmethod
    def trouble(self, found: Mapping[str, Any]) -> str:
        """Why a container that runs does not serve; empty where it does."""

    def real(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Config field to its real value, for what a flavor has beside image and limits."""
        return {}

    def observe(self) -> Observation:
        """See whether the container is there, runs and serves."""
        engine = self.engine
        found = self.found(engine)
        if found is None:
            detail = f"there is no container {self.name} ({engine.version()})"
            return Observation(provisioned=False, running=False, detail=detail)
        fields = {**self._real(found), **self.real(found)}
        if not found["State"]["Running"]:
            detail = f"{self.name} is stopped"
            return Observation(provisioned=True, running=False, detail=detail, fields=fields)
        why = self.trouble(found)
        detail = why or f"{self.name} at {engine.host}"
        return Observation(provisioned=True, running=not why, detail=detail, fields=fields)

    def provision(self) -> FlavorOutputs:
        """Have the container there, as the config says, running and serving."""
        engine = self.engine
        found = self.found(engine)
        document = self._document(found)
        if found is not None and not self._fits(found, document):
            self._remove(engine, found)
            found = None
        if found is None:
            self._need_image(engine)
            engine.ask("POST", "/containers/create", document, query={"name": self.name}, also=(409,))
        engine.ask("POST", f"/containers/{self.name}/start", also=(304,))
        while True:
            if (found := self.found(engine)) is None:
                raise HookError(f"{self.name} was removed as it was started", "apply again", transient=True)
            if not found["State"]["Running"]:
                raise self._ended(engine, found)
            if not (why := self.trouble(found)):
                return self.outputs(found)
            self.context.cancelled.wait(min(_POLL, time_left(self.context)))
            if not self.context.remaining():
                raise HookError(f"{self.name} runs but does not serve: {why}", "look at what the container writes")

    def update(self, previous: Self) -> FlavorOutputs:
        """Make another in its place."""
        return self.provision()

    def suspend(self) -> None:
        """Stop what runs in the container; what it wrote stays."""
        engine = self.engine
        if self.found(engine) is not None:
            grace = min(self.grace, max(0, int(self.context.remaining()) - 1))
            engine.ask("POST", f"/containers/{self.name}/stop", query={"t": str(grace)}, absent=True, also=(304,))

    def resume(self) -> FlavorOutputs:
        """Start it again."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the container with all that was written in it."""
        engine = self.engine
        if (found := self.found(engine)) is not None:
            self._remove(engine, found)

    @property
    def name(self) -> str:
        """The container's name, which no other component has."""
        return f"stackspec-{self.context.address.name}-{self.context.identity[:16]}"

    @property
    def engine(self) -> DockerEngine:
        """The engine as the config names it."""
        return DockerEngine(self.config.docker_host, self.context)

    def found(self, engine: DockerEngine) -> dict[str, Any] | None:
        """The container, if it is there.

        Raises:
            HookError: one of the name is not this component's.
        """
        found = engine.find(f"/containers/{self.name}/json")
        if not isinstance(found, dict):
            return None
        owner = owner_by(found["Config"].get("Labels"))
        if owner is None or owner.identity != self.context.identity:
            whose = f"belongs to {owner}" if owner else "is not stackspec's"
            raise HookError(f"the container {self.name} {whose}", "remove or rename it")
        return found

    def _document(self, found: Mapping[str, Any] | None) -> dict[str, Any]:
        config, wanted = self.config, self.wanted(found)
        limits = {
            "Memory": (config.memory_mb or 0) * _MEGABYTE,
            "NanoCpus": round((config.cpus or 0) * 1e9),
        }
        document = {**wanted, "Image": config.image, "HostConfig": {**wanted.get("HostConfig", {}), **limits}}
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        return {**document, "Labels": {**labels_of(self.context), _DIGEST: digest}}

    def _fits(self, found: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
        real = {**self._real(found), **self.real(found)}
        made_of = found["Config"]["Labels"].get(_DIGEST)
        return made_of == document["Labels"][_DIGEST] and all(
            value == getattr(self.config, field) for field, value in real.items()
        )

    def _real(self, found: Mapping[str, Any]) -> dict[str, Any]:
        host = found["HostConfig"]
        return {
            "image": found["Config"]["Image"],
            "memory_mb": host.get("Memory", 0) // _MEGABYTE or None,
            "cpus": host.get("NanoCpus", 0) / 1e9 or None,
        }

    def _need_image(self, engine: DockerEngine) -> None:
        image = self.config.image
        if engine.find(f"/images/{image}/json") is not None:
            return
        self.context.log(f"pulling {image}")
        named = ":" in image.rpartition("/")[2] or "@" in image
        query = {"fromImage": image if named else f"{image}:latest"}
        for _ in engine.lines("POST", "/images/create", query=query, headers=engine_header(RegistryLogin(), image)):
            pass
        if engine.find(f"/images/{image}/json") is None:
            raise HookError(f"the engine did not get the image {image}", "look at its name and at who may pull it")

    def _remove(self, engine: DockerEngine, found: Mapping[str, Any]) -> None:
        engine.ask("DELETE", f"/containers/{found['Id']}", query={"force": "1", "v": "1"}, absent=True)

    def _ended(self, engine: DockerEngine, found: Mapping[str, Any]) -> HookError:
        query = {"stdout": "1", "stderr": "1", "tail": str(_TAIL)}
        told = engine.raw("GET", f"/containers/{self.name}/logs", query=query)[1]
        text = b"".join(told_by(told)).decode(errors="replace")
        lines = ["".join(filter(str.isprintable, line)) for line in text.splitlines()]
        said = "\n".join([":", *filter(None, lines)]) if any(lines) else ""
        status = found["State"].get("ExitCode")
        return HookError(f"{self.name} ended with status {status} before it served{said}", "look at the image")


def told_by(stream: bytes) -> tuple[bytes, bytes]:
    """The standard output and the standard error in what an engine streams of a container without a terminal.

    Source: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
    """
    parts, at = {1: b"", 2: b""}, 0
    while at + 8 <= len(stream):
        size = int.from_bytes(stream[at + 4 : at + 8], "big")
        if (kind := stream[at]) in parts:
            parts[kind] += stream[at + 8 : at + 8 + size]
        at += 8 + size
    return parts[1], parts[2]
