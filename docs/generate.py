"""Writes docs/reference/ and docs/flavors/ from the code: `python -m docs.generate`, or `make docs`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from stackspec.apply.hooks import TIMEOUTS
from stackspec.cli.commands import COMMANDS, GROUPS, TYPE_COMMANDS, command
from stackspec.cli.options import Argument, Option
from stackspec.cli.start import start
from stackspec.core.codes import CODES
from stackspec.core.fields import Fields, Schema, json_schema
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry, of_any_type
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.model import (
    API_VERSION,
    KINDS,
    ComponentReference,
    InlineComponent,
    LifecycleSpec,
    Metadata,
    PolicyMatch,
    TimeoutsSpec,
)
from stackspec.manifest.state_settings import STATE_SETTINGS, StateSettings
from stackspec.render.flavors import asks, kind_of, where_is

HERE = Path(__file__).parent

GENERATED = "<!-- Written by `make docs` from the code; edits here are lost. -->"

_STEPS = {
    "01": "Reading files",
    "02": "The form of manifests",
    "03": "Expressions",
    "04": "Linking",
    "05": "Planning",
    "06": "Applying",
    "07": "State",
    "08": "Secrets",
    "09": "The command line, and stackspec itself",
    "10": "Other tools' stacks, taken over and given back",
    "11": "Policies",
    "12": "Revisions of git",
    "13": "Reconciling",
    "14": "What is made for others to read",
    "15": "Formatting",
}
"""The first two digits of codes to what they speak of."""

_PARTS: Mapping[str, tuple[str, type[Fields]]] = {
    "metadata": ("In every manifest; only a Project may leave it out.", Metadata),
    "state": ("In the `spec` of a Project; what else may stand there depends on the backend.", StateSettings),
    **{f"state in {name}": ("The `state` of a Project.", record) for name, record in STATE_SETTINGS.items()},
    "an inline component": ("A value, or an item of a list, under `components` of a Stack.", InlineComponent),
    "a reference": ("In the same places; a text alone is short for it.", ComponentReference),
    "lifecycle": ("In a Component and in an inline component.", LifecycleSpec),
    "match": ("In a Policy.", PolicyMatch),
    "timeouts": ("In a Component and in an inline component. A duration is a whole number with a unit.", TimeoutsSpec),
}
"""Heading to where the record stands, and the record."""


def pages() -> dict[str, str]:
    """File name under docs/ to its text."""
    registry = Registry()
    return {
        "reference/codes.md": codes(),
        "reference/manifests.md": manifests(),
        "reference/commands.md": commands(),
        "flavors/README.md": flavors(registry),
        **{f"flavors/{name}.md": flavors_of(name, registry) for name in COMPONENT_TYPES},
    }


def main() -> None:
    """Write every page."""
    written = pages()
    for name, text in written.items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(text, encoding="utf-8")
    print(f"{len(written)} pages in docs/reference and docs/flavors")


# --- codes


def codes() -> str:
    """Every diagnostic code."""
    blocks = [
        "# Diagnostics",
        GENERATED,
        "Every problem has a code, and the code keeps its meaning. A diagnostic shows it as `error[SS0208]` or "
        "`warning[SS0408]`; with `-o json` it is the field `code`.",
    ]
    step = ""
    for code, one in CODES.items():
        if code[2:4] != step:
            step = code[2:4]
            blocks.append(f"## {_STEPS[step]}")
        blocks.append(f"### {code} {one.slug}")
        blocks.append(f"{one.meaning}\n\n- Example: {one.example}\n- What to do: {one.remedy}")
    return _page(blocks)


# --- flavors


def flavors(registry: Registry) -> str:
    """Every flavor in a line, by component type."""
    blocks = [
        "# Flavors",
        GENERATED,
        "A component is of a type and of one of the type's flavors; what each may hold stands on the page of its type. "
        "Of every type there are the flavors " + _any_type(registry) + ". `stackspec flavor list` says the same of the "
        "flavors that a project has, those of other packages among them.",
    ]
    rows = []
    for name, kind in COMPONENT_TYPES.items():
        several = " A stack may hold several." if kind.many else ""
        named = ", ".join(f"`{one}`" for one in registry.flavors_of(name) if one not in of_any_type())
        rows.append((f"[{name}]({name}.md)", f"{kind.description}{several}", named))
    return _page([*blocks, _table(("type", "what it does", "flavors"), rows)])


def _any_type(registry: Registry) -> str:
    first = next(iter(COMPONENT_TYPES))
    return ", ".join(f"`{one}` ({registry.spec(first, one).description.rstrip('.')})" for one in of_any_type())


def flavors_of(name: str, registry: Registry) -> str:
    """The flavors of a component type."""
    blocks = [
        f"# {name}",
        GENERATED,
        COMPONENT_TYPES[name].description,
        "What stands under *Config* is what `config` may hold. A field marked *replaces* cannot be changed in place: "
        "the component is deprovisioned and provisioned anew. *Outputs* are what other components may read by an "
        "expression. A path is relative to the project's root, or absolute under one of the Project's `allowed_paths`.",
    ]
    return _page([*blocks, *(_flavor(registry.spec(name, flavor)) for flavor in registry.flavors_of(name))])


def _flavor(spec: FlavorSpec) -> str:
    required = spec.schema.get("required", ())
    rows = [
        (
            f"`{name}`",
            kind_of(schema, "`")
            + (", a path" if name in spec.paths else "")
            + (", secret" if name in spec.sensitive else ""),
            "required" if name in required else f"`{json.dumps(schema.get('default'))}`",
            "replaces" if name in spec.replacing or not spec.can_update else "in place",
            schema["description"] + _examples(schema),
        )
        for name, schema in spec.schema["properties"].items()
    ]
    extra = f"`pip install 'stackspec[{spec.extra}]'`" if spec.extra else "nothing more than stackspec"
    facts = [
        f"- Needs: {extra}",
        f"- Updates in place: {'yes' if spec.can_update else 'no, every change replaces'}",
        f"- Suspends and resumes: {'yes' if spec.can_suspend else 'no, it ignores `run_state`'}",
        f"- Is on: {where_is(spec)}",
    ]
    if spec.requirements or spec.apt_packages:
        needed = ", ".join(f"`{one}`" for one in (*spec.requirements, *spec.apt_packages))
        facts.append(f"- What runs on the stack needs: {needed}")
    if spec.environment:
        found = ", ".join(f"`{name}` (its `{output}`)" for name, output in spec.environment.items())
        facts.append(f"- What runs on the stack gets: {found}")
    if spec.stack_rules:
        facts.append("- Asks of a stack:")
        facts += [f"  - {one.type}: {asks(one)}" for one in spec.stack_rules]
    parts = [f"## {spec.type} `{spec.flavor}`", spec.description, "\n".join(facts), "Config:"]
    parts.append(_table(("field", "type", "default", "a change", "meaning"), rows))
    outputs = [(f"`{name}`", meaning) for name, meaning in spec.outputs.items()]
    return "\n\n".join([*parts, "Outputs:", _table(("output", "meaning"), outputs)])


# --- manifests


def manifests() -> str:
    """Every kind of manifest and its fields."""
    blocks = [
        "# Manifests",
        GENERATED,
        f"A manifest is a YAML mapping with `apiVersion: {API_VERSION}`, `kind`, `metadata` and `spec`. No other keys "
        "are read, and an unknown one is an error. How to use the kinds is told in "
        "[Manifests](../guides/manifests.md).",
    ]
    for kind, record in KINDS.items():
        blocks.append(f"## kind: {kind}\n\n{_doc(record)}\n\nIts `spec`:")
        blocks.append(_fields(record))
    for heading, (where, record) in _PARTS.items():
        blocks.append(f"## {heading}\n\n{_doc(record)} {where}")
        blocks.append(_fields(record))
    rows = [(f"`{hook}`", f"{seconds:.0f}s") for hook, seconds in TIMEOUTS.items()]
    blocks.append("Where a manifest says nothing, a hook may take:")
    blocks.append(_table(("hook", "time"), rows))
    types = [
        (f"`{name}`", one.description, "one or several" if one.many else "one") for name, one in COMPONENT_TYPES.items()
    ]
    blocks.append("## Component types\n\nThe keys of `components` in a Stack, and the values of `type` in a Component.")
    blocks.append(_table(("type", "what it does", "in a stack"), types))
    return _page(blocks)


def _fields(record: type[Fields]) -> str:
    document, hints = json_schema(record), get_type_hints(record)
    rows = []
    for name, schema in document["properties"].items():
        hint = hints.get(name) or hints[f"{name}_"]
        nested = isinstance(hint, type) and issubclass(hint, Fields)
        default = "required" if name in document.get("required", ()) else f"`{json.dumps(schema['default'])}`"
        kind = f"[{name}](#{name})" if nested else kind_of(schema, "`")
        rows.append((f"`{name}`", kind, "see there" if nested else default, schema["description"]))
    return _table(("field", "type", "default", "meaning"), rows)


# --- commands


def commands() -> str:
    """Every command with its arguments and options."""
    blocks = [
        "# Commands",
        GENERATED,
        "`stackspec [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]`. A flag can be given by its variable in the environment "
        "instead, with the value `1`; an option that can be repeated takes words separated by spaces there. What the "
        "command line says comes first. Every command also has `-h` and `--help`.",
        "Standard output is the answer, standard error is progress and diagnostics. Exit codes: 0 done; 1 an error, "
        "or not everything was done; 2 changes, with `plan --detailed-exitcode`, for `drift` and for `reconcile "
        "--once`; 130 after Ctrl-C, 143 after SIGTERM, which an agent takes for a wish and ends with 0.",
        "## Before the command",
        _options([*_declared(start), _VERSION]),
    ]
    for words in COMMANDS:
        group, _, _ = words.rpartition(" ")
        if group in GROUPS and f"## stackspec {group}" not in blocks:
            blocks += [f"## stackspec {group}", GROUPS[group]]
        blocks.append(_command(words, command(words), "###" if group else "##"))
    types = ", ".join(f"`{name.replace('_', '-')}`" for name in COMPONENT_TYPES)
    blocks += ["## stackspec TYPE", f"Components of one type; TYPE is one of: {types}."]
    first = next(iter(COMPONENT_TYPES)).replace("_", "-")
    blocks += [_command(f"TYPE {words}", command(f"{first} {words}"), "###") for words in TYPE_COMMANDS]
    return _page(blocks)


_Declared = tuple[Option | Argument, Any, Any]
"""What a parameter is declared as, its type, and its default."""

_VERSION: _Declared = (Option(("--version",), "Print the version and exit."), bool, False)


def _declared(function: Callable[..., Any]) -> list[_Declared]:
    hints = get_type_hints(function, include_extras=True)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        kind, declared = get_args(hints[name])
        found.append((declared, kind, parameter.default))
    return found


def _command(words: str, function: Callable[..., Any], level: str) -> str:
    declared = _declared(function)
    arguments = [one for one, _, _ in declared if isinstance(one, Argument)]
    options = [one for one in declared if isinstance(one[0], Option)]
    usage = ["stackspec", words, *(["[OPTIONS]"] if options else []), *(one.metavar for one in arguments)]
    parts = [f"{level} stackspec {words}", (function.__doc__ or "").strip(), f"```text\n{' '.join(usage)}\n```"]
    if arguments:
        parts.append(_table(("argument", "meaning"), [(f"`{one.metavar}`", one.help) for one in arguments]))
    if options:
        parts.append(_options(options))
    return "\n\n".join(parts)


def _options(declared: Iterable[_Declared]) -> str:
    rows = []
    for option, kind, default in declared:
        assert isinstance(option, Option)
        values = [one for one in get_args(kind) if one is not NoneType] or [kind]
        names = ", ".join(f"`{name}`" for name in option.names)
        meaning = option.help
        if option.least is not None and option.most is not None:
            meaning += f" From {option.least} to {option.most}."
        if any(get_origin(value) is list for value in values):
            meaning += " Can be repeated."
        variable = "" if option is _VERSION[0] else f"`{option.variable}`"
        shown = "" if default in (None, False) else f"`{default}`"
        rows.append((f"{names} {option.metavar or ''}".strip(), shown, variable, meaning))
    return _table(("option", "default", "variable", "meaning"), rows)


# --- Markdown


def _page(blocks: Iterable[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _doc(record: type[Fields]) -> str:
    return inspect.cleandoc(record.__doc__ or "").splitlines()[0]


def _examples(schema: Schema) -> str:
    shown = ", ".join(f"`{example}`" for example in schema.get("examples", ()))
    return f" Like: {shown}." if shown else ""


if __name__ == "__main__":
    main()
