"""Plans that are saved, to be carried out later exactly as they are."""

from __future__ import annotations

from pathlib import Path

from stackspec import __version__
from stackspec.checkout import checked_out
from stackspec.core.diagnostic import StackspecError
from stackspec.plan.exact import exact
from stackspec.project import Planned, Project
from stackspec.render.plan import plan_json
from stackspec.saved_plan import file as files
from stackspec.saved_plan.bindings import bindings, not_the_same, what_moved
from stackspec.saved_plan.key import Digest, plan_key
from stackspec.saved_plan.model import Bindings, SavedPlan
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedState


def save_plan(project: Project, planned: Planned, file: Path) -> None:
    """Save a plan; it is signed, and holds no value of a sensitive field.

    Raises:
        StackspecError: a policy forbids it; it cannot be written or signed; or the file is no saved plan.
    """
    if planned.is_forbidden:
        raise StackspecError(planned.diagnostics)
    key, made, plan = plan_key(project.local, make=True), project.run_for("plan"), planned.plan
    digest = key.digest(made.id)
    saved = SavedPlan(
        made,
        plan.environment.name,
        planned.request,
        project.files,
        _bindings(project, planned.desired, planned.applied, digest, made.commit),
        digest(exact(plan)),
        project.secrets.fingerprints(plan.environment.name, digest),
        plan_json(plan, planned.diagnostics, show_all=True),
    )
    files.write(file, saved, key)


def read_plan(project: Project, file: Path) -> SavedPlan:
    """A plan that was saved.

    Raises:
        StackspecError: it cannot be read, is no plan, or was not signed with the key that there is here.
    """
    return files.read(file, lambda: plan_key(project.local))


def plan_as_saved(project: Project, saved: SavedPlan) -> Planned:
    """The same plan, made anew to be applied.

    Raises:
        StackspecError: something that the plan was made from is another by now; or as `Project.plan`.
    """
    digest = plan_key(project.local).digest(saved.made.id)

    def check(desired: DesiredState, applied: AppliedState) -> None:
        now = _bindings(project, desired, applied, digest, checked_out(project.root))
        if found := what_moved(saved, now, project.store(saved.environment).history):
            raise StackspecError(found)

    planned = project.plan(saved.environment, saved.request, check=check)
    if digest(exact(planned.plan)) != saved.steps:
        now = project.secrets.fingerprints(saved.environment, digest)
        raise StackspecError([not_the_same(name for name, was in saved.secrets.items() if now.get(name) != was)])
    return planned


def _bindings(
    project: Project, desired: DesiredState, applied: AppliedState, digest: Digest, commit: str | None
) -> Bindings:
    allowed = project.settings.allowed_paths
    return bindings(desired, applied, project.registry, allowed, digest, __version__, commit)
