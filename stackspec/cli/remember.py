"""Which answers are remembered, to be told again, and which plans are made of what has changed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from stackspec.cli.session import Session
from stackspec.plan.selection import EVERYTHING
from stackspec.remembered import Answer
from stackspec.remembered import remember as keep
from stackspec.seen_files import NotSettledError, Origins, ways

if TYPE_CHECKING:
    from stackspec.plan.request import Request
    from stackspec.project import Planned
    from stackspec.seen_files import Seen
    from stackspec.settled import PartlyPlanned


_OF_DAMAGE = ("SS0701", "SS0702")
"""What is told of a state that cannot be read; what to do about it hangs on what else is in its folder."""


class PlanOfFiles:
    """A plan, as far as it is made of files and nothing else.

    Args:
        environment: As it was asked for.
        asked_at: When the command began, in nanoseconds since the epoch.
    """

    def __init__(self, session: Session, environment: str | None, request: Request, asked_at: int) -> None:
        self._session = session
        self._environment = environment
        self._request = request
        self._asked_at = asked_at
        self._part: PartlyPlanned | None = None

    def of_what_changed(self) -> Planned | None:
        """The plan, where it is known from before of some files that nothing is to be done of what they declare."""
        if not self._is_of_everything or self._session.untrusted or self._session.files:
            return None
        from stackspec.settled import plan_what_changed

        self._part = plan_what_changed(self._session.project, self._environment, self._request)
        if self._part is None:
            return None
        self._session.go_on_with(self._part.project)
        return self._part.planned

    @property
    def _is_of_everything(self) -> bool:
        request = self._request
        return (
            request.selection == EVERYTHING
            and request.from_manifests
            and request.run_state is None
            and not request.refresh
        )

    def remember(self, planned: Planned, code: int) -> None:
        """Keep what it said, and what it found, where it would be the same of the same files."""
        project, request = self._session.project, self._request
        if request.refresh or request.selection.adopt or planned.plan.since:
            return
        if project.settings.state.backend != "sqlite" or any(one.proof for one in planned.applied.known_components):
            return
        if any(one.imported for one in planned.desired.components.values()):
            return
        if any(one.code in _OF_DAMAGE for one in planned.diagnostics):
            return
        if not _is_of_files(self._session):
            return
        try:
            seen: Seen = {}
            origins = _origins(self._session, self._asked_at)
            if self._part is not None:
                origins, seen = self._part.settled.with_ways(origins), self._part.settled.seen
            elif self._is_of_everything:
                from stackspec.settled import keep_settled

                seen = keep_settled(project, self._environment, planned, origins, self._asked_at)
            _keep(self._session, origins, code, self._asked_at, seen)
        except (OSError, ValueError, NotSettledError):
            return  # both are made again next time


def remember_validation(session: Session, code: int, asked_at: int) -> None:
    """Keep what a validation of the whole project said, where it would say the same of the same files.

    Args:
        asked_at: When the command began, in nanoseconds since the epoch.
    """
    if not _is_of_files(session):
        return
    try:
        _keep(session, _origins(session, asked_at), code, asked_at, {})
    except (OSError, ValueError, NotSettledError):
        return  # it is made again next time


def _is_of_files(session: Session) -> bool:
    """Whether an answer was made of files, and no secret, stranger or other package had a part in it."""
    project = session.project
    others = project.settings.plugins or project.loaded.declarations.secrets or not project.registry.was_ours_alone
    return not (session.untrusted or session.files or session.warnings or others)


def _origins(session: Session, asked_at: int) -> Origins:
    project = session.project
    return Origins(
        project.settings.manifests, project.settings.env, ways(str(project.root), sorted(project.ways), asked_at)
    )


def _keep(session: Session, origins: Origins, code: int, asked_at: int, known: Seen) -> None:
    out, err = ("".join(text for is_out, text in session.said if is_out is wanted) for wanted in (True, False))
    keep(sys.argv[1:], origins, Answer(out, err, code), asked_at, known)
