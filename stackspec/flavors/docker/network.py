"""A network in a Docker engine that a component may own: used as found, removed only where the component made it."""

from __future__ import annotations

from typing import Any, Self

from stackspec.flavors.contract import (
    Flavor,
    FlavorConfig,
    FlavorOutputs,
    HookError,
    Observation,
    import_command,
    setting,
)
from stackspec.flavors.docker.engine import DockerEngine, host_setting, labels_of, owner_by


class DockerNetwork(Flavor):
    """The parent of a flavor whose steps run as containers in a network of their own.

    It stands before the component type among a flavor's parents. The mark of ownership is the network's labels.
    """

    located_by = "docker_host"
    occupies = frozenset({"network"})
    runs_in_image = True

    class Config(FlavorConfig):
        """An engine, and the network that steps see each other in."""

        docker_host: str | None = host_setting()
        network: str | None = setting(
            "The network of the steps; null for one with a name of the component's own. One that was there before is "
            "used, and never deleted.",
            default=None,
            requires_replacement=True,
            pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
            examples=["training"],
        )
        internal: bool = setting(
            "Whether the network leads nowhere else, so that steps reach each other and nothing beside.",
            default=False,
            requires_replacement=True,
        )

    class Outputs(FlavorOutputs):
        """Where steps run."""

        uri: str = setting("The engine's address, where steps are submitted.")
        network: str = setting("The network of the steps.")

    config: Config

    def observe(self) -> Observation:
        """See whether the network is there, and whose it is."""
        engine, name = self._engine(), self._name
        if (found := _network(engine, name)) is None:
            return Observation(
                provisioned=False, running=True, detail=f"there is no network {name} ({engine.version()})"
            )
        owner = owner_by(found.get("Labels"))
        if owner is not None and owner.identity != self.context.identity:
            return Observation(provisioned=False, detail=f"the network {name} belongs to {owner}", owner=owner)
        origin = "was there before" if owner is None else "made by stackspec"
        return Observation(
            provisioned=True,
            running=True,
            detail=f"{engine.version()} at {engine.host}, network {name} {origin}",
            fields={"internal": bool(found.get("Internal"))},
        )

    def provision(self) -> FlavorOutputs:
        """Make the network, marked as ours, or take the one that is there."""
        engine, name = self._engine(), self._name
        if (found := _network(engine, name)) is None:
            wanted = {"Name": name, "Driver": "bridge", "Internal": self.config.internal, "CheckDuplicate": True}
            engine.ask("POST", "/networks/create", {**wanted, "Labels": labels_of(self.context)}, also=(409,))
            if (found := _network(engine, name)) is None:
                raise HookError(f"the network {name} was removed as it was made", "apply again", transient=True)
        owner = owner_by(found.get("Labels"))
        if owner is not None and owner.identity != self.context.identity:
            raise HookError(
                f"the network {name} belongs to another component, {owner}",
                f"use another network; if that one is forgotten, take it over: {import_command(self.context)}",
            )
        if bool(found.get("Internal")) != self.config.internal:
            raise HookError(
                f"the network {name} is there and is {'' if found.get('Internal') else 'not '}internal",
                "use another network, or set internal to what it is; a network cannot be changed",
            )
        outputs: type[FlavorOutputs] = self.Outputs
        return outputs.from_value({"uri": engine.host, "network": name})

    def update(self, previous: Self) -> FlavorOutputs:
        """Nothing that changes in place touches the network: see to it that it is there."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the network where it is ours."""
        engine, name = self._engine(), self._name
        found = _network(engine, name)
        owner = owner_by(found.get("Labels")) if found else None
        if found is None or owner is None or owner.identity != self.context.identity:
            return
        if used := found.get("Containers"):
            raise HookError(
                f"the network {name} is in use by {len(used)} container{'s' if len(used) > 1 else ''}",
                "wait for the steps that run in it, or remove those containers",
            )
        engine.ask("DELETE", f"/networks/{found['Id']}", absent=True)

    @property
    def _name(self) -> str:
        return self.config.network or f"stackspec-{self.context.identity[:16]}"

    def _engine(self) -> DockerEngine:
        return DockerEngine(self.config.docker_host, self.context)


def _network(engine: DockerEngine, name: str) -> dict[str, Any] | None:
    found = engine.find(f"/networks/{name}")
    # An engine also takes the beginning of an id for a name.
    return found if isinstance(found, dict) and found.get("Name") == name else None
