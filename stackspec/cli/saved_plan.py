"""What `plan --out FILE` and `apply FILE` do with the file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.project import Planned
    from stackspec.saved_plan.model import SavedPlan


def save(session: Session, planned: Planned, file: str) -> str:
    """Save a plan; the line that says how to apply it.

    Raises:
        StackspecError: it cannot be written.
    """
    from stackspec.render.text import safe
    from stackspec.saved_plans import save_plan

    save_plan(session.project, planned, _path(file))
    words = [f"./{file}" if file.startswith("-") else file, *(word for one in session.files for word in ("-f", one))]
    return f"\nSaved. To carry out exactly this plan: stackspec apply {safe(shlex.join(words))}\n"


def reopen(
    session: Session, file: str, environment: str | None, planning: Mapping[str, object], lock_timeout: int
) -> tuple[SavedPlan, Planned]:
    """A plan that was saved, and the same made now.

    Args:
        environment: The one that was selected beside the file.
        planning: Option to what it was given, for those that a saved plan has in itself.

    Raises:
        StackspecError: the options do not go with the file, it is no plan of ours, or what it is bound to has changed.
    """
    from stackspec.core.diagnostic import StackspecError
    from stackspec.saved_plans import plan_as_saved, read_plan

    for option, given in planning.items():
        if given:
            message = f"{option} does not go with a saved plan, which has in it what it was made with"
            raise StackspecError.of("SS0901", message, hint=f"leave {option} away, or plan again with it")
    saved = read_plan(session.project, _path(file))
    named = saved.environment
    if saved.files and not session.files and named not in session.project.loaded.declarations.environment_names:
        message = f"the plan '{file}' was made with {' '.join(f'-f {one}' for one in saved.files)}"
        raise StackspecError.of("SS0901", message, hint="give the same manifests again")
    if environment not in (None, named):
        message = f"the plan '{file}' is for the environment '{named}', and -e selects '{environment}'"
        raise StackspecError.of("SS0901", message, hint=f"leave -e away, or give -e {named}")
    session.project.wait_for_writer(named, lock_timeout)
    return saved, plan_as_saved(session.project, saved)


def _path(file: str) -> Path:
    from stackspec.core.diagnostic import StackspecError

    if file in ("", "-") or os.path.basename(file) in ("", ".", ".."):
        raise StackspecError.of("SS0901", f"'{file}' cannot be the name of a saved plan", hint="give it a file's name")
    return Path(file)
