"""What a plan found to be as applied, kept for the next plan: that reads what has changed since, and what it takes.

What a plan found of each file is kept beside the local state, as answers are, and of the same plans. The next one
compares the files with those, and plans the part of the project that the others are. It finds what a plan of everything
would, or else everything is planned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stackspec.core.diagnostic import StackspecError, has_errors
from stackspec.core.expression import MOST_WORK
from stackspec.core.frozen import dataclass
from stackspec.plan.request import Request
from stackspec.plan.settled import FileFacts, as_part, facts_of, narrow
from stackspec.project import Planned, Project
from stackspec.seen_files import (
    STATE_FOLDER,
    NotSettledError,
    Origins,
    cache_file,
    digest,
    digests_of,
    handed_over,
    is_linked,
    keep,
    kept,
    marks,
    values,
)
from stackspec.state.sqlite import SqliteStateStore

if TYPE_CHECKING:
    from stackspec.seen_files import Seen

_FORMAT = "stackspec settled 1"
_SUFFIX = ".settled"
_MOST = 8
"""Environments of one project of which something is kept."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a plan found of each file.

    Attributes:
        seen: The files as they were then, those of states among them.
        state: The lineage and serial of the state that was read.
        work: What the expressions of everything took of their budget.
    """

    origins: Origins
    seen: Seen
    state: tuple[str, int]
    work: int
    facts: Mapping[str, FileFacts]

    def with_ways(self, origins: Origins) -> Origins:
        """The same origins, of the whole and not of a part alone."""
        return Origins(origins.folders, origins.variables, {**self.origins.ways, **_joined(self.origins, origins)})


@dataclass(frozen=True, slots=True)
class PartlyPlanned:
    """A plan of what has changed, and the part of the project that was read for it."""

    planned: Planned
    project: Project
    settled: Settled


def plan_what_changed(project: Project, environment: str | None, request: Request) -> PartlyPlanned | None:
    """A plan that reads only what has changed since another was made, and what that takes.

    Args:
        environment: As it was asked for.
        request: For what the manifests say, all of it.

    Returns:
        None where there was none, or it takes everything; and where something is wrong, which the plan of everything
        tells.
    """
    root = str(project.root)
    try:
        if (settled := _read(root, environment)) is None or is_linked(root, settled.origins):
            return None
        changed = _changed(root, settled)
    except (OSError, ValueError, KeyError, TypeError, NotSettledError):
        return None  # there is none, or nothing that can be read
    if any(
        file.startswith(STATE_FOLDER) or (file in settled.facts and settled.facts[file].is_shared) for file in changed
    ):
        return None
    narrowing = narrow(settled.facts, changed)
    if not narrowing.skipped:
        return None
    part = project.without(narrowing.skipped)
    try:
        desired, diagnostics = part.compile(name := part.environment(environment))
        store = part.store(name)
        if has_errors(diagnostics) or not isinstance(store, SqliteStateStore):
            return None
        if settled.work + part.work > MOST_WORK:
            return None  # together the expressions may take too much
        applied = store.read_some(narrowing.read)
        if (applied.lineage, applied.serial) != settled.state:
            return None
        found = as_part(narrowing, part.loaded.declarations, desired, applied, part.registry)
        if found is None or found.applied.pending or found.applied.deposed:
            return None
        # Where nothing is wanted of the files that were read, the project still wants what the others say.
        may_be_empty = replace(request, allow_empty=request.allow_empty or found.untouched > 0)
        planned = part.plan_between(found.desired, found.applied, diagnostics, may_be_empty)
    except StackspecError:
        return None
    plan = replace(planned.plan, untouched=found.untouched)
    return PartlyPlanned(replace(planned, plan=plan, request=request), part, settled)


def keep_settled(project: Project, environment: str | None, planned: Planned, origins: Origins, asked_at: int) -> Seen:
    """Keep what a plan of everything found, where anything is settled; the files as they are.

    Args:
        environment: As it was asked for.
        asked_at: When the plan was begun, in nanoseconds since the epoch.

    Raises:
        OSError: a file cannot be read or written.
        NotSettledError: what is there now may not be what was planned.
    """
    root = str(project.root)
    now = marks(root, origins, asked_at)
    seen = dict(zip(now, zip(now.values(), digests_of(root, now, {}), strict=True), strict=True))
    if marks(root, origins) != now:
        raise NotSettledError
    facts = facts_of(planned.plan, planned.desired, project.loaded.declarations, project.registry, planned.diagnostics)
    applied = planned.applied
    if facts is not None and facts.keys() <= seen.keys() and not applied.pending and not applied.deposed:
        state = (applied.lineage, applied.serial)
        document = [values(origins), origins.folders, origins.variables, origins.ways, seen, state, project.work, facts]
        text = json.dumps(document, separators=(",", ":"))
        keep(root, _file(root, environment), text, _SUFFIX, _MOST)
    return seen


def _joined(whole: Origins, part: Origins) -> dict[str, tuple[str, list[str]]]:
    """The ways of a part, with all that the whole has in the same folders."""
    return {
        folder: (mark, list(dict.fromkeys([*whole.ways.get(folder, ("", ()))[1], *paths])))
        for folder, (mark, paths) in part.ways.items()
    }


def _read(root: str, environment: str | None) -> Settled | None:
    text = kept(_file(root, environment))
    if text is None:
        return None
    document: list[Any] = json.loads(text)
    read, folders, variables, ways, seen, (lineage, serial), work, facts = document
    origins = Origins(folders, variables, ways)
    if read != values(origins):
        return None
    return Settled(origins, seen, (lineage, serial), work, {file: FileFacts(*one) for file, one in facts.items()})


def _changed(root: str, settled: Settled) -> set[str]:
    """The files that are others by now, or gone, or new."""
    now, before = handed_over(root, settled.origins), settled.seen
    found = {name for name in now.keys() | before.keys() if name not in now or name not in before}
    touched = (name for name, mark in now.items() if name in before and before[name][0] != mark)
    return found | {name for name in touched if before[name][1] != digest(root, name)}


def _file(root: str, environment: str | None) -> str:
    return cache_file(root, (_FORMAT, environment), _SUFFIX)
