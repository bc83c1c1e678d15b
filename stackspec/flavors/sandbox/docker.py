"""Untrusted code in a container."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import PurePosixPath
from time import monotonic
from typing import Any

from stackspec.flavors.contract import HookError, setting
from stackspec.flavors.docker.container import DockerContainer, told_by
from stackspec.flavors.docker.engine import DockerEngine
from stackspec.flavors.sandbox import Result, Sandbox, checked

_NOBODY = 65534
"""The user that code runs as, and its group."""
_FOLDER = "sandbox"
"""The folder in which commands run, at the root of the container."""
_LONGEST = 10_000_000
"""Bytes that a command may write."""


class DockerSandbox(DockerContainer, Sandbox):
    """Runs code in a container without a network and without privileges; what one run leaves, the next can see."""

    flavor = "docker"
    occupies = frozenset()  # its name is its own

    class Config(DockerContainer.Config):
        """A container that waits for what is run in it."""

        memory_mb: int | None = setting(
            "The memory that all runs together may use, in MiB; null for no limit.", default=512, minimum=16
        )
        processes: int = setting("The processes that may be there at once.", default=128, minimum=2)
        network: bool = setting("Whether code reaches the network.", default=False)
        command: tuple[str, ...] = setting(
            "What keeps the container there.", default=("sleep", "infinity"), min_items=1
        )

    class Outputs(Sandbox.Outputs):
        """Where code runs."""

        container: str = setting("The container's name.")

    config: Config

    def wanted(self, found: Mapping[str, Any] | None) -> dict[str, Any]:
        """A container that may do nothing."""
        return {
            "Cmd": list(self.config.command),
            "User": f"{_NOBODY}:{_NOBODY}",
            "HostConfig": {
                "NetworkMode": "bridge" if self.config.network else "none",
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "PidsLimit": self.config.processes,
            },
        }

    def outputs(self, found: Mapping[str, Any]) -> Outputs:
        """Where code runs."""
        return self.Outputs(uri=self.engine.host, container=self.name)

    def trouble(self, found: Mapping[str, Any]) -> str:
        """Nothing more is needed than that it runs."""
        return ""

    def real(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """How far code is kept apart."""
        host = found["HostConfig"]
        return {"processes": host.get("PidsLimit"), "network": host.get("NetworkMode") != "none"}

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        *,
        files: Mapping[str, bytes] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Result:
        """See `Sandbox.run`. All that runs in the container is killed with a command whose time is up."""
        engine = self.engine
        found = self.found(engine)
        if found is None or not found["State"]["Running"]:
            raise HookError(f"{self.context.address} does not run", "apply first, or resume the stack")
        container = f"/containers/{self.name}"
        engine.put(f"{container}/archive", _packed(_FOLDER, checked(files)), {"path": "/"})
        told = [f"{name}={value}" for name, value in (variables or {}).items()]
        wanted = {"Cmd": list(command), "WorkingDir": f"/{_FOLDER}", "AttachStdout": True, "AttachStderr": True}
        wanted["Env"] = told
        made = engine.ask("POST", f"{container}/exec", wanted)["Id"]
        end = min(self.context.deadline, monotonic() + timeout)
        in_time = DockerEngine(self.config.docker_host, replace(self.context, deadline=end))
        try:
            _, written = in_time.raw("POST", f"/exec/{made}/start", {"Detach": False, "Tty": False}, longest=_LONGEST)
        except HookError:
            if monotonic() < end:
                raise
            written = b""
        output, errors = (part.decode(errors="replace") for part in told_by(written))
        state = engine.ask("GET", f"/exec/{made}/json")
        if state["Running"]:
            engine.ask("POST", f"{container}/restart", query={"t": "0"})
            return Result(None, output, errors)
        return Result(int(state["ExitCode"]), output, errors)


def _packed(folder: str, files: Mapping[str, bytes]) -> bytes:
    """A tar archive of a folder with files, all of them nobody's."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        folders = {PurePosixPath(folder)}
        for name in files:
            folders |= {folder / one for one in PurePosixPath(name).parents}
        for one in sorted(folders):
            archive.addfile(_entry(str(one), tarfile.DIRTYPE, 0o700, 0))
        for name, content in sorted(files.items()):
            archive.addfile(_entry(f"{folder}/{name}", tarfile.REGTYPE, 0o700, len(content)), BytesIO(content))
    return packed.getvalue()


def _entry(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size = kind, mode, size
    entry.uid = entry.gid = _NOBODY
    return entry
