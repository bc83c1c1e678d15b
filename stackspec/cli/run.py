"""One command line from its words to its exit code, and how every error ends."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from stackspec.cli import plain
from stackspec.cli.start import Verbosity
from stackspec.core.diagnostic import Diagnostic, StackspecError


def run(arguments: Sequence[str]) -> int:
    """Run the command line given; the exit code."""
    # A compilation makes many small objects and drops few: to collect them over and over costs more than it frees. An
    # apply, which runs flavors' code and may take long, turns the collector on again.
    gc.disable()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
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


def _failed(diagnostics: Sequence[Diagnostic]) -> int:
    from stackspec.render.diagnostics import diagnostics_text
    from stackspec.render.text import Style

    sys.stderr.write(diagnostics_text(diagnostics, {}, Style(False)))
    return 1


def _bug(error: Exception) -> Diagnostic:
    import traceback

    if Verbosity.verbose:
        traceback.print_exc()
    hint = "this is a bug in stackspec: please report it" + ("" if Verbosity.verbose else ", with what -v shows")
    return Diagnostic("SS0999", f"{type(error).__name__}: {error}", hint=hint)
