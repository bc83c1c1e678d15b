"""What may happen to an environment over time: manifests change, applies are killed, stopped, and fail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

from stackspec.core.diagnostic import StackspecError
from stackspec.plan.model import Plan
from stackspec.plan.planner import Selection
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedState
from tests.laws.blueprint import NAMES, STACKS, Blueprint, address
from tests.laws.checks import law, law_of_refusal
from tests.laws.edits import CHANGING, GUARDING, Edit, Verb, edited, edits, retain
from tests.laws.lab import Lab

HOOKS = ("provision", "update", "deprovision", "suspend", "resume")
MOMENTS = ("before", "half", "after")


@dataclass(frozen=True)
class Episode:
    """The manifests are edited, and an apply of them ends in some way.

    Attributes:
        end: How the apply ends: by itself, killed at the instant `at`, or asked to stop at it.
        failing: The instants at which hooks fail, each a moment, a hook and a part's name.
        destroys: Whether it is no apply but a destroy.
        targets, stacks, replaced: What `--target`, `--stack` and `--replace` name, as far as it is there.
    """

    edits: list[Edit]
    end: Literal["well", "kill", "stop"] = "well"
    at: int = 0
    failing: tuple[tuple[str, str, str], ...] = ()
    destroys: bool = False
    targets: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    def selection(self, desired: DesiredState, applied: AppliedState) -> Selection:
        """What the plan is asked for."""
        there = {one.name: one for one in (*desired.components, *applied.addresses)}
        used = {name for one in desired.components.values() for name in one.stacks}
        used |= {name for one in applied.components.values() for name in one.stacks}
        return Selection(
            stacks=tuple(name for name in self.stacks if name in used),
            targets=tuple(there[name] for name in self.targets if name in there),
            replace=tuple(there[name] for name in self.replaced if name in there),
            destroy=self.destroys,
        )


def histories(least: int = 0, most: int = 3, *, protecting: bool = True) -> st.SearchStrategy[list[Episode]]:
    """Lists of episodes; without `protecting` no plan is ever refused.

    In one history there are either selections or protected components: a selection may leave a protected component
    out of a plan, and then the next whole plan is rightly refused.
    """
    whole = st.lists(_episodes((*GUARDING, *CHANGING), ((), (), ())), min_size=least, max_size=most)
    selected = st.lists(_episodes((retain, *CHANGING), (NAMES, STACKS, NAMES)), min_size=least, max_size=most)
    return whole | selected if protecting else selected


def _episodes(verbs: tuple[Verb, ...], selectable: Iterable[Sequence[str]]) -> st.SearchStrategy[Episode]:
    failing = st.tuples(st.sampled_from(MOMENTS), st.sampled_from(HOOKS), st.sampled_from(NAMES))
    return st.builds(
        Episode,
        edits(verbs, most=5),
        st.sampled_from(("well", "kill", "kill", "stop")),
        st.integers(1, 30),
        st.lists(failing, max_size=2).map(tuple),
        st.sampled_from((False, False, False, True)),
        *map(_few, selectable),
    )


def _few(names: Sequence[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """Mostly none."""
    none: st.SearchStrategy[tuple[str, ...]] = st.just(())
    return none | none | st.lists(st.sampled_from(names), max_size=2).map(tuple) if names else none


def live_through(lab: Lab, project: Blueprint, history: Iterable[Episode], seed: int = 0) -> Blueprint:
    """Let everything happen; the project as it was when its last plan was accepted."""
    for episode in history:
        wanted = edited(project, episode.edits)
        plan = _accepted(lab, wanted, episode)
        if plan is None:
            continue
        project = wanted
        before, forgotten = lab.store.read(), set(lab.store.forgotten)
        lab.run(
            plan,
            kill_at=episode.at if episode.end == "kill" else None,
            stop_at=episode.at if episode.end == "stop" else None,
            failing=[f"{moment} {hook} {address(name)}" for moment, hook, name in episode.failing],
            seed=seed,
            parallelism=1 + seed % 4,
        )
        for component in before.components.values():
            if component.identity in lab.store.forgotten - forgotten:
                part = project.parts.get(component.address.name)
                may = component.lifecycle.retain_on_delete or (part is not None and part.retain)
                law(may, f"{component.address} was forgotten though nothing says to retain it")
    return project


def _accepted(lab: Lab, wanted: Blueprint, episode: Episode) -> Plan | None:
    """The plan, None where it is rightly refused: for a protected component, or a replacement that is not selected."""
    try:
        return lab.plan(wanted, episode.selection(wanted.desired, lab.store.read()))
    except StackspecError as refusal:
        applied = lab.store.read().components.values()
        guarded = {str(one.address) for one in applied if one.lifecycle.prevent_destroy}
        guarded |= {address(name) for name, part in wanted.parts.items() if part.protect}
        for one in refusal.diagnostics:
            if one.code == "SS0502" and "is not selected" in one.message and (episode.targets or episode.stacks):
                continue
            if one.code == "SS0505":
                law_of_refusal(lab, wanted, refusal)
                continue
            named = any(other in one.message for other in guarded)
            law(one.code == "SS0501" and named, f"refused without a reason: {one.message}")
        return None
