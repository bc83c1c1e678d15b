"""`stackspec init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="Where to make the project.", metavar="[DIR]")] = Path("."),
) -> None:
    """Make a working project: settings, a local stack, .gitignore, pre-commit and CI files."""
    from stackspec.cli.session import Session
    from stackspec.scaffold import write_project

    with Session() as session:
        for path, what in write_project(folder):
            session.answer(f"{what:<8} {path}\n")
        start = "" if folder == Path(".") else f" -C {folder}"
        session.answer(f"\nNext: stackspec{start} plan, then stackspec{start} apply.\n")
