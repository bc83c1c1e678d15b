"""`stackspec exec`."""

from __future__ import annotations

from typing import Annotated

from stackspec.cli.options import Argument, EnvironmentName, Files, Option


def exec_(
    command: Annotated[list[str], Argument("The command and its arguments, behind '--'.", "COMMAND...")],
    stack: Annotated[
        str | None, Option(("--stack",), "The stack that it runs on; needed where there are several.", "NAME")
    ] = None,
    environment: EnvironmentName = None,
    variable: Annotated[
        list[str] | None,
        Option(("--variable",), "Have a variable for this run, instead of the stack's; never a secret.", "NAME=VALUE"),
    ] = None,
    files: Files = None,
) -> int:
    """Run a command with the variables and secrets of a stack; they are handed to it by environment only."""
    import os

    from stackspec.cli.process import be_as_started
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError

    with Session(files=files) as session:
        variables = session.project.variables(stack, environment, _given(variable or []))
        try:
            be_as_started()
            os.execvpe(command[0], command, {**os.environ, **variables})  # noqa: S606  what the user asked for
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "an argument or variable holds a NUL character"
            raise StackspecError.of("SS0904", f"cannot run '{command[0]}': {why}") from None


def _given(variables: list[str]) -> dict[str, str]:
    import re

    from stackspec.core.diagnostic import StackspecError
    from stackspec.manifest.model import VARIABLE_PATTERN

    given = {}
    for text in variables:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(VARIABLE_PATTERN, name):
            hint = "a variable is given as NAME=VALUE; its name has letters, digits and '_', and begins with no digit"
            raise StackspecError.of("SS0901", f"'{name[:80]}' of --variable is no variable", hint=hint)
        given[name] = value
    return given
