"""The command line as a whole: the commands, the options before them, and how every error ends."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from stackspec.cli import apply, init, plan, schema, state, status, validate, version

app = typer.Typer(
    name="stackspec",
    help="A declarative GitOps configuration compiler for ML stacks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("validate")(validate.validate)
app.command("plan")(plan.plan)
app.command("apply")(apply.apply)
app.command("destroy")(apply.destroy)
app.command("status")(status.status)
app.add_typer(state.app, name="state")
app.command("schema")(schema.schema)
app.command("version")(version.version)


@app.callback()
def before(
    chdir: Annotated[
        str | None, typer.Option("--chdir", "-C", envvar="STACKSPEC_CHDIR", help="Start in this folder.", metavar="DIR")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", envvar="STACKSPEC_VERBOSE", help="Tell more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", envvar="STACKSPEC_QUIET", help="Tell only errors.")] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=version.print_and_exit, is_eager=True),
    ] = False,
) -> None:
    """Take the options before the command."""
    from stackspec.cli.session import Verbosity

    Verbosity.verbose, Verbosity.quiet = verbose, quiet
    if chdir is not None:
        try:
            os.chdir(chdir)
        except OSError as error:
            raise typer.BadParameter(f"cannot go to the folder '{chdir}': {error.strerror}", param_hint="-C") from error


# Typer does not export the parent of its usage errors, and where it lives differs between versions.
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]


def run(arguments: list[str]) -> int:
    """Run the command line given; the exit code."""
    # A compilation makes many small objects and drops few: collecting them over and over costs more than it frees.
    import gc

    gc.set_threshold(200_000, 20, 20)
    try:
        result = app(arguments, standalone_mode=False, prog_name="stackspec")
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except typer.Exit as exit_:
        return exit_.exit_code
    except typer.Abort:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _UsageError as error:
        return _usage(error)
    except Exception as error:
        return _internal(error)


def _usage(error: Exception) -> int:
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.render.diagnostics import diagnostics_text
    from stackspec.render.text import Style

    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "stackspec"
    message = getattr(error, "format_message", lambda: str(error))()
    diagnostic = Diagnostic("SS0901", message.rstrip("."), hint=f"see '{command} --help'")
    if not message:  # no arguments: the help was printed
        return 1
    sys.stderr.write(diagnostics_text([diagnostic], {}, Style(False)))
    return 1


def _internal(error: Exception) -> int:
    import traceback

    from stackspec.cli.session import Verbosity
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.render.diagnostics import diagnostics_text
    from stackspec.render.text import Style

    if Verbosity.verbose:
        traceback.print_exc()
    hint = "this is a bug in stackspec: please report it" + ("" if Verbosity.verbose else ", with what -v shows")
    diagnostic = Diagnostic("SS0999", f"{type(error).__name__}: {error}", hint=hint)
    sys.stderr.write(diagnostics_text([diagnostic], {}, Style(False)))
    return 1
