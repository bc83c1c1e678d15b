"""What a stack must hold for a component of it to do its work, as data that is checked before anything is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRule:
    """One thing that a component asks of the stacks that it is in.

    Attributes:
        type: The component type that it is about.
        why: Why it is asked, as the end of a sentence that begins with the component: "pulls its images from there".
        optional: Whether a stack without one will do.
        remote: Whether it must be one that other machines reach.
        flavors: The flavors that will do; any, where none is named.
        if_remote: Whether the rule holds only where the component that asks is remote itself.
    """

    type: str
    why: str
    optional: bool = False
    remote: bool = False
    flavors: tuple[str, ...] = ()
    if_remote: bool = False


def _reached(component_type: str, what: str) -> StackRule:
    return StackRule(type=component_type, why=f"{what} from other machines", optional=True, remote=True, if_remote=True)


REMOTE_COMPUTE: tuple[StackRule, ...] = (
    StackRule(type="container_registry", why="pulls the images of its steps from there", remote=True, if_remote=True),
    StackRule(type="image_builder", why="runs its steps in images, which must be built", if_remote=True),
    _reached("artifact_store", "reads and writes artifacts"),
    _reached("metadata_store", "records runs"),
    _reached("experiment_tracker", "tracks experiments"),
    _reached("model_registry", "registers models"),
    _reached("feature_store", "reads features"),
    _reached("log_store", "writes logs"),
)
"""What every component asks that runs steps, for the case that it runs them on other machines."""
