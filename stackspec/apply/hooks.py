"""One hook called: the flavor built from data, its result or failure as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic

from stackspec.apply.retry import Again, Retries, Wait, call
from stackspec.apply.stop import Stop
from stackspec.core.diagnostic import StackspecError
from stackspec.core.expression import Sealed
from stackspec.core.fields import plain
from stackspec.core.frozen import dataclass
from stackspec.core.secret import Redactor
from stackspec.core.values import Value, ValueMap, canonical, contains_sealed, value_at
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookContext, HookError, Observation, allowed_place
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.manifest.schema import ConfigCheckers
from stackspec.plan.outputs import Seal, unsealable
from stackspec.sealing.sealer import Sealer
from stackspec.state.local_folder import LocalFolder
from stackspec.state.model import AppliedComponent, Operation

TIMEOUTS: Mapping[str, float] = {
    "observe": 30.0,
    "provision": 600.0,
    "update": 600.0,
    "deprovision": 300.0,
    "suspend": 120.0,
    "resume": 600.0,
}
"""Hook to the seconds it may take where the manifest says nothing under `timeouts`."""


_LONG = 3e8
"""Seconds that what runs on a stack may use a component for: ten years."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where hooks work.

    Attributes:
        root: The project's root, absolute.
        local: Where each component has a folder of its own.
        lineage: Of the state that the components are in.
    """

    root: Path
    local: LocalFolder
    environment: str
    allowed_paths: tuple[Path, ...] = ()
    lineage: str = ""


@dataclass(frozen=True, slots=True)
class HookFailure:
    """Why a hook failed: the code of its diagnostic, a headline, and what to do."""

    code: str
    message: str
    hint: str | None = None


def seconds_for(component: AppliedComponent, hook: str) -> float:
    """How long a hook of the component may take."""
    return component.timeouts.get(hook, TIMEOUTS[hook])


class Hooks:
    """The hooks of one environment's components.

    Args:
        wait: How to wait before a hook that failed for a reason that may pass is called again.
        sealer: Opens what is sealed; None where nothing is.
    """

    def __init__(self, registry: Registry, place: Place, wait: Wait = Event.wait, sealer: Sealer | None = None) -> None:
        self._registry = registry
        self._place = place
        self._wait = wait
        self._sealer = sealer
        self._checkers = ConfigCheckers()
        self.seal: Seal = sealer.seal if sealer is not None else unsealable
        """Makes of values with secrets in them what state may hold."""
        self.keep: Callable[[Value], Value] = sealer.keeping if sealer is not None else lambda value: value
        """Keeps the secrets in a value as they are now."""
        self.proved: Callable[[AppliedComponent], AppliedComponent] = sealer.proved if sealer else lambda one: one
        """Makes a component what may be recorded of it."""
        self.holds: Callable[[AppliedComponent], bool] = sealer.holds if sealer else lambda _one: True
        """Whether a recorded component is as it was recorded."""

    def at_work(self, component: AppliedComponent) -> Flavor:
        """A component that is applied, for what runs on a stack to use; it has as long as it likes.

        Raises:
            StackspecError: a secret of its config has no value here.
            PluginError: its class cannot be used.
        """
        return self._flavor(component, monotonic() + _LONG, Event(), lambda _line: None)

    def _flavor(
        self, component: AppliedComponent, deadline: float, cancelled: Event, log: Callable[[str], None]
    ) -> Flavor:
        address = component.address
        cls = self._registry.flavor(address.type, component.flavor)
        spec = self._registry.spec(address.type, component.flavor)
        opened = self._sealer.config(component) if self._sealer else component.config
        # State may hold fields of an older version of the flavor.
        written = {name: value for name, value in opened.items() if name in spec.schema["properties"]}
        config = cls.Config.from_value(written)
        made = Redactor()
        for text in _texts_made_of_secrets(component.config, opened):
            made.add(text)
        context = HookContext(
            address=address,
            identity=component.identity,
            environment=self._place.environment,
            lineage=self._place.lineage,
            root=self._place.root,
            data_dir=self._place.local.component(self._place.environment, *(component.home or address)),
            outputs=self._outputs(component),
            deadline=deadline,
            allowed_paths=self._place.allowed_paths,
            cancelled=cancelled,
            log=lambda line: log(self._hidden(line)),
            tells_secret=made.tells,
        )
        return cls(config, context)

    def misfit(self, component: AppliedComponent) -> HookFailure | None:
        """What is wrong with a config that only now is known: with what outputs and secrets make of it.

        Raises:
            StackspecError: a secret has no value here.
        """
        spec = self._registry.spec(component.address.type, component.flavor)
        config: ValueMap = self._sealer.opened(component.config) if self._sealer else component.config
        for problem in self._checkers.of(spec).check(config):
            if contains_sealed(value_at(component.config, problem.path)):
                return HookFailure(problem.code, f"with its secrets, {problem.message}")
            return HookFailure(problem.code, f"with the outputs known now, {problem.message}", problem.hint)
        for name in sorted(spec.paths):
            if isinstance(text := config.get(name), str):
                try:
                    allowed_place(self._place.root, text, self._place.allowed_paths)
                except HookError as error:
                    return self._failure(error, component)
        return None

    def _outputs(self, component: AppliedComponent) -> ValueMap:
        """What the last hook returned, without what was kept under a key that is lost: no hook can rely on outputs."""
        if self._sealer is None:
            return component.outputs
        try:
            return self._sealer.outputs(component)
        except StackspecError:
            return {name: value for name, value in component.outputs.items() if not contains_sealed(value)}

    def _kept(self, outputs: ValueMap, component: AppliedComponent) -> ValueMap:
        """Outputs as state may hold them: what is marked as sensitive, or tells a secret, is encrypted."""
        marked = self._registry.spec(component.address.type, component.flavor).sensitive_outputs
        sealer = self._sealer
        if sealer is None:
            return outputs
        return {
            name: sealer.encrypted(component.identity, value)
            if value is not None and (name in marked or sealer.redactor.tells(value))
            else value
            for name, value in outputs.items()
        }

    def _seen(self, seen: Observation, component: AppliedComponent) -> Observation:
        """What was seen, as plans may hold it."""
        sealer = self._sealer
        if sealer is None:
            return seen
        recorded = {name: component.config.get(name) for name in seen.fields}
        fields = {
            name: sealer.as_seen(component.identity, recorded[name], value) for name, value in seen.fields.items()
        }
        for name, value in seen.fields.items():
            if contains_sealed(recorded[name]):  # what stands there instead of a secret may be one as well
                sealer.redactor.add(value)
        return replace(seen, detail=sealer.redactor.hidden(seen.detail), fields=fields)

    def call(
        self,
        operation: Operation,
        component: AppliedComponent,
        previous: AppliedComponent | None,
        deadline: float,
        stop: Stop,
        log: Callable[[str], None],
    ) -> ValueMap | HookFailure:
        """Call the hook of an operation: the outputs that hold afterwards, or why it failed. Never raises.

        A hook that failed for a reason that may pass is called again, until its deadline or a request to stop.

        Args:
            previous: For an update, the component as it was.
        """

        def once(what: Operation) -> ValueMap:
            flavor = self._flavor(component, deadline, stop.insisted, log)
            match what:
                case Operation.PROVISION:
                    return self._kept(_checked(flavor.provision(), flavor), component)
                case Operation.UPDATE:
                    assert previous is not None
                    try:
                        former = self._flavor(previous, deadline, stop.insisted, log)
                    except StackspecError:
                        # A secret that it was made with is gone: from what to what it changes cannot be told.
                        return self._kept(_checked(flavor.provision(), flavor), component)
                    return self._kept(_checked(flavor.update(former), flavor), component)
                case Operation.RESUME:
                    return self._kept(_checked(flavor.resume(), flavor), component)
                case Operation.SUSPEND:
                    flavor.suspend()
                case Operation.DEPROVISION:
                    flavor.deprovision()
                case _:
                    raise TypeError(f"{what} is not a hook")
            return component.outputs

        def tell(again: Again) -> None:
            why = self._failure(again.error, component).message
            log(f"{operation} failed: {why}; trying again in {again.seconds:.0f} s ({again.call} of {again.most})")

        # Whatever an update that failed has changed, nobody knows from which config on another would have to work.
        repeated = Operation.PROVISION if operation is Operation.UPDATE else operation
        try:
            retries = Retries(self._retries(component), deadline, stop.asked, tell, self._wait)
            return call(lambda: once(operation), lambda: once(repeated), self._is_transient(component), retries)
        except BaseException as error:  # a library that exits or cancels must not take the apply with it
            return self._failure(error, component)

    def observe(self, component: AppliedComponent, cancelled: Event) -> Observation | HookFailure:
        """Look at a component, again where that fails for a reason that may pass; never raises."""
        deadline = monotonic() + seconds_for(component, "observe")

        def once() -> Observation:
            return self._seen(self._flavor(component, deadline, cancelled, lambda _line: None).observe(), component)

        try:
            retries = Retries(self._retries(component), deadline, cancelled, wait=self._wait)
            return call(once, once, self._is_transient(component), retries)
        except BaseException as error:
            return self._failure(error, component)

    def _retries(self, component: AppliedComponent) -> int:
        return self._registry.flavor(component.address.type, component.flavor).retries

    def _is_transient(self, component: AppliedComponent) -> Callable[[BaseException], bool]:
        kinds = self._registry.flavor(component.address.type, component.flavor).transient
        return lambda error: error.transient if isinstance(error, HookError) else isinstance(error, kinds)

    def _failure(self, error: BaseException, component: AppliedComponent) -> HookFailure:
        if isinstance(error, HookError):
            return HookFailure("SS0601", self._hidden(error.message), error.hint and self._hidden(error.hint))
        if isinstance(error, StackspecError):
            (first, *_) = error.diagnostics
            return HookFailure(first.code, self._hidden(first.message), first.hint and self._hidden(first.hint))
        if isinstance(error, PluginError):
            return HookFailure("SS0504", error.message, error.hint)
        if isinstance(error, KeyError) and not self._registry.knows(component.address.type, component.flavor):
            return HookFailure("SS0504", f"the flavor '{component.flavor}' is not installed")
        if isinstance(error, ModuleNotFoundError):
            extra = self._registry.spec(component.address.type, component.flavor).extra
            hint = f"run: pip install 'stackspec[{extra}]'" if extra else None
            return HookFailure("SS0602", f"the Python package '{self._hidden(str(error.name))}' is not installed", hint)
        return HookFailure("SS0601", f"{type(error).__name__}: {self._hidden(str(error))}")

    def _hidden(self, text: str) -> str:
        return self._sealer.redactor.hidden(text) if self._sealer else text


def _texts_made_of_secrets(sealed: Value, opened: Value) -> Iterator[str]:
    """What is sealed in a value, as it is once opened; what is no text, such as a port, as it is written."""
    if isinstance(sealed, Sealed):
        yield opened if isinstance(opened, str) else canonical(opened)
    elif isinstance(sealed, Mapping) and isinstance(opened, Mapping):
        for key, item in sealed.items():
            yield from _texts_made_of_secrets(item, opened[key])
    elif isinstance(sealed, list) and isinstance(opened, list):
        for pair in zip(sealed, opened, strict=True):
            yield from _texts_made_of_secrets(*pair)


def _checked(outputs: FlavorOutputs, flavor: Flavor) -> ValueMap:
    if not isinstance(outputs, FlavorOutputs):
        raise HookError(f"the hook returned a {type(outputs).__name__}, not the outputs of {flavor.flavor}")
    values: ValueMap = plain(outputs)
    try:
        canonical(values)
    except (TypeError, ValueError, RecursionError) as error:
        raise HookError(f"the hook returned what is no value that can be kept: {error}") from error
    return values
