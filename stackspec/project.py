"""A project: the edges wired together, and the Python API of what the commands do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, did_you_mean, has_errors, in_order
from stackspec.core.expression import Expression, Sealed
from stackspec.core.frozen import dataclass
from stackspec.core.layout import in_environment
from stackspec.core.values import ValueMap, contains_sealed
from stackspec.flavors.registry import Registry
from stackspec.manifest.model import EnvironmentSpec
from stackspec.manifest.source import find_root
from stackspec.plan.model import Found, Plan
from stackspec.plan.planner import make_plan
from stackspec.plan.request import MANIFESTS, Request
from stackspec.plan.selection import Reach, Selection
from stackspec.plan.situation import Situation
from stackspec.sources import Sources
from stackspec.stack.declared import environment_settings
from stackspec.stack.model import DesiredState, Environment
from stackspec.state.backend import Backend, backend_of
from stackspec.state.local_folder import LocalFolder
from stackspec.state.model import AppliedComponent, AppliedState, Operation
from stackspec.state.moves import Moves, move_changes, moved, wanted_moves
from stackspec.state.store import Protect, StateStore

if TYPE_CHECKING:
    from stackspec.apply.events import Listener
    from stackspec.apply.executor import ApplyResult
    from stackspec.apply.hooks import HookFailure, Hooks
    from stackspec.apply.stop import Stop
    from stackspec.flavors.contract import Observation
    from stackspec.plan.drift import Drift
    from stackspec.project_secrets import ProjectSecrets
    from stackspec.state.run import Run
    from stackspec.state.suspension import Suspensions


_REMOVE = "declare it, here or by -f; or, for all that it holds to go: stackspec destroy -e {}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made from."""

    plan: Plan
    desired: DesiredState
    applied: AppliedState
    diagnostics: tuple[Diagnostic, ...] = ()
    request: Request = MANIFESTS

    @property
    def is_forbidden(self) -> bool:
        """Whether a policy refuses it, as an error among the diagnostics says."""
        return has_errors(self.diagnostics)


class Project(Sources):
    """One project on disk: what its files say, what is applied, and the way from one to the other."""

    @cached_property
    def warnings(self) -> list[Diagnostic]:
        """What went wrong beside what was asked for, which was done all the same; in the order in which it did."""
        return []

    @cached_property
    def local(self) -> LocalFolder:
        """What this checkout has for itself alone."""
        return LocalFolder(self.root)

    @cached_property
    def secrets(self) -> ProjectSecrets:
        """The values of its secrets."""
        from stackspec.project_secrets import ProjectSecrets

        return ProjectSecrets(self, self.local)

    @classmethod
    def open(
        cls,
        start: Path | str = ".",
        files: Sequence[str] = (),
        registry: Registry | None = None,
        named: Sequence[str] = (),
        *,
        untrusted: bool = False,
    ) -> Project:
        """The project around a folder.

        Raises:
            StackspecError: there is none.
        """
        return cls(find_root(Path(start)), files, registry, named, untrusted=untrusted)

    def without(self, files: Collection[str]) -> Project:
        """The same project, of which some files, from the root, stay unread."""
        return Project(self.root, registry=self._registry, skipped=files)

    def reopened(self) -> Project:
        """The same project as its files are now."""
        return Project(self.root, self.files, self._registry, self._named, untrusted=self.untrusted)

    @property
    def active_stack(self) -> str | None:
        """The stack that was chosen in this clone, while there is one of the name."""
        chosen = self.local.active_stack
        return chosen if chosen in self.loaded.declarations.stacks else None

    def activate(self, stack: str) -> None:
        """Choose a stack as the active one of this clone.

        Raises:
            StackspecError: there is none of this name, or the choice cannot be written.
        """
        known = self.loaded.declarations.stacks
        if stack not in known:
            hint = did_you_mean(stack, known)
            raise StackspecError.of("SS0502", f"there is no stack '{stack[:80]}'", hint=hint)
        self.local.prepare()
        self.local.activate(stack)

    def selected_stack(self) -> str:
        """The active stack; where none was chosen, the only one there is.

        Raises:
            StackspecError: none was chosen, and there is not one alone.
        """
        known = self.loaded.declarations.stacks
        if chosen := self.active_stack:
            return chosen
        if gone := self.local.active_stack:
            hint = f"choose another: stackspec stack set NAME, of {', '.join(known)}"
            raise StackspecError.of("SS0502", f"the active stack '{gone[:80]}' is declared no more", hint=hint)
        if len(known) == 1:
            return next(iter(known))
        hint = f"choose one: stackspec stack set NAME, of {', '.join(known)}" if known else "declare one first"
        raise StackspecError.of("SS0502", f"no stack is the active one, and there are {len(known)}", hint=hint)

    def environment(self, wanted: str | None, *, applied: bool = False) -> str:
        """The name of the environment to work on.

        Args:
            applied: Whether one that is declared no more will do, as long as it has a state.

        Raises:
            StackspecError: it is not declared, or none is selected among several.
        """
        selected = self.loaded.declarations.select(wanted)
        if not isinstance(selected, Diagnostic):
            return selected
        if wanted is not None and not self.untrusted and wanted in self._undeclared_states():
            if applied:
                return wanted
            known = ", ".join(self.loaded.declarations.environments) or "none"
            hint = f"the manifests given by -f declare: {known}" if self.files else _REMOVE.format(wanted)
            raise StackspecError([dataclasses.replace(selected, hint=hint)])
        raise StackspecError([selected])

    def _undeclared_states(self) -> list[str]:
        """The environments that are declared no more and still have a state, though it may be empty."""
        declared = self.loaded.declarations.environment_names
        return [name for name in self._backend.environments() if name not in declared]

    def store(self, environment: str) -> StateStore:
        """The store of an environment's applied state.

        Raises:
            StackspecError: the Project's manifest is wrong, so that it is not known where state is kept.
        """
        return self._backend.store(environment)

    def prepare(self) -> None:
        """Make the folder of what is kept locally, unknown to git.

        Raises:
            StackspecError: it cannot be made.
        """
        self.local.prepare()

    def suspensions(self, environment: str) -> Suspensions:
        """What is kept beside an environment's state of whether it is reconciled. Raises as `store`."""
        return self._backend.suspensions(environment)

    @cached_property
    def _backend(self) -> Backend:
        wrong = self.loaded.wrong_settings
        if wrong:
            raise StackspecError(in_order(wrong))
        return backend_of(self.settings.state, self.local.states, self.warnings.append)

    def declares_protected(self, environment: str) -> bool:
        """Whether the manifests say that an environment is protected."""
        return environment_settings(self.loaded.declarations.environments.get(environment)).protected

    def was_protected(self, environment: str) -> bool:
        """Whether an environment was protected when it was last applied; False where its state cannot tell.

        Raises:
            StackspecError: the state cannot be reached.
        """
        try:
            return self.store(environment).read().protected
        except StackspecError as error:
            if any(one.code not in ("SS0701", "SS0702") for one in error.diagnostics):
                raise
            return False

    def push(self, environment: str, text: str, *, force: bool = False) -> int:
        """Have an exported state in the place of an environment's; the serial that it gets.

        Args:
            force: Whether it may be of another lineage than the state that is there or was last seen, or older.

        Raises:
            StackspecError: the text is no state, or another environment's or lineage's; or it cannot be written.
        """
        from stackspec.state.by_hand import pushable

        store = self.store(environment)
        state = pushable(text, environment, store, force=force)
        if self.was_protected(environment):
            state = dataclasses.replace(state, protected=True)  # only an apply takes that off
        self.local.prepare()
        return store.push(state, self.run_for("state push"))

    def move(self, environment: str, moves: Moves, timeout: float = 0.0) -> int:
        """Give applied components other addresses; the new serial.

        Args:
            timeout: Seconds to wait for another writer.

        Raises:
            StackspecError: an address is not in the state, or the new one is, or is of another type.
        """
        from stackspec.state.by_hand import move

        self.local.prepare()
        return move(self.store(environment), moves, self.run_for("state mv"), timeout)

    def forget(self, environment: str, addresses: Sequence[ComponentAddress], timeout: float = 0.0) -> int:
        """Have components be in the state no more, without a hook; the new serial.

        Args:
            timeout: Seconds to wait for another writer.

        Raises:
            StackspecError: one of them is not in the state.
        """
        from stackspec.state.by_hand import forget

        self.local.prepare()
        return forget(self.store(environment), addresses, self.run_for("state rm"), timeout)

    def wait_for_writer(self, environment: str | None, timeout: float) -> None:
        """Wait until nobody writes the state of an environment, so that what is planned then can be applied.

        Args:
            timeout: Seconds.

        Raises:
            StackspecError: somebody still does at the end; the diagnostic says who.
        """
        self.store(self.environment(environment, applied=True)).wait(timeout)

    def plan(
        self,
        environment: str | None = None,
        request: Request = MANIFESTS,
        *,
        check: Callable[[DesiredState, AppliedState], None] = lambda _desired, _applied: None,
    ) -> Planned:
        """What an apply would do.

        Args:
            check: Called before anything is decided; what it raises ends the planning.

        Raises:
            StackspecError: the manifests are wrong, the state cannot be read, or a rule forbids the plan.
        """
        selection = request.selection
        name = self.environment(environment, applied=selection.destroy or not request.from_manifests)
        if request.from_manifests:
            desired, diagnostics = self._desired_of(name)
            applied = AppliedState(name) if self.untrusted else self.store(name).read()
        else:
            applied, diagnostics = self.store(name).read(), []
            desired = self._desired_then(applied, request.serial)
        if request.run_state is not None:
            from stackspec.plan.past import with_run_state

            desired = with_run_state(desired, applied, selection, suspended=request.run_state == "suspended")
        if self.untrusted:
            plan = make_plan(Situation(desired, applied, self.spec, selection))
            diagnostics += self._judged(plan, desired, applied)
            return Planned(plan, desired, applied, tuple(in_order(diagnostics)), request)
        check(desired, applied)
        return self.plan_between(desired, applied, diagnostics, request)

    def plan_between(
        self, desired: DesiredState, applied: AppliedState, diagnostics: list[Diagnostic], request: Request = MANIFESTS
    ) -> Planned:
        """What an apply would do to bring an applied to a desired state.

        Args:
            diagnostics: What is known to be wrong.

        Raises:
            StackspecError: a rule forbids the plan, or what it needs to know cannot be found out.
        """
        name, selection = applied.environment, request.selection
        diagnostics = [*diagnostics, *self._left_behind(name)]
        may_be_empty = request.allow_empty or selection.destroy or not request.from_manifests
        if not desired.components and not applied.is_empty and not may_be_empty:
            count = len(applied.addresses)
            raise StackspecError.of(
                "SS0503",
                f"the manifests declare no component, and the state of '{name}' holds {count}",
                hint="check the directory; to delete them all use 'stackspec destroy' or --allow-empty",
            )
        moves = wanted_moves(applied, {one.address: one.moved for one in desired.components.values() if one.moved})
        applied = moved(applied, moves) if moves else applied
        seen: dict[ComponentAddress, Observation] = {}
        if request.refresh:
            chosen = Reach(selection, desired, applied).selected([])
            looked_at = {address: one for address, one in applied.components.items() if address in chosen}
            seen, unseen = self._seen(dataclasses.replace(applied, components=looked_at))
            diagnostics += unseen
        if desired.secrets and not selection.destroy:
            selected = Reach(selection, desired, applied).selected([])
            needing = [one for one in desired.components.values() if one.address in selected]
            self.secrets.read_needed(desired, needing)
        lost: frozenset[ComponentAddress] = frozenset()
        if proved := [one for one in applied.known_components if one.proof]:
            lost, key_lost = self.secrets.lost(name, proved)
            diagnostics += key_lost
        found = self._found(desired, applied, selection)

        def seal(identity: str, expression: Expression) -> Sealed:
            return self.secrets.sealer(name).seal(identity, expression)

        situation = Situation(desired, applied, self.spec, selection, seen, found, seal, lost)
        plan = dataclasses.replace(make_plan(situation), moves=moves)
        said = desired.environment.settings.protected
        if request.from_manifests and not selection.destroy and said != applied.protected:
            plan = dataclasses.replace(plan, protection=said)
        steps = [step for step in plan.steps.values() if Operation.DEPROVISION in step.operations]
        if sealed := [step.before for step in steps if step.before and contains_sealed(step.before.config)]:
            self.secrets.read_to_remove(name, sealed)
        diagnostics += self._judged(plan, desired, applied)
        return Planned(plan, desired, applied, tuple(in_order(diagnostics)), request)

    def plan_since(self, revision: str, environment: str | None = None, request: Request = MANIFESTS) -> Planned:
        """What an apply would do to what differs from where the checkout went apart from a revision of git.

        Args:
            request: What else is asked of it; of what the manifests say, not of what was applied.

        Raises:
            StackspecError: there is no such revision; manifests were given by name; or as `plan`.
        """
        from stackspec.changed_since import changed_since

        if self.files:
            hint = "leave -f out, or --changed-since"
            raise StackspecError.of("SS0901", "files given by -f have no past to compare them with", hint=hint)
        name = self.environment(environment)
        desired, diagnostics = self._desired_of(name)
        since = changed_since(self, revision, name, desired)
        changed = None if since.affected is None else tuple(sorted(since.affected))
        limited = dataclasses.replace(request, selection=dataclasses.replace(request.selection, changed=changed))
        planned = self.plan_between(desired, self.store(name).read(), diagnostics, limited)
        limits = since.limits(planned.plan, planned.desired, planned.applied)
        plan = dataclasses.replace(planned.plan, since=limits)
        return dataclasses.replace(planned, plan=plan, diagnostics=(*since.warnings, *planned.diagnostics))

    def _judged(self, plan: Plan, desired: DesiredState, applied: AppliedState) -> list[Diagnostic]:
        """What policies say of a plan.

        Raises:
            StackspecError: one of them is wrong.
        """
        policies, wrong = self.policies
        if has_errors(wrong):
            raise StackspecError(in_order(wrong))
        if not policies:
            return wrong
        from stackspec.policy.judge import judge_plan

        return [*wrong, *judge_plan(plan, desired, applied, policies)]

    def desired(self, environment: str | None = None) -> DesiredState:
        """What the manifests want of an environment.

        Raises:
            StackspecError: they are wrong.
        """
        return self._desired_of(self.environment(environment))[0]

    def variables(
        self,
        stack: str | None,
        environment: str | None = None,
        run: Mapping[str, str] | None = None,
        *,
        secrets: bool = True,
    ) -> dict[str, str]:
        """The variables of what runs on a stack; with secrets, for a child's environment and nothing else.

        Args:
            stack: Its name; None for the active one, or the only one.
            run: Variables of this run, which win over the stack's, and secrets over them.

        Raises:
            StackspecError: the manifests are wrong, there is no such stack, or a secret has no value here.
        """
        from stackspec.apply.handover import variables

        desired = self.desired(environment)
        name = desired.environment.name
        stack = stack or self.active_stack
        if stack is None and len(desired.stacks) != 1:
            hint = f"name one by --stack: {', '.join(desired.stacks)}" if desired.stacks else None
            raise StackspecError.of("SS0502", f"there are {len(desired.stacks)} stacks in '{name}'", hint=hint)
        wanted = stack or next(iter(desired.stacks))
        if wanted not in desired.stacks:
            message = f"there is no stack '{wanted[:80]}' in the environment '{name}'"
            place, hint = None, did_you_mean(wanted, desired.stacks)
            if elsewhere := self.loaded.declarations.stacks.get(wanted):
                place = elsewhere.span(("spec", "deploy_to"))
                others = ", ".join(elsewhere.spec["deploy_to"])
                hint = f"it is in {others}: select one by -e, or add '{name}' to its deploy_to"
            raise StackspecError([Diagnostic("SS0502", message, place, hint)])
        applied, sealer = self.store(name).read(), self.secrets.sealer(name)
        return variables(desired.stacks[wanted], desired, applied, sealer, self.spec, run or {}, secrets=secrets)

    def outputs(self, address: ComponentAddress, environment: str | None, *, reveal: bool) -> ValueMap:
        """What a component gives to others, a sensitive output as `HIDDEN`.

        Args:
            reveal: Whether sensitive ones are opened.

        Raises:
            StackspecError: it is not applied, or was kept under a key that is lost.
        """
        name = self.environment(environment, applied=True)
        component = self.store(name).read().components.get(address)
        if component is None:
            raise StackspecError.of(
                "SS0705", f"{address} is not in the state", hint=f"see: {in_environment('stackspec state list', name)}"
            )
        if reveal:
            return self.secrets.sealer(name).outputs(component)
        return {key: str(value) if isinstance(value, Sealed) else value for key, value in component.outputs.items()}

    def _desired_then(self, applied: AppliedState, serial: int | None) -> DesiredState:
        """What is wanted of an environment where it is to be as it was at a serial, or as it is now.

        Raises:
            StackspecError: as `desired_then`, or whether something with secrets was so nobody can tell.
        """
        from stackspec.plan.past import desired_then

        name = applied.environment
        environment = Environment(name, environment_settings(self.loaded.declarations.environments.get(name)))
        then = self.store(name).read_at(serial) if serial is not None else applied
        sealed = [one for one in then.components.values() if contains_sealed(one.config)]
        if sealed and (problems := self.secrets.not_to_bring_back(name, sealed)):
            raise StackspecError(problems)
        return desired_then(then, applied, environment, self.spec)

    def _desired_of(self, environment: str) -> tuple[DesiredState, list[Diagnostic]]:
        """What is wanted of an environment, and the warnings of that; nothing of one that is declared no more.

        Raises:
            StackspecError: the manifests are wrong.
        """
        if environment not in self.loaded.declarations.environment_names:
            return DesiredState(Environment(environment, EnvironmentSpec()), {}, {}), []
        desired, diagnostics = self.compile(environment)
        if has_errors(diagnostics):
            raise StackspecError(in_order(diagnostics))
        return desired, diagnostics

    def _seen(self, applied: AppliedState) -> tuple[dict[ComponentAddress, Observation], list[Diagnostic]]:
        """What components really are, and a warning for each that could not be looked at."""
        from stackspec.flavors.contract import Observation

        found = self.observe(applied)
        seen = {address: one for address, one in found.items() if isinstance(one, Observation)}
        unseen = [
            Diagnostic("SS0610", f"{address} could not be looked at: {one.message}", None, one.hint, Severity.WARNING)
            for address, one in found.items()
            if not isinstance(one, Observation)
        ]
        return seen, unseen

    def _found(
        self, desired: DesiredState, applied: AppliedState, selection: Selection
    ) -> dict[ComponentAddress, Found]:
        """What exists of the components that are to be imported.

        Raises:
            StackspecError: one of them does not exist, or is another's.
        """
        marked = [one for one in desired.components.values() if one.imported or one.address in selection.adopt]
        wanted = [one for one in marked if one.address not in applied.components]
        if wanted and selection.is_limited:
            selected = Reach(selection, desired, applied).selected([])
            wanted = [one for one in wanted if one.address in selected]
        if applied_already := [address for address in selection.adopt if address in applied.components]:
            hint = "there is nothing to take over; see: stackspec drift"
            raise StackspecError(
                [Diagnostic("SS0506", f"{one} is applied already", hint=hint) for one in applied_already]
            )
        if not wanted or selection.destroy:
            return {}
        from stackspec.apply.adopt import find

        hooks = self.hooks(applied.environment, applied.lineage)
        found, problems = find(wanted, applied, hooks, force=selection.force)
        if problems:
            raise StackspecError(problems)
        return found

    def drift(self, environment: str | None = None) -> tuple[AppliedState, list[Drift], list[Diagnostic]]:
        """How what is really there differs from what was applied.

        Returns:
            The applied state, what differs, and an error for each component that could not be looked at.

        Raises:
            StackspecError: the state cannot be read.
        """
        from stackspec.plan.drift import drift_of

        applied = self.store(self.environment(environment, applied=True)).read()
        seen, unseen = self._seen(applied)
        found = (
            drift_of(applied.components[address], one, self.spec(address.type, applied.components[address].flavor))
            for address, one in sorted(seen.items(), key=lambda each: each[0])
        )
        errors = [dataclasses.replace(one, severity=Severity.ERROR) for one in unseen]
        return applied, [one for one in found if one is not None], errors

    def _left_behind(self, selected: str) -> list[Diagnostic]:
        """A warning for each environment that is declared no more and still holds components, or may: it is damaged.

        None where manifests were given by name: there may be others that declare it.
        """
        if self.files:
            return []
        others = (name for name in self._undeclared_states() if name != selected)
        return [warning for name in others for warning in self._left_in(name)]

    def _left_in(self, environment: str) -> list[Diagnostic]:
        try:
            count = len(self.store(environment).read().addresses)
        except StackspecError as error:
            return [dataclasses.replace(one, severity=Severity.WARNING) for one in error.diagnostics]
        message = f"no Environment '{environment}' is declared, and {count} of its components are still there"
        hint = _REMOVE.format(environment)
        return [Diagnostic("SS0706", message, None, hint, Severity.WARNING)] if count else []

    def apply(
        self,
        planned: Planned,
        *,
        purpose: str = "apply",
        parallelism: int = 10,
        listener: Listener = lambda _event: None,
        stop: Stop | None = None,
    ) -> ApplyResult:
        """Carry out a plan; what hooks could not do is in the result.

        Args:
            purpose: What others are told that the state is locked for.

        Raises:
            StackspecError: a policy forbids the plan; the state is locked, changed since the plan, or cannot be
                written; or what hooks import is not installed.
        """
        from stackspec.apply.executor import Executor
        from stackspec.apply.installed import not_installed
        from stackspec.apply.stop import Stop as NewStop

        plan = planned.plan
        if planned.is_forbidden:
            raise StackspecError(planned.diagnostics)
        if lacking := not_installed(plan, self.registry):
            raise StackspecError(lacking)
        store = self.store(plan.environment.name)
        self.local.prepare()
        with store.lock(self.run_for(purpose)):
            applied = store.read()
            if applied.serial != plan.serial or plan.lineage not in ("", applied.lineage):
                raise StackspecError.of("SS0606", "the state changed after the plan was made", hint="plan again")
            first = list(move_changes(applied, plan.moves)) if plan.moves else []
            if plan.protection is not None:
                first.append(Protect(plan.protection))
            if first:
                serial = store.commit(first)
                applied = dataclasses.replace(moved(applied, plan.moves), serial=serial)
            self.secrets.keep_key()
            hooks = self.hooks(plan.environment.name, applied.lineage)
            self.secrets.read_recorded(
                applied.environment, [step.before for step in plan.steps.values() if step.before]
            )
            real = dataclasses.replace(applied, components={**applied.components, **plan.real})
            executor = Executor(
                store, real, self.registry, hooks, parallelism=parallelism, listener=listener, stop=stop or NewStop()
            )
            return executor.run(plan)

    def run_for(self, purpose: str) -> Run:
        """A run of this process, at the commit that is checked out."""
        from stackspec.checkout import checked_out
        from stackspec.state.run import Run

        return Run.of_this_process(purpose, checked_out(self.root))

    def observe(self, applied: AppliedState) -> dict[ComponentAddress, Observation | HookFailure]:
        """What each applied component really is."""
        from stackspec.apply.observe import observe

        components: list[AppliedComponent] = list(applied.components.values())
        self.secrets.read_recorded(applied.environment, components)
        return observe(components, self.hooks(applied.environment, applied.lineage))

    def hooks(self, environment: str, lineage: str = "") -> Hooks:
        """The hooks of an environment's components."""
        from stackspec.apply.hooks import Hooks, Place

        allowed = tuple(Path(path) for path in self.settings.allowed_paths)
        place = Place(self.root, self.local, environment, allowed, lineage)
        return Hooks(self.registry, place, sealer=self.secrets.sealer(environment))
