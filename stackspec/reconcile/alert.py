"""People told by the alerters that an environment has."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from time import monotonic
from typing import NamedTuple

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.core.secret import Redactor
from stackspec.core.workers import Workers
from stackspec.flavors.alerter import Alerter
from stackspec.flavors.contract import HookError
from stackspec.flavors.plugins import PluginError
from stackspec.project import Project
from stackspec.reconcile.condition import Notice
from stackspec.state.model import AppliedComponent

PATIENCE = 30.0
"""Seconds for all alerters together."""


class Alerted(NamedTuple):
    """How many alerters took a message, and a warning for each that did not."""

    taken: int
    problems: list[Diagnostic]


def alert(project: Project, environment: str, notice: Notice) -> Alerted:
    """Tell people by every alerter that is applied in an environment.

    Raises:
        StackspecError: the state cannot be read.
    """
    applied = project.store(environment).read()
    alerters = [one for address, one in applied.components.items() if address.type == Alerter.type]
    if not alerters:
        return Alerted(0, [])
    project.secrets.read_recorded(environment, alerters)
    hooks = project.hooks(environment, applied.lineage)

    def post(component: AppliedComponent) -> str | None:
        """Why it could not be told; what it says may hold anything."""
        try:
            flavor = hooks.at_work(component)
            assert isinstance(flavor, Alerter)
            flavor.post(notice.message, notice.title)
        except (HookError, StackspecError, PluginError) as error:
            return str(error)
        except Exception as error:  # of a flavor's own code, which may be anybody's
            return f"{type(error).__name__}: {error}"
        return None

    workers: Workers[str, str | None] = Workers(len(alerters))
    problems: list[tuple[str, str]] = []
    with closing(workers):
        for one in alerters:
            workers.call(str(one.address), monotonic() + PATIENCE, partial(post, one))
        while workers.busy:
            ended, overdue = workers.wait()
            problems += [(name, why) for name, why in ended if why is not None]
            problems += [(name, f"it did not end in {PATIENCE:.0f} s") for name in overdue]
    warnings = [
        Diagnostic("SS1309", f"{name} told nobody: {Redactor.hidden_by_any(why)}", severity=Severity.WARNING)
        for name, why in problems
    ]
    return Alerted(len(alerters) - len(problems), warnings)
