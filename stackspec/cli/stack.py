"""`stackspec stack`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import (
    Argument,
    DryRun,
    EnvironmentName,
    FailIfSecretsMissing,
    ManifestFile,
    Option,
    Output,
    OutputFormat,
    ReportFormat,
)

if TYPE_CHECKING:
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.edit.edits import Edit
    from stackspec.edit.stacks import Slots
    from stackspec.edit.zenml.taking_over import Given
    from stackspec.editing import Editing
    from stackspec.manifest.text import SourceText


class ImportFormat(StrEnum):
    """Whose file a stack is taken over from."""

    AUTO = "auto"
    ZENML = "zenml"
    MLSTACKS = "mlstacks"


class ExportFormat(StrEnum):
    """Whose words a stack is said in."""

    STACKSPEC = "stackspec"
    ZENML = "zenml"


Name = Annotated[str, Argument("The stack's name.", "NAME")]
NewName = Annotated[str, Argument("The new name.", "NEW")]
ActiveName = Annotated[str | None, Argument("The stack's name; by default the active stack.", "[NAME]")]
Description = Annotated[str | None, Option(("--description",), "What it is for.", "TEXT")]
Components = Annotated[
    list[str] | None,
    Argument(
        "What fills a slot: a Component, or else a flavor, by its name; TYPE.FIELD=VALUE behind it configures that.",
        "[TYPE=COMPONENT]...",
    ),
]


def list_(output: Output = OutputFormat.TEXT) -> int:
    """List the stacks that the manifests declare."""
    from stackspec.cli.edit import catalogue
    from stackspec.cli.session import Session
    from stackspec.render.catalogue import stacks_json, stacks_text

    with Session(output) as session:
        known, active = catalogue(session), session.project.active_stack
        if session.json:
            session.answer_json(stacks_json(known, active))
        else:
            session.answer(stacks_text(known, active, session.style))
    return 0


def describe(name: ActiveName = None, output: Output = OutputFormat.TEXT) -> int:
    """Say what a stack holds, and where it is declared."""
    from stackspec.cli.edit import catalogue
    from stackspec.cli.session import Session
    from stackspec.render.catalogue import stack_json, stack_text

    with Session(output) as session:
        known = catalogue(session)
        stack = known.stack(name or session.project.selected_stack())
        if session.json:
            session.answer_json(stack_json(known, stack))
        else:
            session.answer(stack_text(known, stack, session.style))
    return 0


def set_(name: Name) -> int:
    """Make a stack the active one of this clone: what commands take that are given none."""
    from stackspec.cli.session import Session

    with Session() as session:
        session.project.activate(name)
        session.tell(f"The active stack is '{name}'.")
    return 0


def get(output: Output = OutputFormat.TEXT) -> int:
    """Say which stack is the active one; where none was chosen, the only one there is."""
    from stackspec.cli.session import Session

    with Session(output) as session:
        name = session.project.selected_stack()
        if session.json:
            session.answer_json({"format_version": "1.0", "stack": name})
        else:
            session.answer(f"{name}\n")
    return 0


def register(
    name: Name,
    components: Components = None,
    description: Description = None,
    to: ManifestFile = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Declare a stack."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.stacks import register as edits

    with Session(output) as session:
        slots = _slots(components)
        return carry_out(
            session, lambda editing: edits(editing.catalogue, name, slots, description or "", to), dry_run=dry_run
        )


def update(
    name: Name,
    components: Components = None,
    remove: Annotated[list[str] | None, Option(("--remove",), "Have no component of this type.", "TYPE")] = None,
    description: Description = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Change what fills a stack's slots."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.stacks import update as edits
    from stackspec.edit.words import component_type

    with Session(output) as session:
        slots, without = _slots(components), [component_type(one) for one in remove or ()]
        return carry_out(
            session, lambda editing: edits(editing.catalogue, name, slots, without, description), dry_run=dry_run
        )


def copy(
    name: Name,
    new: NewName,
    fields: Annotated[
        list[str] | None, Argument("What is other in the stack's own components.", "[TYPE.FIELD=VALUE]...")
    ] = None,
    to: ManifestFile = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Declare a stack like another, with components of its own where that has its own."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.stacks import copy as edits

    with Session(output) as session:
        words = _fields(fields)
        return carry_out(session, lambda editing: edits(editing.catalogue, name, new, words, to), dry_run=dry_run)


def import_(
    file: Annotated[str, Argument("What 'zenml stack export' wrote, or the stack file of an mlstacks spec.", "FILE")],
    settings: Annotated[
        list[str] | None,
        Argument("What the file does not tell of a component, by the name of the field.", "[TYPE.FIELD=VALUE]..."),
    ] = None,
    name: Annotated[
        str | None, Option(("--name",), "What to call the stack, instead of as in the file.", "NAME")
    ] = None,
    form: Annotated[
        ImportFormat, Option(("--format",), "Whose file it is; 'auto' looks into it.", "auto|zenml|mlstacks")
    ] = ImportFormat.AUTO,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Declare a stack of ZenML's, with a Component for each of its components."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.zenml.stack_file import read_stack
    from stackspec.edit.zenml.taking_over import take_over

    texts: dict[str, SourceText] = {}
    warnings: list[Diagnostic] = []
    with Session(output) as session:
        given = _fields(settings)
        session.speak_of(texts)

        def changes(editing: Editing) -> Sequence[Edit]:
            taken = take_over(editing.catalogue, read_stack(file, form, texts), name, given)
            warnings.extend(taken.warnings)
            return taken.edits

        return carry_out(session, changes, dry_run=dry_run, beside=warnings, texts=texts)


def export(
    name: Name,
    form: Annotated[
        ExportFormat, Option(("--format",), "Manifests, or what 'zenml stack import' takes.", "stackspec|zenml")
    ] = ExportFormat.STACKSPEC,
    out: Annotated[str | None, Option(("--out",), "Write it to this file instead of standard output.", "FILE")] = None,
    environment: EnvironmentName = None,
) -> int:
    """Print a stack with its components as they are resolved for an environment; secrets stay references."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.core.whole_file import write_first
    from stackspec.render.manifests import manifests_yaml, stack_alone
    from stackspec.render.zenml import zenml_yaml

    with Session() as session:
        desired = session.project.desired(environment)
        if name not in desired.stacks:
            from stackspec.editing import Editing

            place = Editing(session.project).declared.stack(name).place
            message = f"the stack '{name}' is not in the environment '{desired.environment.name}'"
            raise StackspecError.of("SS0502", message, source=place, hint="choose another by -e")
        if form is ExportFormat.ZENML:
            text, warnings, secrets = zenml_yaml(desired, name, session.registry)
            session.report(warnings)
            for secret, keys in secrets.items():
                values = " ".join(f"--{key}=…" for key in keys)
                session.tell(f"ZenML has to hold a secret: zenml secret create {secret} {values}")
        else:
            text = manifests_yaml(stack_alone(desired, name))
        if out is None:
            session.answer(text)
            return 0
        try:
            if not write_first(Path(out), text.encode(), mode=0o644):
                raise StackspecError.of("SS0903", f"{out} exists already", hint="name another file, or remove it first")
        except OSError as error:
            raise StackspecError.of("SS0902", f"cannot write {out}: {error.strerror}") from None
        session.tell(f"Written to {out}.")
    return 0


def rename(name: Name, new: NewName, dry_run: DryRun = False, output: Output = OutputFormat.TEXT) -> int:
    """Call a stack something else; its components stay what they are."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.edit.stacks import rename as edits

    with Session(output) as session:
        was_active = session.project.active_stack == name
        code = carry_out(session, lambda editing: edits(editing.catalogue, name, new), dry_run=dry_run)
        if was_active and not dry_run:
            session.project.reopened().activate(new)
        return code


def delete(
    name: Name,
    recursive: Annotated[
        bool, Option(("--recursive",), "Delete the Components too that nothing but this stack needs.")
    ] = False,
    dry_run: DryRun = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Declare a stack no more; refused where it is the active one."""
    from stackspec.cli.edit import carry_out
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.edit.stacks import delete as edits

    with Session(output) as session:
        if session.project.active_stack == name:
            hint = "choose another: stackspec stack set NAME"
            raise StackspecError.of("SS0412", f"the stack '{name}' is the active one", hint=hint)

        def changes(editing: Editing) -> list[Edit]:
            return edits(editing.catalogue, name, editing.only_used_by(name) if recursive else ())

        return carry_out(session, changes, dry_run=dry_run)


def validate(
    name: ActiveName = None,
    environment: EnvironmentName = None,
    fail_if_secrets_missing: FailIfSecretsMissing = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Check the files that a stack and its components are declared in; the same as 'validate' with their names."""
    from stackspec.cli.session import Session
    from stackspec.cli.validate import validate as of_files
    from stackspec.editing import Editing

    with Session(output, failure={"valid": False}, untrusted=False) as session:
        known = Editing(session.project).declared
        stack = known.stack(name or session.project.selected_stack())
        members = (one for found in known.members(stack.name).values() for one in found)
        files = {stack.place.file, *(known.components[one].name_place.file for one in members)}
        names = sorted(str(session.project.root / file) for file in files)
    return of_files(names, environment, None, fail_if_secrets_missing, output=ReportFormat(output.value))


def _fields(words: list[str] | None) -> Given:
    """Component type to words for fields of its config."""
    from stackspec.core.diagnostic import StackspecError
    from stackspec.edit.words import assignments, component_type

    found: dict[str, list[str]] = {}
    for name, value in assignments(words or (), "TYPE.FIELD=VALUE"):
        word, dot, field = name.partition(".")
        if not dot:
            raise StackspecError.of("SS0901", f"'{name[:80]}' names no field", hint="write TYPE.FIELD=VALUE")
        found.setdefault(component_type(word), []).append(f"{field}={value}")
    return found


def _slots(words: list[str] | None) -> Slots:
    """Component type to what is to fill it; what configures a component stands behind what names it."""
    from stackspec.core.diagnostic import StackspecError
    from stackspec.edit.stacks import Filling
    from stackspec.edit.words import assignments, component_type

    slots: dict[str, list[Filling]] = {}
    for name, value in assignments(words or (), "TYPE=COMPONENT"):
        word, dot, field = name.partition(".")
        found = slots.setdefault(component_type(word), [])
        if not dot:
            found.append(Filling(value))
        elif found:
            found[-1] = Filling(found[-1].name, (*found[-1].words, f"{field}={value}"))
        else:
            raise StackspecError.of(
                "SS0901", f"'{name[:80]}' configures nothing", hint=f"put '{word}=FLAVOR' before it"
            )
    return slots
