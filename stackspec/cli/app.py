"""The commands as a Typer application: the help, and what is wrong with the arguments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Annotated, Any, get_args, get_type_hints

import typer

from stackspec import __version__
from stackspec.cli.commands import COMMANDS, GROUPS, command
from stackspec.cli.options import Option
from stackspec.cli.start import start
from stackspec.cli.streams import UnwrittenError
from stackspec.core.diagnostic import StackspecError

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
        read = _application()(list(arguments), standalone_mode=False, prog_name="stackspec")
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


def _application() -> typer.Typer:
    settings: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None, "add_completion": False}
    application = typer.Typer(
        help="A declarative GitOps configuration compiler for ML stacks.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )
    application.callback()(_for_typer(start, {"show_version": (_ShowVersion, False)}))
    groups = {name: typer.Typer(help=text, **settings) for name, text in GROUPS.items()}
    for words in COMMANDS:
        group, _, name = words.rpartition(" ")
        if group and groups[group] not in (one.typer_instance for one in application.registered_groups):
            application.add_typer(groups[group], name=group)
        (groups[group] if group else application).command(name)(_for_typer(_to_be_called(command(words))))
    return application


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
