"""Flavors that act on the `World`: one that can do least, one that can do everything, one whose updates start it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorConfig, FlavorOutputs, Observation, setting
from stackspec.flavors.registry import Registry
from tests.laws.world import Thing, World

TYPE = "experiment_tracker"
"""A type of which a stack may hold many."""


class Rigid(Flavor):
    """Can be made and removed only."""

    type = TYPE
    flavor = "rigid"
    world: ClassVar[World]

    class Config(FlavorConfig):
        """Two plain fields and two that read outputs; one of each is changed by a replacement."""

        size: int = setting("Changes in place.", default=1)
        shape: str = setting("Cannot be changed in place.", default="round", requires_replacement=True)
        reads: tuple[str, ...] = setting("Outputs of others.", default=())
        base: str | None = setting("An output that it is built on.", default=None, requires_replacement=True)

    class Outputs(FlavorOutputs):
        """Three outputs that stay for different times."""

        token: str = setting("Stays as long as the identity.")
        handle: str = setting("Stays as long as the thing.")
        uri: str = setting("Changes with the config and the port.")

    config: Config

    def observe(self) -> Observation:
        thing = self.world.things.get(self.context.identity)
        return Observation(thing is not None and thing.complete)

    def provision(self) -> Outputs:
        for moment in self._act("provision"):
            if moment == "half":
                self.world.things.setdefault(self.context.identity, self._new()).complete = False
            elif moment == "after":
                self._become()
                self._start()
        return self._outputs()

    def deprovision(self) -> None:
        for moment in self._act("deprovision"):
            if moment == "half" and (thing := self.world.things.get(self.context.identity)):
                thing.complete = thing.running = False
            elif moment == "after":
                self.world.things.pop(self.context.identity, None)

    def _act(self, hook: str) -> Iterator[str]:
        return self.world.act(hook, str(self.context.address), self.context.identity)

    def _new(self) -> Thing:
        return self.world.new(str(self.context.address), self.flavor)

    @property
    def _thing(self) -> Thing:
        return self.world.things[self.context.identity]

    def _become(self) -> None:
        thing = self._thing
        thing.size, thing.shape, thing.reads, thing.base = (
            self.config.size,
            self.config.shape,
            self.config.reads,
            self.config.base,
        )
        thing.complete = True

    def _start(self) -> None:
        self._thing.running = True

    def _outputs(self) -> Outputs:
        return self.Outputs(**outputs_of(self.context.identity, self._thing))


class Pliant(Rigid):
    """Can be changed, suspended and resumed; an update leaves it as suspended as it was, and what is the same alone."""

    flavor = "pliant"
    occupies = frozenset()

    def update(self, previous: Rigid) -> Rigid.Outputs:
        assert previous.context.identity == self.context.identity
        for moment in self._act("update"):
            if moment == "half":
                self._thing.complete = False
                self._thing.size = self.config.size
            elif moment == "after":
                self._change(previous)
        return self._outputs()

    def _change(self, previous: Rigid) -> None:
        """Change what the configs differ in and nothing else, trusting that the previous one is what is there."""
        for name in ("size", "shape", "reads", "base"):
            if getattr(previous.config, name) != getattr(self.config, name):
                setattr(self._thing, name, getattr(self.config, name))
        self._thing.complete = True

    def suspend(self) -> None:
        for moment in self._act("suspend"):
            if moment == "after":
                self._thing.running = False

    def resume(self) -> Rigid.Outputs:
        for moment in self._act("resume"):
            if moment == "after":
                self._start()
        return self._outputs()


class Eager(Pliant):
    """Likewise, but an update also starts it, each start gives it another port, and no two have the same shape."""

    flavor = "eager"
    occupies = frozenset({"shape"})

    def _start(self) -> None:
        if not self._thing.running:
            self._thing.port += 1
        self._thing.running = True

    def _change(self, previous: Rigid) -> None:
        super()._change(previous)
        self._start()


FLAVORS = (Pliant, Eager, Rigid)
REGISTRY = Registry(extra=FLAVORS)


def outputs_of(identity: str, thing: Thing) -> dict[str, str]:
    """Output name to value."""
    uri = f"{thing.address}#{thing.size}:{thing.port}"
    return {"token": identity, "handle": str(thing.handle), "uri": uri}
