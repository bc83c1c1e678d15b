"""A container registry of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackspec.core.whole_file import write_whole
from stackspec.flavors.container_registry import ContainerRegistry
from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.extras import require_extra
from stackspec.flavors.owned.directory import OwnedDirectory
from stackspec.flavors.processes.local_port import answers
from stackspec.flavors.processes.local_server import ServerRecord
from stackspec.flavors.processes.marked_processes import environment_of
from stackspec.flavors.processes.server_flavor import ServerFlavor

_PROGRAMS = ("docker-registry", "registry")  # Debian's name, and the project's own
_CONFIG, _USERS = "registry.yml", "registry.htpasswd"
_ROUNDS = 10
"""Of bcrypt, as a power of two; the server counts them at each request."""


class OciContainerRegistry(ServerFlavor, ContainerRegistry):
    """A registry of this machine, by the program of the CNCF project Distribution, reachable from this machine only."""

    flavor = "oci"
    extra = "oci-registry"
    imports = ("psutil",)

    class Config(FlavorConfig):
        """A registry that keeps images in a directory."""

        path: str | None = setting(
            "The directory of the images; one that was there before is never deleted. By default one of the "
            "component's own.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./images"],
        )
        port: int | None = setting(
            "The port; by default a free one is chosen once and kept.", default=None, minimum=1, maximum=65535
        )
        delete_enabled: bool = setting("Whether images can be deleted in it.", default=False)
        username: str = setting(
            "Who may use it; everybody on this machine where it is empty.", default="", pattern="^[^:\\s]*$"
        )
        password: str = setting("The password of `username`.", default="", sensitive=True, max_length=72)
        delete_data: bool = setting(
            "Whether removing the component removes the images too. Without it they are kept.", default=False
        )

    config: Config

    def command(self, port: int) -> list[str]:
        program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        if program is None:
            raise HookError("docker-registry is not installed", "apt install docker-registry, or put it on PATH")
        return [program, "serve", str(self.context.data_dir / _CONFIG)]

    def settings(self, port: int) -> Mapping[str, str]:
        """What the server takes over what its file says."""
        found = {
            "REGISTRY_HTTP_ADDR": f"{self.server().host}:{port}",
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(self.directory().path),
            "REGISTRY_STORAGE_DELETE_ENABLED": str(self.config.delete_enabled).lower(),
            "OTEL_TRACES_EXPORTER": "none",
        }
        if self.config.username:
            found["REGISTRY_AUTH_HTPASSWD_REALM"] = "stackspec"
            found["REGISTRY_AUTH_HTPASSWD_PATH"] = str(self._users)
        return found

    def prepare(self, port: int) -> None:
        self.context.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.context.data_dir / _CONFIG, b"version: 0.1\nstorage: {filesystem: {}}\n", 0o600)
        config = self.config
        if not config.username:
            self._users.unlink(missing_ok=True)
        elif not config.password:
            raise HookError("there is a username and no password", "set both, or neither")
        elif not self._is_user():
            import bcrypt

            known = bcrypt.hashpw(config.password.encode(), bcrypt.gensalt(_ROUNDS))
            write_whole(self._users, config.username.encode() + b":" + known + b"\n", 0o600)  # it is read anew

    def clear(self) -> None:
        folder = self.context.data_dir
        for file in (folder / _CONFIG, self._users, *folder.glob(".stackspec-*.new")):  # the last, of who was killed
            file.unlink(missing_ok=True)

    def serves(self, port: int) -> bool:
        return answers(self.server().host, port, "/v2/", (200, 401))

    def outputs(self, uri: str) -> ContainerRegistry.Outputs:
        return self.Outputs(uri=uri.removeprefix("http://"))

    def directory(self) -> OwnedDirectory:
        chosen = self.config.path
        path = self.context.path(chosen) if chosen is not None else self.context.data_dir / "images"
        return OwnedDirectory(path, self.context)

    def real_fields(self, record: ServerRecord) -> Mapping[str, Any]:
        real = environment_of(record.pid)
        guarded = "REGISTRY_AUTH_HTPASSWD_PATH" in real
        return {
            "delete_enabled": real.get("REGISTRY_STORAGE_DELETE_ENABLED") == "true",
            "username": self._known_user() if guarded else "",
        }

    def login(self) -> tuple[str, str] | None:
        return (self.config.username, self.config.password) if self.config.username else None

    @property
    def _users(self) -> Path:
        return self.context.data_dir / _USERS

    def _known_user(self) -> str:
        try:
            return self._users.read_text(encoding="utf-8").partition(":")[0]
        except OSError:
            return ""

    def _is_user(self) -> bool:
        """Whether the file of users already says what it is to say."""
        require_extra("oci-registry", "bcrypt")
        import bcrypt

        name, _, known = self._users.read_bytes().strip().partition(b":") if self._users.exists() else (b"", b"", b"")
        try:
            return name == self.config.username.encode() and bcrypt.checkpw(self.config.password.encode(), known)
        except ValueError:
            return False
