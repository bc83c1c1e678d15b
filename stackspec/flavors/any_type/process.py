"""Any server, as a process of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, setting
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.local_port import answers, listens
from stackspec.flavors.processes.local_server import LOG_SIZE, LocalServer, ServerRecord
from stackspec.flavors.processes.server_flavor import VARIABLES, ServerFlavor


class Process(ServerFlavor):
    """Any server, as a process of this machine that is reachable from this machine only."""

    flavor = "process"
    extra = "process"
    imports = ("psutil",)

    class Config(FlavorConfig):
        """What runs, where, and how it is known to serve.

        In `command`, `environment` and `uri`, the words `{port}` and `{host}` stand for where it is to listen.
        """

        command: tuple[str, ...] = setting(
            "The program and its arguments, which are no shell's: it runs in the foreground and ends at SIGTERM. Other "
            "users of the machine can read it, so it may hold no secret.",
            min_items=1,
            schema={"type": "array", "items": {"type": "string", "pattern": "^[^\\x00]*$"}},
            examples=[["python", "-m", "http.server", "{port}", "--bind", "{host}"]],
        )
        environment: Mapping[str, str] = setting(
            "Variables of the process, which may be secret. Beside them it gets PATH, HOME, LANG, LC_* and TMPDIR.",
            default={},
            sensitive=True,
            schema=VARIABLES,
        )
        working_dir: str | None = setting(
            "The directory that it runs in; null for a private one, which is removed with all that it holds.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./service"],
        )
        host: str = setting(
            "The address of this machine that it listens at.",
            default="127.0.0.1",
            requires_replacement=True,
            pattern="^127(\\.[0-9]{1,3}){3}$",
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        uri: str = setting(
            "What other components read as its output `uri`.",
            default="http://{host}:{port}",
            min_length=1,
            examples=["redis://{host}:{port}/0"],
        )
        health: str | None = setting(
            "How it is known to serve: an HTTP path that answers with one of `statuses`, `tcp` where it only has to "
            "take connections, or null where it does as soon as it runs.",
            default="tcp",
            pattern="^(tcp|/[!-~]*)$",
            examples=["/health"],
        )
        statuses: tuple[int, ...] = setting(
            "The statuses with which the HTTP path answers as long as it serves.",
            default=(200,),
            min_items=1,
            schema={"type": "array", "items": {"type": "integer", "minimum": 100, "maximum": 599}},
        )
        restart: Literal["never", "on_failure"] = setting(
            "Whether it is started again when it ends by a signal or with another exit code than 0: after half a "
            "second, and after twice as long each time, up to a minute.",
            default="never",
        )
        log_size: int = setting(
            "The bytes of output after which its log begins anew; as many are kept of the one before.",
            default=LOG_SIZE,
            minimum=1024,
        )
        delete_data: bool = setting(
            "Whether removing the component removes what is in `working_dir`, where the component made that. Without "
            "it a directory that holds anything is kept.",
            default=False,
        )

    class Outputs(FlavorOutputs):
        """Where it listens, for what takes no URI."""

        host: str = setting("The address of this machine that it listens at.")
        port: int = setting("The port.")

    config: Config

    def command(self, port: int) -> list[str]:
        return [self._placed(word, port) for word in self.config.command]

    def settings(self, port: int) -> Mapping[str, str]:
        return {name: self._placed(text, port) for name, text in self.config.environment.items()}

    def outputs(self, uri: str) -> FlavorOutputs:
        port = int(uri.rpartition(":")[2])
        return self.Outputs.from_value(
            {"uri": self._placed(self.config.uri, port), "host": self.config.host, "port": port}
        )

    def directory(self) -> OwnedDirectory:
        chosen = self.config.working_dir
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "work"
        return OwnedDirectory(path, self.context)

    @property
    def delete_contents(self) -> bool:
        """As the config says; what is in the private directory is always ours."""
        return self.config.delete_data or self.config.working_dir is None

    def working_folder(self) -> Path:
        return self.directory().path

    def serves(self, port: int) -> bool:
        config = self.config
        if config.health is None:
            return True
        if config.health == "tcp":
            return listens(config.host, port)
        return answers(config.host, port, config.health, config.statuses)

    def real_fields(self, record: ServerRecord) -> Mapping[str, Any]:
        return {"restart": self.config.restart if self.server().is_kept(record) else "never"}

    def server(self) -> LocalServer:
        return LocalServer(self.context, self.config.host)

    def restarts(self) -> bool:
        return self.config.restart == "on_failure"

    def log_size(self) -> int:
        return self.config.log_size

    def _placed(self, text: str, port: int) -> str:
        return text.replace("{port}", str(port)).replace("{host}", self.config.host)
