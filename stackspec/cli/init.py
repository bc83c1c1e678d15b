"""`stackspec init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from stackspec.cli.options import Argument


def init(
    folder: Annotated[str, Argument("Where to make the project.", "[DIR]")] = ".",
) -> int:
    """Make a working project: settings, a local stack, .gitignore, pre-commit and CI files."""
    from stackspec.cli.session import Session
    from stackspec.render.text import safe
    from stackspec.scaffold import write_project

    with Session() as session:
        for path, what in write_project(Path(folder)):
            session.answer(f"{what:<8} {safe(str(path))}\n")
        start = "" if folder == "." else f" -C {safe(folder)}"
        session.answer(f"\nNext: stackspec{start} plan, then stackspec{start} apply.\n")
    return 0
