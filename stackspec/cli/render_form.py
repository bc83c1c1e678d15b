"""What `render --format` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.stack.model import DesiredState

FOLDER = "templates"
"""The folder of a project's own templates."""


class RenderFormat(StrEnum):
    """What manifests are rendered as beside manifests."""

    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    ENV = "env"


def render_form(session: Session, form: RenderFormat, environment: str | None, stacks: Sequence[str]) -> None:
    """Answer with what the components of some stacks, or of all, are in another tool's form.

    Raises:
        StackspecError: the manifests are wrong, there is no such stack, or a template is wrong.
    """
    from stackspec.core.diagnostic import StackspecError, did_you_mean

    desired = session.project.desired(environment)
    for name in stacks:
        if name not in desired.stacks:
            message = f"there is no stack '{name[:80]}' in the environment '{desired.environment.name}'"
            raise StackspecError.of("SS0502", message, hint=did_you_mean(name, desired.stacks))
    if form is RenderFormat.ENV:
        _variables(session, desired, stacks)
    else:
        _forms(session, desired, form, stacks)


def _variables(session: Session, desired: DesiredState, stacks: Sequence[str]) -> None:
    from stackspec.core.diagnostic import StackspecError
    from stackspec.render.dotenv import dotenv_text, handed_over

    chosen = list(stacks) or ([session.project.active_stack] if session.project.active_stack else list(desired.stacks))
    if len(chosen) != 1:
        hint = f"name one by --stack: {', '.join(desired.stacks)}" if desired.stacks else None
        raise StackspecError.of("SS0502", f"variables are those of one stack, and there are {len(chosen)}", hint=hint)
    project = session.project
    applied = None if session.untrusted else project.store(desired.environment.name).read()
    variables = handed_over(desired.stacks[chosen[0]], desired, applied, project.spec)
    if session.json:
        told = {one.name: None if one.why else one.value for one in variables}
        session.answer_json({"format_version": "1.0", "variables": told})
    else:
        session.answer(dotenv_text(variables))


def _forms(session: Session, desired: DesiredState, form: RenderFormat, stacks: Sequence[str]) -> None:
    from jinja2 import FileSystemLoader

    from stackspec.core.diagnostic import StackspecError
    from stackspec.render import FORMAT_VERSION
    from stackspec.render.forms import FORMS
    from stackspec.render.manifests import stack_alone
    from stackspec.render.templates import Templates, forms, forms_yaml

    root = session.project.root
    own = root / FOLDER
    if session.untrusted and os.path.lexists(own / form):
        message = f"the templates in {FOLDER}/{form} are not run, for this checkout is not trusted"
        raise StackspecError.of("SS0809", message, hint="render it where it is trusted")
    shipped = Path(__file__).parents[1] / "templates"
    loader = FileSystemLoader([str(one) for one in (own, shipped) if one.is_dir()])
    wanted = [one for name in stacks for one in stack_alone(desired, name).components] if stacks else desired.components
    components = [desired.components[address] for address in dict.fromkeys(wanted)]
    documents, left = forms(desired, components, FORMS[form.value], Templates(loader, root))
    if session.json:
        told = [one.to_json() for one in left]
        session.answer_json({"format_version": FORMAT_VERSION, "documents": documents, "diagnostics": told})
    else:
        session.report(left)
        session.answer(forms_yaml(documents, left))
