"""One command line from its words to its exit code, and how every error ends."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import suppress

from stackspec.cli import plain
from stackspec.cli.start import Verbosity
from stackspec.cli.streams import UnwrittenError, discard_output, write_answer
from stackspec.core.diagnostic import Diagnostic, StackspecError


def run(arguments: Sequence[str]) -> int:
    """Run the command line given; the exit code."""
    # A compilation makes many small objects and drops few: to collect them over and over costs more than it frees. An
    # apply, which runs flavors' code and may take long, turns the collector on again.
    gc.disable()
    try:
        code = _run(arguments)
        write_answer("")  # what a flavor may have printed
    except (UnwrittenError, BrokenPipeError) as error:
        return unwritten(error)
    except StackspecError as error:
        return _failed(error.diagnostics)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    except Exception as error:
        return _failed([_bug(error)])
    return code


def _run(arguments: Sequence[str]) -> int:
    call = plain.read(arguments)
    if call is not None:
        return call()
    from stackspec.cli import app

    return app.run(arguments)


def unwritten(error: UnwrittenError | BrokenPipeError) -> int:
    """Tell that the answer cannot be written, unless its reader has had enough of it; the exit code."""
    discard_output()
    if isinstance(error, BrokenPipeError):
        return 1
    return _failed([Diagnostic("SS0902", f"cannot write the answer: {error.strerror}")])


def _failed(diagnostics: Sequence[Diagnostic]) -> int:
    from stackspec.render.diagnostics import diagnostics_text
    from stackspec.render.text import Style

    with suppress(OSError):  # nothing is left to tell it by
        sys.stderr.write(diagnostics_text(diagnostics, {}, Style(False)))
        sys.stderr.flush()
    return 1


def _bug(error: Exception) -> Diagnostic:
    import traceback

    from stackspec.core.secret import Redactor
    from stackspec.render.text import safe

    if Verbosity.verbose:
        told = Redactor.hidden_by_any(traceback.format_exc())
        sys.stderr.writelines(f"{safe(line)}\n" for line in told.split("\n")[:-1])
    hint = "this is a bug in stackspec: please report it" + ("" if Verbosity.verbose else ", with what -v shows")
    return Diagnostic("SS0999", f"{type(error).__name__}: {Redactor.hidden_by_any(str(error))}", hint=hint)
