"""Experiments in Weights & Biases, a service that exists, or in files that are sent to it later."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal

from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.experiment_tracker import ExperimentTracker, Run
from stackspec.flavors.extras import require_extra
from stackspec.flavors.http.service import SAFE_ADDRESS, post_json
from stackspec.flavors.owned.directory import DirectoryFlavor

_HOSTED = "https://api.wandb.ai"
_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"


class WandbExperimentTracker(DirectoryFlavor, ExperimentTracker):
    """A project of Weights & Biases; offline, a directory of runs that `wandb sync` sends. Nothing is made there."""

    flavor = "wandb"
    requirements = ("wandb>=0.19",)
    located_by = "base_url"
    occupies = frozenset({"path"})
    environment = {  # noqa: RUF012 - as the contract declares it
        "WANDB_MODE": "mode",
        "WANDB_PROJECT": "project",
        "WANDB_ENTITY": "entity",
        "WANDB_BASE_URL": "base_url",
        "WANDB_API_KEY": "api_key",
        "WANDB_DIR": "directory",
    }

    class Config(FlavorConfig):
        """Where experiments go."""

        mode: Literal["online", "offline"] = setting(
            "Whether runs are sent as they happen, or kept in the directory for `wandb sync`.", default="online"
        )
        project: str = setting("The project; the service makes it with its first run.", pattern=_NAME)
        entity: str | None = setting(
            "The team or user whose project it is; null for the default of the key's owner.",
            default=None,
            schema={"type": ["string", "null"], "pattern": _NAME},
        )
        base_url: str = setting("The address of the service.", default=_HOSTED, pattern=SAFE_ADDRESS)
        api_key: str | None = setting("The key; needed where the mode is online.", default=None, sensitive=True)
        path: str | None = setting(
            "The directory of the runs' files; one that was there before is never deleted. Null for a private one.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./experiments"],
        )
        delete_data: bool = setting(
            "Whether removing the component removes the runs' files too. Without it a directory that holds any stays.",
            default=False,
        )

    class Outputs(ExperimentTracker.Outputs):
        """What `wandb` reads, by its variables."""

        mode: str = setting("Whether runs are sent: `online` or `offline`.")
        project: str = setting("The project.")
        entity: str = setting("The team or user; empty for the default of the key's owner.")
        base_url: str = setting("The address of the service.")
        directory: str = setting("The directory of the runs' files.")
        api_key: str = setting("The key; empty where there is none.", sensitive=True)

    config: Config

    @property
    def place(self) -> str | None:
        """The directory of runs."""
        return self.config.path

    @property
    def delete_contents(self) -> bool:
        """As the config says, in the private folder too."""
        return self.config.delete_data

    def observe(self) -> Observation:
        """See whether the directory is there, and, online, whether the service takes the key."""
        seen = super().observe()
        if not seen.provisioned or self.config.mode == "offline":
            return seen
        why = self._trouble()
        return Observation(provisioned=True, running=not why, detail=why or f"{self.config.base_url} takes the key")

    def provision(self) -> Outputs:
        """Make the directory, and tell whether the service takes the key; one that is away may be back in time."""
        config = self.config
        if config.mode == "online" and not config.api_key:
            raise HookError("there is no key of Weights & Biases", "set 'api_key', or set mode to offline")
        directory = self._directory()
        directory.provision()
        if config.mode == "online" and (why := self._trouble()):
            self.context.log(f"{self.context.address}: {why}")
        return self.Outputs(
            uri=self._page if config.mode == "online" else directory.uri,
            mode=config.mode,
            project=config.project,
            entity=config.entity or "",
            base_url=config.base_url,
            directory=str(directory.path),
            api_key=config.api_key or "",
        )

    def update(self, previous: WandbExperimentTracker) -> Outputs:
        """Name the other project."""
        return self.provision()

    def begin_run(self, name: str, experiment: str) -> Run:
        require_extra("wandb", "wandb")
        import wandb

        given = self.context.outputs
        settings = wandb.Settings(base_url=given["base_url"], api_key=given["api_key"] or None, silent=True)
        try:
            run = wandb.init(
                mode=given["mode"],
                project=given["project"],
                entity=given["entity"] or None,
                dir=given["directory"],
                name=name,
                group=experiment,
                reinit="create_new",
                settings=settings,
            )
        except (wandb.Error, OSError) as error:
            raise HookError(f"Weights & Biases begins no run ({type(error).__name__})", "look at the key") from error
        return _WandbRun(run, given["uri"])

    @property
    def _page(self) -> str:
        """The project's page, as far as the config tells."""
        base = self.config.base_url.rstrip("/")
        parts = ("https://wandb.ai" if base == _HOSTED else base, self.config.entity, self.config.project)
        return "/".join(part for part in parts if part)

    def _trouble(self) -> str:
        """Why nothing can be sent; empty where the service takes the key."""
        base, context = self.config.base_url, self.context
        login = base64.b64encode(f"api:{self.config.api_key or ''}".encode()).decode()
        question = {"query": "query { viewer { username } }"}
        url, headers = f"{base.rstrip('/')}/graphql", {"Authorization": f"Basic {login}"}
        try:
            answer = post_json(url, question, context, called=base, headers=headers)
        except HookError as error:
            if context.cancelled.is_set() or not context.remaining():
                raise
            return error.message
        try:
            known = answer.json()["data"]["viewer"] is not None
        except (KeyError, TypeError):
            known = False
        if answer.status == 200 and known:
            return ""
        if answer.status in (200, 401, 403):
            return f"{base} refuses the key"
        return f"{base} answers with status {answer.status}"


class _WandbRun:
    """See `Run`; an experiment is a group of runs, and a word about one a tag."""

    def __init__(self, run: Any, uri: str) -> None:
        self._run = run
        self.id: str = run.id
        self.url: str = run.url or uri

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        self._run.config.update({name: str(value) for name, value in parameters.items()})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        self._run.log(dict(metrics), step=step)

    def tag(self, name: str, value: str) -> None:
        self._run.tags = (*(self._run.tags or ()), f"{name}:{value}"[:64])

    def end(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))
