"""The executor: steps in their order, in parallel, with intent recorded before every effect.

One thread coordinates and alone touches the state store; hooks run in worker threads. Each turn of the loop writes the
results that have come in and the intents of what is about to start in one transaction, so the price of durability is
shared by independent components and the order "intent, hook, result" still holds for each.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from stackspec.apply.events import Event, Failed, Listener, Progress, Skipped, Started, Stopping, Succeeded
from stackspec.apply.hooks import HookFailure, Hooks, seconds_for
from stackspec.apply.stop import Stop
from stackspec.apply.target import Targets
from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.values import ValueMap
from stackspec.core.workers import Workers
from stackspec.flavors.registry import Registry
from stackspec.plan.model import Phase, Plan, Step, StepKey
from stackspec.state.model import NOT_REACHED, AppliedComponent, AppliedState, Operation, PendingOperation
from stackspec.state.store import ApplyStore, Begin, Depose, Finish, StateChange

LAST_WAIT = 4.0
"""Seconds that hooks get to end once the user insists on stopping."""

STOPPED = "the apply was asked to stop"
"""Why what has not begun is left alone."""


@dataclass(slots=True)
class ApplyResult:
    """What an apply did.

    Attributes:
        done: The components whose operations all succeeded, in the order in which they did.
        removed: The components that were to be replaced, of which the old one is gone and the new one is not there.
        failed: One diagnostic for each component that failed.
        skipped: The components left alone, each with the reason.
        serial: The state's, afterwards.
    """

    done: list[ComponentAddress] = field(default_factory=list)
    removed: list[ComponentAddress] = field(default_factory=list)
    failed: list[Diagnostic] = field(default_factory=list)
    skipped: dict[ComponentAddress, str] = field(default_factory=dict)
    serial: int = 0


@dataclass(slots=True)
class _Running:
    """A step whose hook is being called."""

    step: Step
    index: int
    component: AppliedComponent
    started: float

    @property
    def operation(self) -> Operation:
        return self.step.operations[self.index]


class Executor:
    """Carries out one plan against one store, whose lock is held."""

    def __init__(
        self,
        store: ApplyStore,
        applied: AppliedState,
        registry: Registry,
        hooks: Hooks,
        *,
        parallelism: int,
        listener: Listener,
        stop: Stop,
    ) -> None:
        self._store = store
        self._components = dict(applied.components)
        self._pending = dict(applied.pending)
        self._deposed = dict(applied.deposed)
        self._hooks = hooks
        self._listen = listener
        self._stop = stop
        self._workers: Workers[StepKey, ValueMap | HookFailure] = Workers(parallelism)
        self._targets = Targets(registry, applied, self._components, self._deposed, hooks)
        self._changes: list[StateChange] = []
        self._told: list[Event] = []
        self._bad: dict[StepKey, str] = {}
        """Steps that did not succeed, and why those after them are left alone."""
        self._hurt: set[ComponentAddress] = set()
        """The components of these steps."""
        self._to_do: Counter[ComponentAddress] = Counter()
        """How many operations of a component are not done."""
        self._give_up_at: float | None = None
        """When hooks that still run are given up, in `time.monotonic()` seconds; None before the user insists."""
        self._heard = 0
        """How many requests to stop were answered."""
        self._suspends: set[ComponentAddress] = set()
        """Components that the last phase suspends."""
        self.result = ApplyResult(serial=applied.serial)

    def run(self, plan: Plan) -> ApplyResult:
        """Carry out the plan; hooks' failures are in the result.

        Raises:
            StackspecError: the state cannot be written.
        """
        self._stop.wake = lambda: self._workers.tell(lambda: None)
        there = set(self._components)
        self._suspends = {key.address for key in plan.steps if key.phase is Phase.SUSPEND}
        for step in plan.steps.values():
            self._to_do[step.address] += len(step.operations)
        try:
            for phase in Phase:
                self._run_phase([step for step in plan.steps.values() if step.phase is phase])
            self._commit()
        except Exception:
            self._await_hooks()
            raise
        finally:
            self._workers.close()
        self.result.removed = [
            key.address
            for key in plan.steps
            if key == (Phase.TEAR_DOWN, key.address, "") and key.address in there and key not in self._bad
            if StepKey(Phase.BUILD, key.address) in plan.steps and key.address not in self._components
        ]
        return self.result

    def _await_hooks(self) -> None:
        """Wait for the hooks that run, though nothing can be recorded: nobody else may write before they have ended."""
        while self._workers.busy and self._patience() != 0:
            self._workers.wait(self._patience())

    # --- one phase

    def _run_phase(self, steps: list[Step]) -> None:
        keys = {step.key for step in steps}
        waits = {step.key: len([key for key in step.after if key in keys]) for step in steps}
        followers: dict[StepKey, list[Step]] = {}
        for step in steps:
            for key in step.after:
                if key in keys:
                    followers.setdefault(key, []).append(step)
        ready = deque((step, 0) for step in steps if waits[step.key] == 0)
        running: dict[StepKey, _Running] = {}
        while ready or running:
            starting = self._prepare(ready, running, lambda step: _release(step, waits, followers, ready))
            self._commit()
            for one in starting:
                self._start(one)
            if not running:
                continue
            ended, overdue = self._workers.wait(self._patience())
            self._answer_stop(running)
            for key in overdue:
                ended.append((key, HookFailure("SS0601", "the hook did not end in its time")))
            if self._patience() == 0 and not ended:
                self._abandon(running, steps)
                return
            for key, outcome in ended:
                one = running.pop(key)
                if self._settle(one, outcome) and one.index + 1 < len(one.step.operations):
                    ready.appendleft((one.step, one.index + 1))
                else:
                    _release(one.step, waits, followers, ready)

    def _answer_stop(self, running: dict[StepKey, _Running]) -> None:
        if self._heard < (requests := min(self._stop.requests, 2)):
            self._heard = requests
            self._listen(Stopping(tuple(key.address for key in running), self._patience()))

    def _patience(self) -> float | None:
        """Seconds for which hooks are still waited for; None while the user does not insist on stopping."""
        if not self._stop.insisted.is_set():
            return None
        self._give_up_at = self._give_up_at or monotonic() + LAST_WAIT
        return max(0.0, self._give_up_at - monotonic())

    def _prepare(
        self, ready: deque[tuple[Step, int]], running: dict[StepKey, _Running], release: Callable[[Step], None]
    ) -> list[_Running]:
        """Take what is ready and free to start; what needs no hook is done at once."""
        starting: list[_Running] = []
        while ready and len(running) < self._workers.most:
            step, index = ready.popleft()
            reason = self._reason_to_skip(step)
            if reason is not None:
                self._skip(step, reason)
            elif step.operations:
                one = self._begin(step, index)
                if one is not None:
                    running[step.key] = one
                    starting.append(one)
                    continue
                if step.key not in self._bad and index + 1 < len(step.operations):
                    ready.appendleft((step, index + 1))
                    continue
            release(step)
        return starting

    def _reason_to_skip(self, step: Step) -> str | None:
        if self._stop.requested and step.operations:
            return STOPPED
        return next((self._bad[key] for key in step.after if key in self._bad), None)

    def _skip(self, step: Step, reason: str) -> None:
        told = step.address in self._hurt
        self._hurt.add(step.address)
        self._bad[step.key] = reason
        pending = self._deposed.get(step.deposed) if step.deposed else self._pending.get(step.address)
        if pending is not None and pending.failure == NOT_REACHED:
            (self._depose if step.deposed else self._pend)(replace(pending, failure=reason))
        if step.operations and not told:
            self.result.skipped[step.address] = reason
            self._listen(Skipped(step.address, reason))

    def _abandon(self, running: dict[StepKey, _Running], steps: list[Step]) -> None:
        """The user insists: what still runs stays pending, for the next apply to recover; nothing else begins."""
        for one in running.values():
            self._skip(one.step, "still running when the apply was ended")
        for step in steps:
            if step.key not in self._bad and self._to_do[step.address]:
                self._skip(step, STOPPED)

    # --- one operation

    def _begin(self, step: Step, index: int) -> _Running | None:
        """Prepare an operation and record its intent; None where it needs no hook, or cannot begin."""
        operation = step.operations[index]
        if step.deposed:
            return self._begin_removal(step, index)
        component = self._targets.target(step, operation, done=self._next(step, index) is None)
        if isinstance(component, HookFailure):
            self._fail(step, operation, component)
            return None
        unchanged = (
            operation is Operation.UPDATE
            and step.address not in self._pending
            and component.digest == self._components[step.address].digest
        )
        if operation in (Operation.RECORD, Operation.FORGET) or unchanged:
            self._finish(step, index, None if operation is Operation.FORGET else component, 0.0)
            return None
        before = self._components.get(step.address)
        left = self._pending.get(step.address)
        anew = before is not None and before.identity != component.identity
        if anew and before is not None and left is not None and left.component.identity == before.identity:
            # How far the last operation on it has come is told by what is pending now, and by nothing afterwards.
            self._depose(PendingOperation(Operation.DEPROVISION, before, NOT_REACHED))
            del self._components[step.address]
            self._changes.append(Finish(step.address, None))
        self._pend(PendingOperation(operation, component))
        return _Running(step, index, component, monotonic())

    def _begin_removal(self, step: Step, index: int) -> _Running:
        """Begin to remove what another has taken the place of, or what was begun beside the applied one in vain."""
        pending = self._pending.get(step.address)
        assert step.before is not None
        component = self._deposed[step.deposed].component if step.deposed in self._deposed else step.before
        if pending is not None and pending.component.identity == step.deposed:
            self._record(step.address, self._components[step.address])
        self._depose(PendingOperation(step.operations[index], component))
        return _Running(step, index, component, monotonic())

    def _start(self, one: _Running) -> None:
        address, operation, component = one.step.address, one.operation, one.component
        self._listen(Started(address, operation))
        one.started = monotonic()
        deadline = one.started + seconds_for(component, operation.value)
        previous = one.step.before

        def log(line: str) -> None:
            self._workers.tell(lambda: self._listen(Progress(address, line)))

        self._workers.call(
            one.step.key,
            deadline,
            lambda: self._hooks.call(operation, component, previous, deadline, self._stop, log),
        )

    def _settle(self, one: _Running, outcome: ValueMap | HookFailure) -> bool:
        if isinstance(outcome, HookFailure):
            owed = PendingOperation(one.operation, one.component, outcome.message)
            (self._depose if one.step.deposed else self._pend)(owed)
            self._fail(one.step, one.operation, outcome)
            return False
        gone = one.operation is Operation.DEPROVISION
        component = None if gone else replace(one.component, outputs=outcome)
        if component is not None and one.operation in (Operation.PROVISION, Operation.UPDATE, Operation.RESUME):
            component = self._hooks.proved(component)
        self._finish(one.step, one.index, component, monotonic() - one.started)
        return True

    def _finish(self, step: Step, index: int, component: AppliedComponent | None, seconds: float) -> None:
        operation, following = step.operations[index], self._next(step, index)
        self._to_do[step.address] -= 1
        if self._to_do[step.address] == 0:
            self.result.done.append(step.address)
        if step.deposed:
            del self._deposed[step.deposed]
            self._changes.append(Depose(step.deposed, None))
        else:
            self._record(step.address, component)
        if component is not None and following is not None:
            suspended = following is Operation.SUSPEND
            self._pend(PendingOperation(following, replace(component, suspended=suspended), NOT_REACHED))
        if operation is not Operation.RECORD:
            self._told.append(Succeeded(step.address, operation, seconds))

    def _next(self, step: Step, index: int) -> Operation | None:
        """The operation that this plan has for the component once this one is done."""
        if index + 1 < len(step.operations):
            return step.operations[index + 1]
        building = step.phase is Phase.BUILD
        return Operation.SUSPEND if building and step.address in self._suspends else None

    def _record(self, address: ComponentAddress, component: AppliedComponent | None) -> None:
        """The component is this one now; another one that was there is deposed in the same commit."""
        before = self._components.get(address)
        if component is None:
            self._overwrite_pending(address, before)
            self._components.pop(address, None)
        else:
            self._overwrite_pending(address, component)
            if before is not None and before.identity != component.identity:
                self._depose(PendingOperation(Operation.DEPROVISION, before, NOT_REACHED))
            self._components[address] = component
        self._changes.append(Finish(address, component))

    def _overwrite_pending(self, address: ComponentAddress, component: AppliedComponent | None) -> None:
        """Let go of what is pending; if only that tells of what was begun beside the component, this is owed then."""
        pending = self._pending.pop(address, None)
        applied = self._components.get(address)
        if pending is None or applied is None or component is None:
            return
        if pending.component.identity not in (applied.identity, component.identity):
            self._depose(PendingOperation(Operation.DEPROVISION, pending.component, NOT_REACHED))

    def _depose(self, removal: PendingOperation) -> None:
        self._deposed[removal.component.identity] = removal
        self._changes.append(Depose(removal.component.identity, removal))

    def _pend(self, pending: PendingOperation) -> None:
        self._overwrite_pending(pending.component.address, pending.component)
        self._pending[pending.component.address] = pending
        self._changes.append(Begin(pending))

    def _fail(self, step: Step, operation: Operation, failure: HookFailure) -> None:
        self._bad[step.key] = f"{step.address} failed"
        self._hurt.add(step.address)
        place = step.desired.place() if step.desired else None
        message = f"{step.address}: {operation} failed: {failure.message}"
        self.result.failed.append(Diagnostic(failure.code, message, place, failure.hint))
        self._told.append(Failed(step.address, operation, failure.message))

    def _commit(self) -> None:
        """Write what has come together, and only then tell of it."""
        if self._changes:
            self.result.serial = self._store.commit(self._changes)
            self._changes = []
        told, self._told = self._told, []
        for event in told:
            self._listen(event)


def _release(
    step: Step, waits: dict[StepKey, int], followers: dict[StepKey, list[Step]], ready: deque[tuple[Step, int]]
) -> None:
    for follower in followers.get(step.key, ()):
        waits[follower.key] -= 1
        if waits[follower.key] == 0:
            ready.append((follower, 0))
