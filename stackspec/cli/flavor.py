"""`stackspec flavor`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, DryRun, Option, Output, OutputFormat


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


def register(
    module: Annotated[str, Argument("The Python module that defines flavors.", "MODULE")],
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Have the project take the flavors of a Python module: it is added to the Project's plugins."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.plugins import register as edits

    with Session(output) as session:
        return carry_out(session, lambda editing: edits(editing.catalogue, module), dry_run=dry_run)


def new(
    flavor: Annotated[str, Argument("The flavor, as type/flavor.", "TYPE/FLAVOR")],
    to: Annotated[
        str | None, Option(("--to",), "The folder to make; by default one of the package's name.", "DIR")
    ] = None,
) -> int:
    """Make a package with a flavor of your own, which works and whose tests pass."""
    import re
    from pathlib import Path

    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.edit.words import component_type
    from stackspec.flavor_scaffold import write_flavor
    from stackspec.render.text import safe

    with Session() as session:
        word, _, name = flavor.partition("/")
        kind = component_type(word)
        if not re.fullmatch("[a-z][a-z0-9]*([_-][a-z0-9]+)*", name):
            hint = "use lower-case letters, digits, '_' and '-', as in alerter/pager"
            raise StackspecError.of("SS0901", f"'{name[:80]}' cannot be the name of a flavor", hint=hint)
        folder = Path(to or f"stackspec-{kind}-{name}".replace("_", "-"))
        for path in write_flavor(folder, kind, name):
            session.answer(f"created  {safe(str(path))}\n")
        session.answer(f"\nNext: cd {safe(str(folder))}, pip install '.[test]', pytest.\n")
    return 0


def list_of_type(component_type: str, output: Output = OutputFormat.TEXT) -> int:
    """List the flavors of this type: built in, of other installed packages, and of the project's plugins."""
    return list_(component_type, output)


def describe_of_type(
    component_type: str,
    flavor: Annotated[str, Argument("The flavor.", "FLAVOR")],
    output: Output = OutputFormat.TEXT,
) -> int:
    """Say what a flavor is, takes and gives: its fields, which are required, secret or cannot be changed in place."""
    return describe(f"{component_type}/{flavor}", output)


def register_of_type(
    component_type: str,
    module: Annotated[str, Argument("The Python module that defines flavors.", "MODULE")],
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Have the project take the flavors of this type of a Python module, with any other that it defines."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.flavors.plugins import PluginError, in_module

    with Session(output):
        try:
            defined = in_module(module)
        except PluginError as error:
            raise StackspecError.of("SS0211", error.message, hint=error.hint) from error
        if all(one.type != component_type for one in defined):
            found = ", ".join(f"{one.type}/{one.flavor}" for one in defined)
            raise StackspecError.of(
                "SS0211", f"'{module}' defines no flavor of {component_type}", hint=f"only: {found}"
            )
    return register(module, dry_run, output)
