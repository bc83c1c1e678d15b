"""What the components of a stack ask of each other, checked before anything is made."""

from __future__ import annotations

from collections.abc import Iterator

from stackspec.core.diagnostic import Diagnostic, Note, Span
from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.flavors.stack_rules import StackRule
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState


def check_stacks(state: DesiredState, registry: Registry) -> Iterator[Diagnostic]:
    """What is wrong with stacks as wholes, each thing once, however many components ask for it."""
    for stack in state.stacks.values():
        told = set[tuple[str, int]]()
        for asker in (one for kind in stack.components for one in _members(stack, kind, state, registry)):
            for rule in asker.spec.stack_rules:
                if not rule.if_remote or asker.is_remote:
                    for index, diagnostic in _broken(rule, asker, state, registry):
                        if (rule.type, index) not in told:
                            told.add((rule.type, index))
                            yield diagnostic


@dataclass(frozen=True, slots=True)
class _Member:
    """A component in its place in a stack: the component type, and its number among the stack's of that type."""

    stack: DesiredStack
    kind: str
    index: int
    component: DesiredComponent
    spec: FlavorSpec

    def __str__(self) -> str:
        return str(self.component.address)

    @property
    def is_remote(self) -> bool | None:
        """Whether other machines reach it; None where only an apply will know."""
        return self.spec.is_remote(self.component.config)

    @property
    def place(self) -> Span:
        """Where the stack says of which flavor it is, or which Component."""
        step = (self.index,) if len(self.stack.components[self.kind]) > 1 else ()
        return self.stack.place(("components", self.kind, *step, "flavor"))


def _members(stack: DesiredStack, kind: str, state: DesiredState, registry: Registry) -> Iterator[_Member]:
    """A stack's components of a type, but for those that could not be compiled."""
    for index, address in enumerate(stack.components.get(kind, ())):
        if component := state.components.get(address):
            yield _Member(stack, kind, index, component, registry.spec(kind, component.flavor))


def _broken(
    rule: StackRule, asker: _Member, state: DesiredState, registry: Registry
) -> Iterator[tuple[int, Diagnostic]]:
    """What breaks a rule: the number of the component that does not fit, -1 for none; and what to say of it."""
    stack, why = asker.stack, f"{asker} {rule.why}"
    if not stack.components.get(rule.type):
        # A slot that names something wrong is told of already.
        if not rule.optional and rule.type not in stack.components:
            message = f"the stack '{stack.name}' has no {rule.type}: {why}"
            yield -1, Diagnostic("SS0411", message, asker.place, f"add one{_among(rule, registry)}")
        return
    found = list(_members(stack, rule.type, state, registry))
    asked = (Note("asked for here", asker.place),)
    if rule.flavors and found and not any(one.component.flavor in rule.flavors for one in found):
        message = f"{found[0]} is of the flavor '{found[0].component.flavor}': {why}"
        yield 0, Diagnostic("SS0411", message, found[0].place, f"use one{_among(rule, registry)}", notes=asked)
        return
    for one in found if rule.remote else ():
        if one.is_remote is False:
            message = f"{one} is reached from this machine only: {why}"
            field = (
                f"set config.{one.spec.located_by} to an address that they reach; or " if one.spec.located_by else ""
            )
            hint = f"{field}use one that other machines reach{_among(rule, registry)}"
            yield one.index, Diagnostic("SS0411", message, one.place, hint, notes=asked)


def _among(rule: StackRule, registry: Registry) -> str:
    """The flavors by which a rule may be met, as the end of a hint."""
    names = rule.flavors or [name for name in registry.flavors_of(rule.type) if _may_meet(rule, name, registry)]
    return f", of the flavor {' or '.join(names)}" if names else ""


def _may_meet(rule: StackRule, flavor: str, registry: Registry) -> bool:
    try:
        spec = registry.spec(rule.type, flavor)
    except PluginError:
        return False
    return not rule.remote or spec.remote_by_default or spec.located_by is not None
