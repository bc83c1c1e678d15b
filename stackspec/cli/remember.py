"""Which answers are remembered, to be told again."""

from __future__ import annotations

import sys

from stackspec.cli.session import Session
from stackspec.project import Planned
from stackspec.remembered import Answer, Sources
from stackspec.remembered import remember as keep


def remember_plan(session: Session, planned: Planned, code: int, asked_at: int) -> None:
    """Keep what a plan said, where it would say the same of the same files.

    Args:
        asked_at: When the command began, in nanoseconds since the epoch.
    """
    request, desired = planned.request, planned.desired
    if session.project.settings.state.backend != "sqlite" or request.refresh or planned.plan.since:
        return
    if any(one.proof for one in planned.applied.known_components):
        return
    if request.selection.adopt or any(one.imported for one in desired.components.values()):
        return
    _remember(session, code, asked_at)


def remember_validation(session: Session, code: int, asked_at: int) -> None:
    """Keep what a validation of the whole project said, as `remember_plan`."""
    _remember(session, code, asked_at)


def _remember(session: Session, code: int, asked_at: int) -> None:
    """Keep an answer that was made of files, unless a secret, a stranger or another package had a part in it."""
    project = session.project
    settings, declared = project.settings, project.loaded.declarations
    if session.untrusted or session.files or session.warnings or declared.secrets or settings.plugins:
        return
    if not project.registry.was_ours_alone:
        return
    out, err = ("".join(text for is_out, text in session.said if is_out is wanted) for wanted in (True, False))
    keep(
        sys.argv[1:], Sources(settings.manifests, settings.env, sorted(project.ways)), Answer(out, err, code), asked_at
    )
