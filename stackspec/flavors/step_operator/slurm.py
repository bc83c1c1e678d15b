"""Single steps as jobs of Slurm."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, setting
from stackspec.flavors.http.observed_service import ObservedService
from stackspec.flavors.processes.program import run
from stackspec.flavors.step_operator import StepOperator

_NAME = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
_PATIENCE = 15.0
"""Seconds given to Slurm's programs, which look for a controller for a minute."""
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5")


class SlurmStepOperator(ObservedService, StepOperator):
    """Runs single steps as jobs of a Slurm cluster that exists: by the programs of this machine, or over SSH."""

    flavor = "slurm"
    located_by = "host"

    class Config(FlavorConfig):
        """A cluster, as one of its machines sees it."""

        host: str | None = setting(
            "The machine of the cluster with Slurm's programs, reached by SSH as it is set up here; null for this one.",
            default=None,
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
            examples=["login.cluster.example.org"],
        )
        user: str | None = setting("Who logs in there; null for what SSH takes.", default=None, pattern=_NAME)
        port: int | None = setting("SSH's port; null for what SSH takes.", default=None, minimum=1, maximum=65535)
        partition: str | None = setting(
            "The partition of the jobs; null for the cluster's default one.", default=None, pattern=_NAME
        )
        account: str | None = setting(
            "The account that jobs are charged to; null for the user's own.", default=None, pattern=_NAME
        )
        work_dir: str | None = setting(
            "The folder of jobs on the cluster, which all its machines see; null for the user's home.",
            default=None,
            pattern="^/[^\\x00-\\x1f]*$",
        )

    class Outputs(StepOperator.Outputs):
        """Where steps are submitted."""

        partition: str | None = setting("The partition of the jobs, if not the default one.")

    config: Config

    def outputs(self) -> FlavorOutputs:
        """Where steps are submitted."""
        config = self.config
        who = "" if config.user is None else f"{config.user}@"
        where = "localhost" if config.host is None else f"{who}{config.host}"
        port = "" if config.port is None or config.host is None else f":{config.port}"
        return self.Outputs(uri=f"slurm://{where}{port}", partition=config.partition)

    def look(self) -> str:
        """Whether the cluster's controller answers, and the partition is there and takes jobs."""
        told = self._run(["sinfo", "--noheader", "--format=%P|%a|%D"])
        found: dict[str, tuple[str, int]] = {}
        for line in told.splitlines():
            name, state, nodes = line.strip().split("|")
            found[name] = (state, int(nodes))
        wanted = self.config.partition
        fitting = (one for one in found if (one.endswith("*") if wanted is None else one.removesuffix("*") == wanted))
        if (chosen := next(fitting, None)) is None:
            there = ", ".join(one.removesuffix("*") for one in found)
            problem = "no default partition" if wanted is None else f"no partition {wanted}"
            raise HookError(f"the cluster has {problem}", f"set partition to one of: {there}")
        state, count = found[chosen]
        shown = chosen.removesuffix("*")
        if state != "up":
            hint = "ask whoever runs the cluster"
            raise HookError(f"the partition {shown} takes no jobs, it is {state}", hint, transient=True)
        return f"partition {shown} with {count} node{'' if count == 1 else 's'}"

    def _run(self, command: Sequence[str]) -> str:
        config = self.config
        if config.host is None:
            hint = "look at SLURM_CONF and at the cluster's controller"
            return run(command, self.context, hint=hint, passing=(1,), patience=_PATIENCE)
        user = [] if config.user is None else ["-l", config.user]
        port = [] if config.port is None else ["-p", str(config.port)]
        hint = "see that `ssh` to that machine works without a question, and that it has Slurm's programs"
        there = [*_SSH, *user, *port, config.host, shlex.join(command)]
        return run(there, self.context, hint=hint, passing=(1, 255), patience=_PATIENCE)
