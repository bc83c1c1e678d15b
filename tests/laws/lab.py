"""A project, its state and the world together: plans made and carried out by the real parts, and ended anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

from stackspec.apply.executor import ApplyResult, Executor
from stackspec.apply.hooks import Hooks, Place
from stackspec.apply.stop import Stop
from stackspec.core.address import ComponentAddress
from stackspec.core.workers import Workers
from stackspec.flavors.contract import FlavorSpec
from stackspec.plan.model import Phase, Plan
from stackspec.plan.planner import make_plan
from stackspec.plan.selection import EVERYTHING, Selection
from stackspec.plan.situation import Situation
from stackspec.state.local_folder import LocalFolder
from stackspec.state.model import AppliedState
from stackspec.state.run import Run
from stackspec.state.store import ApplyStore
from tests.laws.blueprint import Blueprint
from tests.laws.fake_flavors import REGISTRY, Rigid
from tests.laws.scheduler import Scheduler
from tests.laws.watched_store import MemoryStateStore, WatchedStore
from tests.laws.world import Killed, LawBrokenError, Points, Thing, World

PLACE = Place(Path("/nowhere"), LocalFolder(Path("/nowhere")), "default")
DESTROY = Selection(destroy=True)


class Lab:
    """One environment under test.

    Attributes:
        executor: The class that carries plans out; seeded faults put another one here.
    """

    executor = Executor

    def __init__(self, store: ApplyStore | None = None, world: World | None = None) -> None:
        self.world = world or World()
        self.store = WatchedStore(store or MemoryStateStore(), self.world.points)

    def copy(self) -> Lab:
        """The same situation again; only for a store in memory."""
        other = type(self)(MemoryStateStore(self.store.state), self.world.copy())
        other.store.forgotten = set(self.store.forgotten)
        return other

    def plan(self, project: Blueprint, selection: Selection = EVERYTHING) -> Plan:
        """What the real planner makes of the real manifests."""
        return make_plan(Situation(project.desired, self.store.read(), spec_of, selection))

    def run(
        self,
        plan: Plan,
        *,
        failing: Iterable[str] = (),
        kill_at: int | None = None,
        stop_at: int | None = None,
        seed: int | None = 0,
        parallelism: int = 3,
    ) -> ApplyResult | None:
        """Carry a plan out with the real executor and hooks; None where it was killed on the way.

        Args:
            seed: What decides the order in which hooks end; None for the executor's own threads, which no kill ends.

        Raises:
            LawBrokenError: a hook was called when it must not be.
        """
        stop = Stop()
        self.world.failing = set(failing)
        points = self.world.points = self.store.points = Points(kill_at, stop_at, stop.request)
        guard = self.world.guard = _Guard(self.store, self.world, plan)
        Rigid.world = self.world
        scheduler = Scheduler(self.world, seed or 0, parallelism)
        workers = Workers if seed is None else lambda _most: scheduler
        with self.store.lock(Run.of_this_process("test")), patch("stackspec.apply.executor.Workers", workers):
            executor = self.executor(
                self.store,
                self.store.read(),
                REGISTRY,
                Hooks(REGISTRY, PLACE),
                parallelism=parallelism,
                listener=lambda _event: None,
                stop=stop,
            )
            result: ApplyResult | None = None
            try:
                result = executor.run(plan)
            except Killed:
                scheduler.die()
            finally:
                self.world.points = points
                self.world.failing = set()
        try:
            guard.check_something_works()
        except LawBrokenError as error:
            self.world.violations.append(str(error))
        if self.world.violations:
            raise LawBrokenError("; ".join(self.world.violations))
        return result

    def apply(self, project: Blueprint, *, selection: Selection = EVERYTHING, seed: int = 0) -> ApplyResult:
        """Plan and carry out with nothing in the way."""
        result = self.run(self.plan(project, selection), seed=seed)
        assert result is not None
        return result


def spec_of(component_type: str, flavor: str) -> FlavorSpec | None:
    """A flavor's spec, as a project knows it."""
    try:
        return REGISTRY.spec(component_type, flavor)
    except KeyError:
        return None


class _Guard:
    """The law of order, as the world sees it at each hook.

    What a component needs is there when its hook is called, nothing stands on what is deprovisioned, and what stops
    stops before what it stands on; only what stays while the thing under it is torn down, to make room for a
    replacement, may stand on nothing for a while.
    """

    def __init__(self, store: WatchedStore, world: World, plan: Plan) -> None:
        self._store = store
        self._world = world
        building = [step for step in plan.steps.values() if step.phase is Phase.BUILD]
        own = [step for step in plan.steps.values() if not step.deposed]
        self._going = {step.address for step in own if step.desired is None}
        self._suspends = {step.address for step in own if step.phase is Phase.SUSPEND}
        self._torn_down = {step.address for step in own if step.phase is Phase.TEAR_DOWN}
        self._makes_room = {step.deposed for step in plan.steps.values() if step.phase is Phase.TEAR_DOWN}
        self._desired = {step.address: step.desired for step in building}
        state = store.read()
        self._replaced = {
            state.components[step.address].identity: step.address
            for step in building
            if step.beside and step.address in state.components and self._works(state, step.address)
        }

    def __call__(self, hook: str, address: str, identity: str) -> None:
        parsed = ComponentAddress.parse(address)
        if hook == "deprovision":
            self._nothing_forbids(parsed, identity)
            self._another_works(identity)
            if identity in self._store.state.deposed:
                self._nothing_uses(identity)
            else:
                self._nothing_stands_on(parsed, identity)
            return
        if hook == "suspend":
            self._nothing_runs_on(parsed)
        if hook != "provision" and identity not in self._world.things:
            raise LawBrokenError(f"{hook} was called for {address}, which is not there")
        if hook in ("provision", "update"):
            desired = self._desired.get(parsed)
            for needed in desired.depends_on if desired else ():
                if not any(thing.complete for thing in self._owned(needed)):
                    raise LawBrokenError(f"{hook} was called for {address} before {needed} was there")

    def _owned(self, address: ComponentAddress) -> list[Thing]:
        things = self._world.things.items()
        return [one for key, one in things if one.address == str(address) and key not in self._store.forgotten]

    def _works(self, state: AppliedState, address: ComponentAddress) -> bool:
        """Whether what is applied is whole, and nothing was in the middle of changing it."""
        identity, pending = state.components[address].identity, state.pending.get(address)
        thing = self._world.things.get(identity)
        return thing is not None and thing.complete and (pending is None or pending.component.identity != identity)

    def check_something_works(self) -> None:
        """Of what was to be replaced, the new one made first, there is one that works however the apply has ended."""
        for address in self._replaced.values():
            if not any(thing.complete for thing in self._owned(address)):
                raise LawBrokenError(
                    f"nothing works any more of {address}, which was to be made before it is destroyed"
                )

    def _another_works(self, identity: str) -> None:
        address = self._replaced.get(identity)
        if address is None:
            return
        now = self._store.state.components.get(address)
        new = self._world.things.get(now.identity) if now else None
        if now is None or now.identity == identity or new is None or not new.complete:
            raise LawBrokenError(f"{address} was destroyed before another was there")

    def _nothing_uses(self, identity: str) -> None:
        """What is deposed is removed only once nothing holds on to it, unless it stands in the way."""
        old = self._world.things.get(identity)
        if old is None or identity in self._makes_room:
            return
        for other, thing in self._world.things.items():
            told = {identity, str(old.handle)}
            known = self._store.records_of(other) or other in self._store.state.deposed
            if known and other != identity and (thing.base == identity or told & set(thing.reads)):
                raise LawBrokenError(f"deposed {old.address} was deprovisioned while {thing.address} used it")

    def _nothing_forbids(self, address: ComponentAddress, identity: str) -> None:
        applied, desired = self._store.state.components.get(address), self._desired.get(address)
        if (
            applied
            and applied.identity == identity
            and applied.lifecycle.prevent_destroy
            and desired
            and desired.lifecycle.prevent_destroy
        ):
            raise LawBrokenError(f"{address} was deprovisioned, which prevent_destroy forbids")

    def _nothing_runs_on(self, address: ComponentAddress) -> None:
        for other in self._suspends:
            desired = self._desired[other]
            if desired and address in desired.depends_on and any(thing.running for thing in self._owned(other)):
                raise LawBrokenError(f"{address} was suspended before {other}, which stands on it")

    def _nothing_stands_on(self, address: ComponentAddress, identity: str) -> None:
        for other, thing in self._world.things.items():
            records, deposed = self._store.records_of(other), other in self._store.state.deposed
            if other == identity or not (records or deposed):
                continue
            stands = any(address in one.depends_on for one in records) or thing.base == identity
            standing = ComponentAddress.parse(thing.address)
            stays = standing not in self._going | self._torn_down and not deposed
            if stands and not (stays and address in self._torn_down):
                raise LawBrokenError(f"{address} was deprovisioned while {standing} stood on it")
