"""The options that several commands share; each can be given as STACKSPEC_NAME in the environment."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[
    OutputFormat, typer.Option("--output", "-o", envvar="STACKSPEC_OUTPUT", help="How to answer.", metavar="text|json")
]
EnvironmentName = Annotated[
    str | None,
    typer.Option(
        "--environment", "-e", envvar="STACKSPEC_ENVIRONMENT", help="The environment to work on.", metavar="NAME"
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        envvar="STACKSPEC_FILE",
        help="Read manifests from here instead of the project's folders; '-' is standard input.",
        metavar="FILE",
    ),
]
Stacks = Annotated[
    list[str] | None,
    typer.Option("--stack", envvar="STACKSPEC_STACK", help="Plan only what this stack uses.", metavar="NAME"),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        envvar="STACKSPEC_TARGET",
        help="Plan only this component and what it depends on.",
        metavar="ADDRESS",
    ),
]
Replacements = Annotated[
    list[str] | None,
    typer.Option(
        "--replace",
        envvar="STACKSPEC_REPLACE",
        help="Replace this component though nothing changed.",
        metavar="ADDRESS",
    ),
]
ShowAll = Annotated[bool, typer.Option("--all", envvar="STACKSPEC_ALL", help="Show unchanged components too.")]
AllowEmpty = Annotated[
    bool,
    typer.Option(
        "--allow-empty", envvar="STACKSPEC_ALLOW_EMPTY", help="Go on though the manifests declare no component."
    ),
]
