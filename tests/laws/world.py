"""The outside world of the laws: things that hooks make, and the points at which everything can end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field


class Killed(BaseException):
    """The process ended here: nothing after this point happens."""


class LawBrokenError(AssertionError):
    """What the product did is against a law."""


@dataclass
class Points:
    """Every instant that matters, in the order in which they are reached; the one numbered `kill_at` is the last."""

    kill_at: int | None = None
    stop_at: int | None = None
    stop: Callable[[], None] = lambda: None
    reached: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the last instant was reached, whoever may have caught what is raised there."""
        return self.kill_at is not None and len(self.reached) >= self.kill_at

    def reach(self, name: str) -> None:
        """Be at an instant."""
        self.reached.append(name)
        if len(self.reached) == self.stop_at:
            self.stop()
        if len(self.reached) == self.kill_at:
            raise Killed(name)


@dataclass
class Thing:
    """What the hooks of one component made."""

    address: str
    flavor: str
    handle: int
    """Another one each time a thing is made out of nothing."""
    size: int = 0
    shape: str = ""
    reads: tuple[str, ...] = ()
    base: str | None = None
    complete: bool = False
    running: bool = False
    port: int = 0


@dataclass
class World:
    """Identity to thing; hooks of all components act on the one world, and are judged by `guard`.

    Attributes:
        failing: Names of instants at which a hook fails.
        guard: Raises `LawBrokenError` for a hook that must not be called now; is given the hook, the address and
            the identity.
        meet: Called at each instant; a slow hook waits in it.
        violations: What `guard` said; a hook's own exceptions end in the executor as failures.
        failed: The addresses of hooks that failed.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    made: int = 0
    failing: set[str] = field(default_factory=set)
    guard: Callable[[str, str, str], None] = lambda _hook, _address, _identity: None
    meet: Callable[[str], None] = lambda _name: None
    points: Points = field(default_factory=Points)
    violations: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def copy(self) -> World:
        """The same things, in a world of their own."""
        return World(deepcopy(self.things), self.made)

    def act(self, hook: str, address: str, identity: str) -> Iterator[str]:
        """The instants of one hook: what comes before the effect, then in the middle of it, then after it."""
        try:
            self.guard(hook, address, identity)
        except LawBrokenError as error:
            self.violations.append(str(error))
            raise
        for moment in ("before", "half", "after"):
            name = f"{moment} {hook} {address}"
            yield moment
            self.meet(name)
            if name in self.failing:
                self.failed.add(address)
                raise OSError(f"told to fail {name}")
            self.points.reach(name)

    def new(self, address: str, flavor: str) -> Thing:
        """A thing out of nothing."""
        self.made += 1
        return Thing(address, flavor, self.made)
