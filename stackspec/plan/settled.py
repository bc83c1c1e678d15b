"""Which files of a project a plan can do without, since it is known of them that everything is as applied.

A file is settled where a plan found nothing to do, to record or to tell of anything that it declares. While it is the
same, the state is the same, and nothing that it stands on has changed, the next plan would find just that again. So a
plan needs to read the files that changed, those that stand on them, and what these stand on in turn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from posixpath import dirname
from typing import NamedTuple

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.frozen import dataclass
from stackspec.flavors.registry import Registry
from stackspec.plan.model import Action, Plan
from stackspec.stack.declared import Declarations
from stackspec.stack.graph import closure, reversed_edges
from stackspec.stack.model import DesiredState
from stackspec.stack.rules import managed_paths
from stackspec.state.model import AppliedState


class FileFacts(NamedTuple):
    """What a plan found of one file.

    Attributes:
        is_settled: Whether nothing is to be done, recorded or told of what it declares.
        is_shared: Whether it holds what every file may depend on: the Project, an Environment, a Policy.
        names: What it declares beside its components, `stack/NAME` or `TYPE/NAME`, and the addresses that these had
            before.
        needs: The files that declare what its stacks and components stand on.
        components: The addresses of its components in the environment.
        paths: The paths that its components manage, without detours.
        stacks: The name of each of its stacks in the environment to whether it is suspended.
    """

    is_settled: bool
    is_shared: bool
    names: tuple[str, ...]
    needs: tuple[str, ...]
    components: tuple[str, ...]
    paths: tuple[str, ...]
    stacks: Mapping[str, bool]


class Part(NamedTuple):
    """What is wanted and what is applied of the files that were read.

    Attributes:
        untouched: How many components are as applied beside those.
    """

    desired: DesiredState
    applied: AppliedState
    untouched: int


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a plan is narrowed to.

    Attributes:
        facts: Each file to what was found of it.
        skipped: The files that need not be read.
        context: The settled files that are read for what others need of them.
    """

    facts: Mapping[str, FileFacts]
    skipped: frozenset[str]
    context: frozenset[str]

    @property
    def read(self) -> list[str]:
        """The addresses of what is applied of the other files."""
        return [address for file, one in self.facts.items() if file not in self.skipped for address in one.components]


def facts_of(
    plan: Plan, desired: DesiredState, declared: Declarations, registry: Registry, diagnostics: Iterable[Diagnostic]
) -> dict[str, FileFacts] | None:
    """What a plan of everything found of each file; None where there is something that no one file is to blame for."""
    homes = _homes(desired)
    places = [one.source.file if one.source else None for one in diagnostics]
    places += [homes.get(one.address) for one in plan.changes if one.action is not Action.NO_OP or one.recorded]
    names, shared = _names(declared, desired), _shared(declared)
    if None in places or not shared.isdisjoint(places) or plan.moves:
        return None
    needs: dict[str, set[str]] = {file: set() for file in names}
    components: dict[str, list[str]] = {file: [] for file in names}
    stacks: dict[str, dict[str, bool]] = {file: {} for file in names}
    paths: dict[str, list[str]] = {file: [] for file in names}
    for address, component in desired.components.items():
        components[homes[address]].append(str(address))
        needs[homes[address]].update(homes[other] for other in component.depends_on)
    for stack in desired.stacks.values():
        file = stack.origin.document.source.file
        stacks[file][stack.name] = stack.suspended
        needs[file].update(homes[one] for found in stack.components.values() for one in found)
    for path in managed_paths(desired, registry):
        paths[homes[path.component.address]].append(path.normal)
    return {
        file: FileFacts(
            file not in places,
            file in shared,
            tuple(one for one in taken if one not in components[file]),
            tuple(needs[file] - {file}),
            tuple(components[file]),
            tuple(paths[file]),
            stacks[file],
        )
        for file, taken in names.items()
    }


def _homes(desired: DesiredState) -> dict[ComponentAddress, str]:
    """The file that each component is declared in."""
    return {address: one.origin.document.source.file for address, one in desired.components.items() if one.origin}


def _shared(declared: Declarations) -> set[str]:
    """The files that hold what every file may depend on."""
    kinds = (declared.environments, declared.secrets, declared.secret_stores, declared.policies)
    project = [declared.project_manifest] if declared.project_manifest else []
    return {one.place.file for one in (*project, *(one for kind in kinds for one in kind.values()))}


def _names(declared: Declarations, desired: DesiredState) -> dict[str, list[str]]:
    """Each file to the names that what it declares has, or had before."""
    names: dict[str, list[str]] = {file: [] for file in _shared(declared)}
    for name, stack in declared.stacks.items():
        names.setdefault(stack.document.source.file, []).append(f"stack/{name}")
    for (kind, name), one in declared.components.items():
        names.setdefault(one.document.source.file, []).append(f"{kind}/{name}")
    for address, file in _homes(desired).items():
        taken = names.setdefault(file, [])
        taken += [one for one in map(str, (address, *desired.components[address].moved)) if one not in taken]
    return names


def narrow(facts: Mapping[str, FileFacts], changed: Collection[str]) -> Narrowing:
    """What has to be planned anew where some files changed.

    Args:
        facts: Each file to what the plan before found of it.
        changed: The files that are others by now, or gone, or new.
    """
    needs = {file: one.needs for file, one in facts.items()}
    starts = {*changed, *(file for file, one in facts.items() if not one.is_settled)}
    affected = closure(starts, reversed_edges(needs))
    reached = closure([*affected, *(file for file, one in facts.items() if one.is_shared)], needs)
    return Narrowing(facts, frozenset(facts.keys() - reached), frozenset(facts.keys() & reached - affected))


def as_part(
    narrowing: Narrowing, declared: Declarations, desired: DesiredState, applied: AppliedState, registry: Registry
) -> Part | None:
    """The files that were read as a part of the project, of which the plan is what the whole one's would be.

    Args:
        declared: What the files that were read declare.
        applied: What is applied, without what the skipped files declare.

    Returns:
        None where there is no planning without the whole: the part takes a name or path of a file that was skipped, or
        what it shares with others is used by other stacks than before.
    """
    facts, skipped = narrowing.facts, narrowing.skipped
    if _shared(declared) - {file for file, one in facts.items() if one.is_shared}:
        return None
    names = {name for found in _names(declared, desired).values() for name in found}
    if any(name in names for file in skipped for kind in (facts[file].names, facts[file].components) for name in kind):
        return None
    if _crosses(narrowing, desired, registry):
        return None
    elsewhere = {name for file in skipped for name in facts[file].stacks}
    suspended = {name: flag for one in facts.values() for name, flag in one.stacks.items()}
    components, records = dict(desired.components), dict(applied.components)
    for address in (ComponentAddress.parse(one) for file in narrowing.context for one in facts[file].components):
        record, wanted = records.get(address), components.get(address)
        users = set(wanted.stacks) if wanted is not None else set()
        if record is None or {*record.stacks} - elsewhere != users:
            return None
        if any(desired.stacks[name].suspended != suspended.get(name) for name in users):
            return None
        if wanted is None:
            del records[address]
        else:
            components[address] = replace(wanted, stacks=record.stacks, suspended=record.suspended)
    left = sum(len(facts[file].components) for file in skipped) + len(applied.components) - len(records)
    return Part(replace(desired, components=components), replace(applied, components=records), left)


def _crosses(narrowing: Narrowing, desired: DesiredState, registry: Registry) -> bool:
    """Whether a path that was not managed before may have to do with one of a file that was skipped."""
    facts, skipped = narrowing.facts, narrowing.skipped
    before = {path for file, one in facts.items() if file not in skipped for path in one.paths}
    new = {path.normal for path in managed_paths(desired, registry)} - before
    if not new:
        return False
    others = {path for file in skipped for path in facts[file].paths}
    return any(
        not others.isdisjoint(_and_above(path)) or any(other.startswith(f"{path}/") for other in others) for path in new
    )


def _and_above(path: str) -> Iterable[str]:
    yield path
    while (above := dirname(path)) not in ("", path):
        yield above
        path = above
