"""What commands that change manifests have in common: checked, written, shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from stackspec.cli.session import Session

if TYPE_CHECKING:
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.edit.catalogue import Catalogue
    from stackspec.edit.edits import Edit
    from stackspec.editing import Editing
    from stackspec.manifest.text import SourceText


def carry_out(
    session: Session,
    edits: Callable[[Editing], Sequence[Edit]],
    *,
    dry_run: bool,
    beside: Sequence[Diagnostic] = (),
    texts: Mapping[str, SourceText] | None = None,
) -> int:
    """Make edits of manifests and show them as a diff.

    Args:
        beside: What there is to warn of beside the manifests, once the edits are known.
        texts: File to text, for what that speaks of.

    Raises:
        StackspecError: the manifests would be wrong then, or a file cannot be written.
    """
    from stackspec.editing import Editing, RefusedEditError
    from stackspec.render.catalogue import edit_json

    editing = Editing(session.project)
    try:
        files, warnings = editing.check(edits(editing))
    except RefusedEditError as error:
        session.speak_of({**(texts or {}), **error.texts})
        raise RefusedEditError([*beside, *error.diagnostics], error.texts) from None
    warnings = [*beside, *warnings]
    diff = editing.diff(files)
    if not dry_run:
        editing.write(files)
    if session.json:
        session.answer_json(edit_json(files, diff, warnings, written=not dry_run))
        return 0
    session.speak_of({**(texts or {}), **editing.texts(files)})
    session.report(warnings)
    session.answer(diff)
    if not diff:
        session.tell("Nothing is to be changed.")
    else:
        session.tell("Nothing was written." if dry_run else "Written; 'stackspec apply' makes it real.")
    return 0


def catalogue(session: Session) -> Catalogue:
    """What the project declares."""
    from stackspec.editing import Editing

    return Editing(session.project).catalogue
