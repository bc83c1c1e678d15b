"""What a branch can affect: the manifests as they are, compared with those of a commit by what they mean."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath

from stackspec.checkout import branched_off, changed_files, contents, tree_at
from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Severity, has_errors, in_order
from stackspec.core.frozen import dataclass
from stackspec.core.places import followed
from stackspec.manifest.committed import CommittedReader
from stackspec.plan.model import NOT_SELECTED, Plan, Since
from stackspec.policy.policies import Policy
from stackspec.sources import Sources
from stackspec.stack.changes import differing, with_dependents
from stackspec.stack.model import DesiredState
from stackspec.stack.rules import managed_paths
from stackspec.state.model import AppliedState


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """What differs from a commit in one environment.

    Attributes:
        revision: As it was named.
        commit: Where what is checked out went apart from it.
        affected: The components of which something else is wanted by now, and all that stands on them; None where that
            cannot be told, and so may be every one.
        warnings: Why it cannot.
    """

    revision: str
    commit: str
    affected: frozenset[ComponentAddress] | None
    warnings: tuple[Diagnostic, ...] = ()

    def limits(self, plan: Plan, desired: DesiredState, applied: AppliedState) -> Since:
        """What it left out of a plan."""
        planned = [change for change in plan.changes if change.reason != NOT_SELECTED]
        there = {*desired.components, *applied.addresses}
        stacks = {
            name
            for address in there
            for one in (desired.components.get(address), applied.known(address))
            if one
            for name in one.stacks
        }
        untouched = stacks.difference(*(change.stacks for change in planned))
        left = there - {change.address for change in planned}
        return Since(self.revision, self.commit, tuple(sorted(left)), tuple(sorted(untouched)))


def changed_since(sources: Sources, revision: str, environment: str, now: DesiredState) -> ChangedSince:
    """What differs in an environment from where the checkout went apart from a revision.

    Args:
        now: What the manifests want of it.

    Raises:
        StackspecError: there is no repository or no such revision; or git fails.
    """
    commit = branched_off(sources.root, revision)
    tree = tree_at(sources.root, commit)
    earlier = sources.as_committed(CommittedReader(tree, partial(contents, sources.root)))
    is_known = environment in earlier.loaded.declarations.environment_names
    before, diagnostics = earlier.compile(environment) if is_known else (None, list(earlier.loaded.diagnostics))
    policies, wrong = earlier.policies
    if errors := [one for one in in_order([*diagnostics, *wrong]) if has_errors([one])]:
        return ChangedSince(revision, commit, None, (_unreadable(commit, errors[0]),))
    found = differing(before, now) if before else set(now.components)
    found |= _read_from(_changed_on_disk(sources.root, commit), sources, now)
    found |= _asked_otherwise(policies, sources.policies[0], now)
    states = [now, before] if before else [now]
    return ChangedSince(revision, commit, frozenset(with_dependents(found, *states)))


def _unreadable(commit: str, wrong: Diagnostic) -> Diagnostic:
    """The warning that nothing can be compared with a commit."""
    what = f"{wrong.source.file}: {wrong.message}" if wrong.source else wrong.message
    message = f"the manifests of {commit[:12]} are wrong, so every component counts as changed; {what}"
    hint = f"see them: git worktree add --detach ../before {commit[:12]}"
    return Diagnostic("SS1204", message, None, hint, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class _Changed:
    """What is another on disk; all paths are real ones, and absolute.

    Attributes:
        places: The files and links that are.
        folders: The folders around these.
    """

    places: frozenset[str]
    folders: frozenset[str]

    @classmethod
    def of(cls, places: Iterable[str]) -> _Changed:
        """Some files and links, with the folders around them."""
        kept = frozenset(places)
        return cls(kept, frozenset(str(folder) for place in kept for folder in PurePosixPath(place).parents))

    def has(self, path: str) -> bool:
        """Whether what is read from a path may be another: what it leads to, what is in that, or a link on the way."""
        places = followed(path, _link_at)
        return not self.places.isdisjoint(places) or places[-1] in self.folders


def _changed_on_disk(root: Path, commit: str) -> _Changed:
    """The files that a commit has otherwise than HEAD, and the links of HEAD through which these are read."""
    home = os.path.realpath(root)
    changed = _Changed.of(os.path.join(home, file) for file in changed_files(root, commit))
    links = {os.path.join(home, link) for link in tree_at(root, "HEAD").links} if changed.places else set()
    while more := {link for link in links - changed.places if changed.has(link)}:
        changed = _Changed.of(changed.places | more)
    return changed


def _link_at(place: str) -> str | None:
    try:
        return os.readlink(place)
    except OSError:
        return None


def _read_from(changed: _Changed, sources: Sources, now: DesiredState) -> set[ComponentAddress]:
    """The components of which a file or folder is another, that their config names."""
    home = os.path.realpath(sources.root)
    paths = managed_paths(now, sources.registry)
    return {path.component.address for path in paths if changed.has(os.path.join(home, path.text))}


def _asked_otherwise(before: list[Policy], policies: list[Policy], now: DesiredState) -> set[ComponentAddress]:
    """The components of which a policy asks something else, or one that is new asks anything."""
    known = {one.name: one.spec for one in before}
    others = [one for one in policies if known.get(one.name) != one.spec]
    return {
        address
        for address, one in now.components.items()
        if any(policy.is_about(address.type, one.flavor, now.environment.name, one.labels) for policy in others)
    }
