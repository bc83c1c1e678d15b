"""What a plan is bound to, and what of it is another by now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from stackspec.core.diagnostic import Diagnostic, Note
from stackspec.core.values import digest as fingerprint
from stackspec.flavors.contract import Flavor, FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.saved_plan.key import Digest
from stackspec.saved_plan.model import Bindings, FlavorVersion, SavedPlan
from stackspec.stack.meaning import meaning, record
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedState
from stackspec.state.store import Chapter

PLAN_AGAIN = "make the plan again, by 'stackspec plan --out'"

_MOST_NAMED = 5
"""How many of the components that differ are named."""


def bindings(
    desired: DesiredState,
    applied: AppliedState,
    registry: Registry,
    allowed_paths: Iterable[str],
    digest: Digest,
    version: str,
    commit: str | None,
) -> Bindings:
    """What a plan from `applied` to `desired` is bound to."""
    said = {**meaning(desired), "allowed_paths": sorted(allowed_paths)}
    return Bindings(
        version,
        applied.lineage,
        applied.serial,
        _flavors(desired, applied, registry),
        {name: digest(value) for name, value in said.items()},
        commit,
    )


def _flavors(desired: DesiredState, applied: AppliedState, registry: Registry) -> dict[str, FlavorVersion]:
    named = {(address.type, one.flavor) for address, one in desired.components.items()}
    named |= {(address.type, one.flavor) for address, one in applied.components.items()}
    begun = (*applied.pending.values(), *applied.deposed.values())
    named |= {(one.component.address.type, one.component.flavor) for one in begun}
    found = {}
    for kind, name in sorted(named):
        if registry.knows(kind, name):  # one that is only in the state may be gone
            version = FlavorVersion(_spec_digest(registry.spec(kind, name)), _package(registry.flavor(kind, name)))
            found[f"{kind}/{name}"] = version
    return found


def _spec_digest(spec: FlavorSpec) -> str:
    return fingerprint(record(spec))


def _package(flavor: type[Flavor]) -> str | None:
    """The distribution that a flavor is from, with its version; None for our own, and where none is installed."""
    module = flavor.__module__.partition(".")[0]
    if module == "stackspec":
        return None
    from importlib.metadata import packages_distributions, version

    names = sorted(set(packages_distributions().get(module, ())))
    return ", ".join(f"{name} {version(name)}" for name in names) or None


def what_moved(saved: SavedPlan, now: Bindings, history: Callable[[], Sequence[Chapter]]) -> list[Diagnostic]:
    """Why a plan cannot be carried out any more: all that is another, but what follows from something told before.

    Args:
        history: What was done to the state, newest first; asked only where the state is another.
    """
    then = saved.bindings
    if then.version != now.version:
        return [_stale(f"the plan was made by stackspec {then.version}, and this is {now.version}")]
    if then.lineage not in ("", now.lineage):
        here = f"here it is {now.lineage}" if now.lineage else "here nothing was applied yet"
        message = f"the plan is of another project: the lineage of its state is {then.lineage}, and {here}"
        return [Diagnostic("SS0608", message, hint="apply it where it was made, or make a plan here")]
    found = []
    if then.serial != now.serial:  # a state that is only begun has a lineage, and is still at 0
        found.append(_state(saved, now, history()))
    found += _flavors_moved(then.flavors, now.flavors)
    if then.manifests != now.manifests:
        found.append(_manifests(saved, now))
    return found


def not_the_same(rotated: Iterable[str]) -> Diagnostic:
    """Where everything that is bound is the same, and the steps are not: what they follow from beside it was seen.

    Args:
        rotated: The secrets that have another value than they had, by their names.
    """
    what = ", ".join(rotated) or "what components really are"
    return _stale(f"what an apply would do now is not what the plan says: {what} has changed")


def _stale(message: str, *notes: Note) -> Diagnostic:
    return Diagnostic("SS0608", message, hint=PLAN_AGAIN, notes=notes)


def _state(saved: SavedPlan, now: Bindings, history: Sequence[Chapter]) -> Diagnostic:
    then = saved.bindings
    for chapter in history:
        if chapter.run.purpose == saved.purpose:
            run = chapter.run
            message = f"the plan was applied already, by {run.user}@{run.host} at {run.since}"
            hint = f"{PLAN_AGAIN}: what that apply may have left undone is in the new one"
            note = Note(f"the state was at serial {then.serial} before, and is at {now.serial} now")
            return Diagnostic("SS0608", message, hint=hint, notes=(note,))
    was = f"serial {then.serial} → {now.serial}" if then.lineage else f"nothing was applied, now serial {now.serial}"
    later = [chapter.run for chapter in history if chapter.last > then.serial]
    notes = [Note(f"it was changed last by {later[0]}")] if later else []
    return _stale(f"the state has changed since the plan was made: {was}", *notes)


def _flavors_moved(then: Mapping[str, FlavorVersion], now: Mapping[str, FlavorVersion]) -> Iterator[Diagnostic]:
    for name in sorted(then.keys() & now.keys()):
        was, is_ = then[name], now[name]
        if was.package != is_.package:
            told = f"was of {was.package or 'no package'} and is of {is_.package or 'no package'} now"
            yield _stale(f"the flavor {name} has changed since the plan was made: it {told}")
        elif was != is_:
            yield _stale(f"the flavor {name} has changed since the plan was made: what it takes or gives is another")


def _manifests(saved: SavedPlan, now: Bindings) -> Diagnostic:
    then = saved.bindings
    names = [name for name in (*then.manifests, *now.manifests) if then.manifests.get(name) != now.manifests.get(name)]
    # That a stack is another follows from its components.
    names = sorted(set(names), key=lambda name: (name.startswith("stack/"), name))
    told = [f"{name} ({_how(name, then, now)})" for name in names[:_MOST_NAMED]]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    notes = []
    if then.commit != now.commit:
        was, is_ = then.commit or "no commit", now.commit or "no commit"
        notes.append(Note(f"the plan was made at {was}, and {is_} is checked out"))
    if saved.files:
        notes.append(Note(f"it was made with {' '.join(f'-f {file}' for file in saved.files)}"))
    message = f"the manifests say something else since the plan was made: {', '.join(told)}{more}"
    return _stale(message, *notes)


def _how(name: str, then: Bindings, now: Bindings) -> str:
    if name not in then.manifests:
        return "new"
    return "changed" if name in now.manifests else "gone"
