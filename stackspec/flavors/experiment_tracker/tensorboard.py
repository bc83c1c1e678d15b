"""Experiments as event files, shown by a TensorBoard of this machine."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.experiment_tracker import ExperimentTracker, Run
from stackspec.flavors.extras import require_extra
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.local_server import ServerRecord
from stackspec.flavors.processes.marked_processes import command_of
from stackspec.flavors.processes.server_flavor import ServerFlavor


class TensorboardExperimentTracker(ServerFlavor, ExperimentTracker):
    """Event files in a directory, and a TensorBoard on this machine that shows them."""

    flavor = "tensorboard"
    extra = "tensorboard"
    imports = ("tensorboard", "psutil")
    health = "/data/environment"

    class Config(FlavorConfig):
        """A directory of event files, and the server that shows it."""

        log_dir: str | None = setting(
            "The directory of the event files; one that was there before is never deleted. By default one of the "
            "component's own.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./runs"],
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        reload_interval: int = setting("Seconds between its looks for new events.", default=5, minimum=1)
        delete_data: bool = setting(
            "Whether removing the component removes the event files too. Without it they are kept.", default=False
        )

    class Outputs(ExperimentTracker.Outputs):
        """Where the server is, and what it shows."""

        log_dir: str = setting("The directory of the event files, as an absolute path.")

    config: Config

    def command(self, port: int) -> list[str]:
        place, host = self.directory().path, self.server().host
        words = [sys.executable, "-m", "tensorboard.main", f"--logdir={place}", f"--host={host}", f"--port={port}"]
        return [*words, f"--reload_interval={self.config.reload_interval}"]

    def outputs(self, uri: str) -> Outputs:
        return self.Outputs(uri=uri, log_dir=str(self.directory().path))

    def directory(self) -> OwnedDirectory:
        chosen = self.config.log_dir
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "events"
        return OwnedDirectory(path, self.context)

    def real_fields(self, record: ServerRecord) -> Mapping[str, Any]:
        real = dict(word.partition("=")[::2] for word in command_of(record.pid))
        return {"reload_interval": int(real.get("--reload_interval") or self.config.reload_interval)}

    def begin_run(self, name: str, experiment: str) -> Run:
        require_extra("tensorboard", "tensorboardX")
        try:
            return _EventRun(self.context.outputs["uri"], Path(self.context.outputs["log_dir"]), name, experiment)
        except OSError as error:
            raise HookError(
                f"cannot write event files in {self.context.outputs['log_dir']}: {error.strerror}"
            ) from error


class _EventRun:
    """See `Run`. TensorBoard knows no parameters and no words of a run, so these are texts in it."""

    def __init__(self, uri: str, log_dir: Path, name: str, experiment: str) -> None:
        from tensorboardX import SummaryWriter

        self.id = f"{_file_name(experiment)}/{_file_name(name)}-{secrets.token_hex(4)}"
        self.url = f"{uri}/?runFilter={quote(self.id, safe='')}#timeseries"
        (log_dir / self.id).mkdir(parents=True)
        self._writer = SummaryWriter(str(log_dir / self.id))

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        for name, value in parameters.items():
            self._writer.add_text(f"parameters/{name}", str(value))
        self._writer.flush()

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, float(value), step)
        self._writer.flush()

    def tag(self, name: str, value: str) -> None:
        self._writer.add_text(f"tags/{name}", value)
        self._writer.flush()

    def end(self, *, failed: bool) -> None:
        self._writer.add_text("status", "FAILED" if failed else "FINISHED")
        self._writer.close()


def _file_name(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe=" ").replace("%", "_").strip(". ") or "_"
