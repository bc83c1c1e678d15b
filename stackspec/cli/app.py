"""The commands as a Typer application: the help, and what is wrong with the arguments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Annotated, Any, get_args, get_type_hints

import typer

from stackspec import __version__
from stackspec.cli.commands import COMMANDS, GROUPS, command, type_commands
from stackspec.cli.options import Option
from stackspec.cli.start import start
from stackspec.cli.streams import UnwrittenError
from stackspec.core.diagnostic import StackspecError
from stackspec.flavors.types import COMPONENT_TYPES

# Typer does not export the parent of its usage errors, and where it lives differs between versions.
_UsageError: Any = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str]) -> int:
    """Run the command line given; the exit code.

    Raises:
        StackspecError: the arguments are wrong.
        UnwrittenError: the help cannot be written.
    """
    try:
        # Typer reads what is to be called, and the call is made here: what Typer itself writes is help.
        read = _application(arguments)(list(arguments), standalone_mode=False, prog_name="stackspec")
    except typer.Exit as exit_:
        return exit_.exit_code
    except typer.Abort:
        return 130
    except OSError as error:
        raise UnwrittenError(error.errno, error.strerror) from error
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        message: str = error.format_message()
        if context is not None and message == context.get_help():  # no command was given
            sys.stderr.write(message + "\n")
            return 1
        words = context.command_path if context is not None else "stackspec"
        hint = _belongs_before(error, words) or f"see '{words} --help'"
        raise StackspecError.of("SS0901", message.rstrip("."), hint=hint) from error
    code: int = read() if callable(read) else read  # help and version leave their exit code
    return code


def _belongs_before(error: Any, words: str) -> str | None:
    """What to do about an option of `start` that was given after the command."""
    name = getattr(error, "option_name", None)
    for hint in get_type_hints(start, include_extras=True).values():
        declared = get_args(hint)[-1:]
        if declared and isinstance(declared[0], Option) and name in declared[0].names:
            given = f"{name} {declared[0].metavar}" if declared[0].metavar else name
            return f"it stands before the command: stackspec {given}{words.removeprefix('stackspec')}"
    return None


def _application(arguments: Sequence[str]) -> typer.Typer:
    settings: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None, "add_completion": False}
    application = typer.Typer(
        help="A declarative GitOps configuration compiler for ML stacks.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )
    application.callback()(_for_typer(start, {"show_version": (_ShowVersion, False)}))
    groups = {"": application}

    def group(words: str) -> typer.Typer:
        if words not in groups:
            before, _, name = words.rpartition(" ")
            if words in COMMANDS:  # a command that others stand behind
                groups[words] = typer.Typer(**{**settings, "no_args_is_help": False})
                groups[words].callback(invoke_without_command=True)(_with_others_behind(command(words)))
            else:
                groups[words] = typer.Typer(help=GROUPS.get(words) or _of_type(words), **settings)
            group(before).add_typer(groups[words], name=name)
        return groups[words]

    # Nearly all commands are those of component types: only what is asked for is made.
    asked = [name.replace("_", "-") for name in COMPONENT_TYPES if name.replace("_", "-") in arguments]
    for words in (*COMMANDS, *(words for name in asked for words in type_commands(name))):
        before, _, name = words.rpartition(" ")
        if any(other.startswith(f"{words} ") for other in COMMANDS):
            group(words)
            continue
        group(before).command(name)(_for_typer(_to_be_called(command(words))))
    for name in COMPONENT_TYPES:
        group(name.replace("_", "-"))
    return application


def _of_type(words: str) -> str:
    """What the help says of a group that belongs to a component type."""
    name, _, more = words.partition(" ")
    if more:
        return f"The flavors of {name} components."
    return f"Components of this type: {COMPONENT_TYPES[name.replace('-', '_')].description}"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stackspec {__version__}")
        raise typer.Exit


_ShowVersion = Annotated[
    bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
]


def _to_be_called(function: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    """The function's arguments in, the call of it out."""

    @wraps(function)
    def read(**values: Any) -> Callable[[], int]:
        return partial(function, **values)

    return read


def _with_others_behind(function: Callable[..., int]) -> Callable[..., Any]:
    """A command behind whose name those of others may stand, for Typer."""
    read = _for_typer(_to_be_called(function))
    signature = inspect.signature(read)

    def call(context: typer.Context, **values: Any) -> Any:
        other = context.invoked_subcommand
        given = [name for name in values if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"]
        if other is not None and given:  # they would be lost, and the other command do more than was asked for
            raise typer.BadParameter(f"options stand behind '{other}', and not before it")
        return read(**values)

    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    call.__doc__ = read.__doc__
    call.__annotations__ = {"context": typer.Context, **read.__annotations__}
    call.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])  # type: ignore[attr-defined]
    return call


def _for_typer(function: Callable[..., Any], more: dict[str, tuple[Any, Any]] | None = None) -> Callable[..., Any]:
    """The function with its declarations as Typer's, and with `more` parameters (type and default) that it ignores."""
    hints = get_type_hints(function, include_extras=True)
    parameters = [
        parameter.replace(annotation=_annotation(hints[name]))
        for name, parameter in inspect.signature(function).parameters.items()
    ]
    for name, (kind, default) in (more or {}).items():
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind))

    def call(**values: Any) -> Any:
        return function(**{name: value for name, value in values.items() if name not in (more or {})})

    call.__doc__ = function.__doc__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


def _annotation(hint: Any) -> Any:
    kind, declared = get_args(hint)
    if not isinstance(declared, Option):
        return Annotated[kind, typer.Argument(help=declared.help, metavar=declared.metavar)]
    option = typer.Option(
        *declared.names,
        envvar=declared.variable,
        help=declared.help,
        metavar=declared.metavar,
        min=declared.least,
        max=declared.most,
    )
    return Annotated[kind, option]
