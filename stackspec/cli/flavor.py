"""`stackspec flavor`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, Output, OutputFormat


def list_(
    component_type: Annotated[str | None, Argument("List those of this component type only.", "[TYPE]")] = None,
    output: Output = OutputFormat.TEXT,
) -> int:
    """List the flavors there are: built in, of other installed packages, and of the project's plugins."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, did_you_mean
    from stackspec.flavors.types import COMPONENT_TYPES
    from stackspec.render.flavors import flavors_json, flavors_text

    with Session(output, untrusted=False) as session:
        # On command lines types are often written as other words there are, with dashes.
        wanted = component_type.replace("-", "_") if component_type else None
        if wanted is not None and wanted not in COMPONENT_TYPES:
            hint = did_you_mean(wanted, COMPONENT_TYPES)
            raise StackspecError.of("SS0901", f"there is no component type '{component_type}'", hint=hint)
        registry = session.registry
        kinds = [wanted] if wanted else list(COMPONENT_TYPES)
        names = [(kind, flavor) for kind in kinds for flavor in registry.flavors_of(kind)]
        if session.json:
            session.answer_json(flavors_json(registry, names))
        else:
            session.answer(flavors_text(registry, names, session.style))
    return 0


def describe(
    flavor: Annotated[str, Argument("The flavor, as type/flavor.", "TYPE/FLAVOR")],
    output: Output = OutputFormat.TEXT,
) -> int:
    """Say what a flavor is, takes and gives: its fields, which are required, secret or cannot be changed in place."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, did_you_mean
    from stackspec.flavors.plugins import PluginError
    from stackspec.flavors.types import COMPONENT_TYPES
    from stackspec.render.flavors import flavor_json, flavor_text

    with Session(output, untrusted=False) as session:
        registry = session.registry
        kind, _, name = flavor.partition("/")
        kind = kind.replace("-", "_")
        try:
            spec = registry.spec(kind, name)
        except KeyError:
            known = [f"{one}/{other}" for one in COMPONENT_TYPES for other in registry.flavors_of(one)]
            hint = did_you_mean(f"{kind}/{name}", known) or "see: stackspec flavor list"
            raise StackspecError.of("SS0208", f"there is no flavor '{flavor}'", hint=hint) from None
        except PluginError as error:
            raise StackspecError.of("SS0211", error.message, hint=error.hint) from error
        if session.json:
            session.answer_json(flavor_json(spec))
        else:
            session.answer(flavor_text(spec, session.style))
    return 0
