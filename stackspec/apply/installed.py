"""Whether what the hooks of a plan import is installed, asked before any is called."""

from __future__ import annotations

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Span
from stackspec.core.fields import settings_marked
from stackspec.flavors.contract import Flavor
from stackspec.flavors.extras import missing
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.plan.model import Plan
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import AppliedComponent


def not_installed(plan: Plan, registry: Registry) -> list[Diagnostic]:
    """What is missing, for each component, with the one command that installs it all."""
    lacking: dict[ComponentAddress, tuple[str, list[str], Span | None]] = {}
    for step in plan.steps.values():
        for one in (step.before, step.desired) if step.operations else ():
            if one is None or (flavor := _flavor(one, registry)) is None:
                continue
            modules, extra = _missing(flavor, one), flavor.extra or ""
            if step.desired and _keeps_secrets(flavor) and (sealing := missing(["cryptography"])):
                modules, extra = [*modules, *sealing], ",".join(filter(None, (extra if modules else "", "secrets")))
            if modules:
                place = one.place(("flavor",)) if isinstance(one, DesiredComponent) else None
                lacking[one.address] = (extra, modules, place)
    extras = ",".join(sorted({one for extra, _, _ in lacking.values() for one in extra.split(",")}))
    return [
        Diagnostic("SS0602", f"{address} needs {', '.join(modules)}", place, f"run: pip install 'stackspec[{extras}]'")
        for address, (_, modules, place) in lacking.items()
    ]


def _flavor(component: DesiredComponent | AppliedComponent, registry: Registry) -> type[Flavor] | None:
    """A component's flavor; None for one that is not there any more, which its hook will tell."""
    try:
        return registry.flavor(component.address.type, component.flavor)
    except (KeyError, PluginError):
        return None


def _missing(flavor: type[Flavor], component: DesiredComponent | AppliedComponent) -> list[str]:
    without = flavor.imports_unless is not None and component.config.get(flavor.imports_unless) is not None
    return [] if without or flavor.extra is None else missing(flavor.imports)


def _keeps_secrets(flavor: type[Flavor]) -> bool:
    """Whether it gives outputs that state keeps encrypted."""
    return bool(settings_marked(flavor.Outputs, "sensitive"))
