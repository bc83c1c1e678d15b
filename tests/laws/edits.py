"""Edits that a person may make to a project, and hypothesis strategies for whole histories of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.laws.blueprint import FLAVOR_NAMES, NAMES, OUTPUTS, STACKS, Blueprint, Part

Verb = Callable[[Blueprint, str, int], Blueprint]


def add(project: Blueprint, name: str, number: int) -> Blueprint:
    part = Part(FLAVOR_NAMES[number % 3], stacks=frozenset({STACKS[number % 2]}), ahead=number > 1)
    return project if name in project.parts else replace(project, parts={**project.parts, name: part})


def remove(project: Blueprint, name: str, _number: int) -> Blueprint:
    parts = {other: part.without(name) for other, part in project.parts.items() if other != name}
    return replace(project, parts=parts)


def resize(project: Blueprint, name: str, number: int) -> Blueprint:
    return project.changed(name, size=number)


def reshape(project: Blueprint, name: str, number: int) -> Blueprint:
    return project.changed(name, shape="round" if number % 2 else "square")


def reflavor(project: Blueprint, name: str, number: int) -> Blueprint:
    return project.changed(name, flavor=FLAVOR_NAMES[number % 3])


def read(project: Blueprint, name: str, number: int) -> Blueprint:
    other = _other(project, name, number)
    reads = project.parts[name].reads
    return project.changed(name, reads=(*reads, (other, OUTPUTS[number % 3]))) if other else project


def stand(project: Blueprint, name: str, number: int) -> Blueprint:
    other = _other(project, name, number)
    return project.changed(name, base=other) if other else project


def wait(project: Blueprint, name: str, number: int) -> Blueprint:
    other = _other(project, name, number)
    return project.changed(name, waits=project.parts[name].waits | {other}) if other else project


def unlink(project: Blueprint, name: str, _number: int) -> Blueprint:
    return project.changed(name, reads=(), base=None, waits=frozenset())


def turn(project: Blueprint, name: str, number: int) -> Blueprint:
    """Turn a dependency round: what stood on the part is what the part stands on."""
    other = NAMES[number % len(NAMES)]
    if other not in project.parts or name not in project.parts[other].needs:
        return project
    turned = replace(project, parts={**project.parts, other: project.parts[other].without(name)})
    return read(turned, name, number)


def share(project: Blueprint, name: str, _number: int) -> Blueprint:
    return project.changed(name, shared=not project.parts[name].shared)


def move(project: Blueprint, name: str, number: int) -> Blueprint:
    return project.changed(name, stacks=project.parts[name].stacks ^ {STACKS[number % 3]})


def retain(project: Blueprint, name: str, _number: int) -> Blueprint:
    return project.changed(name, retain=not project.parts[name].retain)


def protect(project: Blueprint, name: str, _number: int) -> Blueprint:
    return project.changed(name, protect=not project.parts[name].protect)


def hurry(project: Blueprint, name: str, _number: int) -> Blueprint:
    return project.changed(name, ahead=not project.parts[name].ahead)


def renew(project: Blueprint, name: str, _number: int) -> Blueprint:
    """Have the part replaced, the new one made first."""
    shape = "square" if project.parts[name].shape == "round" else "round"
    return project.changed(name, shape=shape, ahead=True)


def suspend(project: Blueprint, _name: str, number: int) -> Blueprint:
    return replace(project, suspended=project.suspended ^ {STACKS[number % 3]})


def drop_stack(project: Blueprint, _name: str, number: int) -> Blueprint:
    stack = STACKS[number % 3]
    for name, part in project.parts.items():
        if part.is_inline and stack in part.stacks:
            project = remove(project, name, 0)
        elif stack in part.stacks:
            project = project.changed(name, stacks=part.stacks - {stack})
    return project


ADDING: tuple[Verb, ...] = (add, add, add, read, stand, wait, share, move, hurry)
CHANGING: tuple[Verb, ...] = (
    *(add, remove, remove, resize, reshape, renew, renew, renew, reflavor, read, stand, wait, unlink, turn),
    *(share, move, suspend, suspend, drop_stack, hurry),
)
GUARDING: tuple[Verb, ...] = (retain, protect)
_NEEDS_NO_PART = (add, suspend, drop_stack)


@dataclass(frozen=True)
class Edit:
    """One edit; `number` chooses among what the verb may do."""

    verb: Verb
    name: str
    number: int

    def __repr__(self) -> str:
        return f"{self.verb.__name__}({self.name}, {self.number})"


def edited(project: Blueprint, edits: Iterable[Edit]) -> Blueprint:
    """The project after the edits; a name that is not there stands for one that is."""
    for edit in edits:
        if edit.verb in _NEEDS_NO_PART or edit.name in project.parts:
            project = edit.verb(project, edit.name, edit.number)
        elif project.parts:
            names = sorted(project.parts)
            project = edit.verb(project, names[NAMES.index(edit.name) % len(names)], edit.number)
    return project


def edits(verbs: tuple[Verb, ...], least: int = 0, most: int = 6) -> st.SearchStrategy[list[Edit]]:
    """Lists of edits."""
    one = st.builds(Edit, st.sampled_from(verbs), st.sampled_from(NAMES), st.integers(0, 5))
    return st.lists(one, min_size=least, max_size=most)


def projects(least: int = 8) -> st.SearchStrategy[Blueprint]:
    """Projects of a few components that stand on each other."""
    some = edited(Blueprint(), [Edit(add, name, number) for number, name in enumerate(NAMES[:4])])
    return edits((*ADDING, resize, suspend, remove), least, 16).map(lambda found: edited(some, found))


def _other(project: Blueprint, name: str, number: int) -> str | None:
    """Another part that may be stood on without a circle."""
    found = [other for other in project.parts if not project.reaches(other, name)]
    return found[number % len(found)] if found else None
