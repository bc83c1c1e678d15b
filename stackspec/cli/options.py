"""What commands take, as data: Typer reads it for help and errors, `plain` for everyday arguments.

A command is a function; each parameter is annotated with its type and an `Option` or `Argument`. Nothing here, and no
command, imports Typer: it takes longer to start than a plan of a small project.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NamedTuple


class Option(NamedTuple):
    """An option: its names, the long one first, and what the help says of it."""

    names: tuple[str, ...]
    help: str
    metavar: str | None = None
    least: int | None = None
    most: int | None = None

    @property
    def variable(self) -> str:
        """The process variable that gives the option where the command line does not."""
        return "STACKSPEC_" + self.names[0].removeprefix("--").replace("-", "_").upper()


class Argument(NamedTuple):
    """A positional argument, and what the help says of it."""

    help: str
    metavar: str


class OutputFormat(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


class ReportFormat(StrEnum):
    """How a command answers whose answer is read in pull requests and by CI too."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"
    GITLAB = "gitlab"


Output = Annotated[OutputFormat, Option(("--output", "-o"), "How to answer.", "text|json")]
ReportOutput = Annotated[
    ReportFormat, Option(("--output", "-o"), "How to answer.", "text|json|markdown|github|sarif|junit|gitlab")
]
OutputFile = Annotated[
    str | None, Option(("--output-file",), "Write the answer to this file instead of standard output.", "FILE")
]
Comment = Annotated[
    str | None,
    Option(
        ("--comment",), "Write the Markdown for a comment to this file too; with -o github or another report.", "FILE"
    ),
]
EnvironmentName = Annotated[str | None, Option(("--environment", "-e"), "The environment to work on.", "NAME")]
Environments = Annotated[
    list[str] | None,
    Option(("--environment", "-e"), "An environment to work on; by default all that are declared.", "NAME"),
]
Files = Annotated[
    list[str] | None,
    Option(
        ("--file", "-f"),
        "Read manifests from here instead of the project's folders; '-' is standard input.",
        "FILE",
    ),
]
Stacks = Annotated[list[str] | None, Option(("--stack",), "Plan only what this stack uses.", "NAME")]
Targets = Annotated[
    list[str] | None, Option(("--target",), "Plan only this component and what it depends on.", "ADDRESS")
]
Replacements = Annotated[
    list[str] | None, Option(("--replace",), "Replace this component though nothing changed.", "ADDRESS")
]
Refresh = Annotated[
    bool, Option(("--refresh",), "Look at every component first, and mend what is not as it was applied.")
]
ShowAll = Annotated[bool, Option(("--all",), "Show unchanged components too.")]
AllowEmpty = Annotated[bool, Option(("--allow-empty",), "Go on though the manifests declare no component.")]
Untrusted = Annotated[
    bool,
    Option(
        ("--untrusted",),
        "Trust nothing of the checkout: no variables, secrets, state, network or programs. The default where CI tells "
        "that a pull request comes from a fork, or may.",
    ),
]
FailIfSecretsMissing = Annotated[
    bool, Option(("--fail-if-secrets-missing",), "Ask every store, and take a secret without a value for an error.")
]
DryRun = Annotated[bool, Option(("--dry-run",), "Show what would change, and write nothing.")]
ManifestFile = Annotated[
    str | None, Option(("--to",), "The file to add it to, from the project's root; by default one of its own.", "FILE")
]
Yes = Annotated[bool, Option(("--yes", "-y", "--auto-approve"), "Do not ask; needed without a terminal.")]
Approve = Annotated[
    str | None, Option(("--approve",), "The name of the protected environment to change.", "ENVIRONMENT")
]
Parallelism = Annotated[int, Option(("--parallelism",), "Hooks at once.", "N", least=1, most=256)]
LockTimeout = Annotated[
    int,
    Option(("--lock-timeout",), "Seconds to wait for another writer of the state.", "SECONDS", least=0, most=86_400),
]
