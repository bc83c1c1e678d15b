"""`stackspec TYPE`: the commands that each component type has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import Argument, DryRun, ManifestFile, Option, Output, OutputFormat

if TYPE_CHECKING:
    from stackspec.edit.edits import Edit
    from stackspec.editing import Editing

Name = Annotated[str, Argument("The component's name.", "NAME")]
Settings = Annotated[
    list[str] | None, Argument("Fields of its config: a path and a value, as YAML has it.", "[FIELD=VALUE]...")
]


def list_(component_type: str, output: Output = OutputFormat.TEXT) -> int:
    """List the components of this type that the manifests declare, and the stacks that name them."""
    from stackspec.cli.edit import catalogue
    from stackspec.cli.session import Session
    from stackspec.render.catalogue import components_json, components_text

    with Session(output) as session:
        known = catalogue(session)
        if session.json:
            session.answer_json(components_json(known, component_type))
        else:
            session.answer(components_text(known, component_type, session.style))
    return 0


def describe(component_type: str, name: Name, output: Output = OutputFormat.TEXT) -> int:
    """Say where a component is declared, of which flavor it is, and how it is configured."""
    from stackspec.cli.edit import catalogue
    from stackspec.cli.session import Session
    from stackspec.render.catalogue import component_json, component_text

    with Session(output) as session:
        known = catalogue(session)
        component = known.component(component_type, name)
        if session.json:
            session.answer_json(component_json(known, component))
        else:
            session.answer(component_text(known, component, session.style))
    return 0


def register(
    component_type: str,
    name: Name,
    settings: Settings = None,
    flavor: Annotated[str | None, Option(("--flavor",), "The flavor; required.", "FLAVOR")] = None,
    to: ManifestFile = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Declare a component of this type, for stacks to name."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.edit.components import register as edits
    from stackspec.edit.words import flavor_spec
    from stackspec.edit.words import settings as read

    with Session(output) as session:
        if flavor is None:
            known = ", ".join(session.registry.flavors_of(component_type))
            raise StackspecError.of("SS0901", "--flavor is required", hint=f"one of: {known}")
        spec = flavor_spec(session.registry, component_type, flavor)
        given = read(settings or (), spec)
        return carry_out(
            session, lambda editing: edits(editing.catalogue, component_type, name, flavor, given, to), dry_run=dry_run
        )


def update(
    component_type: str,
    name: Name,
    settings: Settings = None,
    remove: Annotated[
        list[str] | None, Option(("--remove",), "Leave this field of the config to its default.", "FIELD")
    ] = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Change fields of a component's config, wherever it is declared."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.components import update as edits
    from stackspec.edit.words import field_path, flavor_spec
    from stackspec.edit.words import settings as read

    def changes(editing: Editing) -> list[Edit]:
        component = editing.catalogue.component(component_type, name)
        spec = flavor_spec(session.registry, component_type, component.body.get("flavor"))
        without = [field_path(one, spec) for one in remove or ()]
        return edits(editing.catalogue, component_type, name, read(settings or (), spec), without)

    with Session(output) as session:
        return carry_out(session, changes, dry_run=dry_run)


def copy(
    component_type: str,
    name: Name,
    new: Annotated[str, Argument("The name of the copy.", "NEW")],
    to: ManifestFile = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Declare a component like another."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.components import copy as edits

    with Session(output) as session:
        return carry_out(
            session, lambda editing: edits(editing.catalogue, component_type, name, new, to), dry_run=dry_run
        )


def delete(component_type: str, name: Name, dry_run: DryRun = False, output: Output = OutputFormat.TEXT) -> int:
    """Declare a component no more; refused where something uses it."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.components import delete as edits

    with Session(output) as session:
        return carry_out(session, lambda editing: edits(editing.catalogue, component_type, name), dry_run=dry_run)
