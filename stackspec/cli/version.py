"""`stackspec version`."""

from __future__ import annotations

import json

import typer

from stackspec import __version__
from stackspec.cli.options import Output, OutputFormat


def version(output: Output = OutputFormat.TEXT) -> None:
    """Print the version."""
    if output is OutputFormat.JSON:
        typer.echo(json.dumps({"version": __version__}))
    else:
        typer.echo(f"stackspec {__version__}")


def print_and_exit(wanted: bool) -> None:
    """The option `--version`."""
    if wanted:
        typer.echo(f"stackspec {__version__}")
        raise typer.Exit
