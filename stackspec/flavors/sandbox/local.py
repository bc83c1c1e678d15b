"""Code in processes of this machine, in a folder of its own and within limits."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import unquote, urlsplit

from stackspec.flavors.contract import FlavorConfig, HookError, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.owned.directory import DirectoryFlavor
from stackspec.flavors.processes import sandbox_launcher
from stackspec.flavors.processes.marked_processes import end_all_marked
from stackspec.flavors.sandbox import Result, Sandbox, checked

_RUN = "STACKSPEC_SANDBOX_RUN"
"""The variable by which the processes of one run are known."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN = 1_000_000
"""Bytes of each output that a result has."""
_MEGABYTE = 1_000_000


class LocalSandbox(DirectoryFlavor, Sandbox):
    """Runs code in a folder of its own, with a clean environment and within limits.

    It keeps mistakes apart, not malice: the code runs as the same user, and sees the machine's files and network.
    """

    flavor = "local"
    extra = "local-sandbox"
    imports = ("psutil",)
    occupies = frozenset({"work_dir"})

    class Config(FlavorConfig):
        """The folder, and the limits of each process."""

        work_dir: str | None = setting(
            "The directory in which code runs; null for a private one, which is removed with all that it holds.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./scratch"],
        )
        memory_mb: int = setting("The megabytes of memory that a process may ask for.", default=2048, minimum=16)
        cpu_seconds: int = setting("The seconds that a process may compute.", default=60, minimum=1)
        file_mb: int = setting("The megabytes that a file may come to hold, output too.", default=100, minimum=1)
        open_files: int = setting("How many files a process may have open.", default=256, minimum=16)
        delete_data: bool = setting(
            "Whether removing the component removes what code left in `work_dir`. Without it a directory that holds "
            "anything is kept.",
            default=False,
        )

    config: Config

    @property
    def place(self) -> str | None:
        """The work directory."""
        return self.config.work_dir

    @property
    def delete_contents(self) -> bool:
        """As the config says; what is in the private folder is scratch, and always ours."""
        return self.config.delete_data or self.config.work_dir is None

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        *,
        files: Mapping[str, bytes] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Result:
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        if not command:
            raise HookError("there is no command to run")
        require_imports(self)
        folder, run = Path(unquote(urlsplit(self.context.outputs["uri"]).path)), secrets.token_hex(8)
        for name, content in checked(files).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        clean = {"PATH": _PATH, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
        with TemporaryFile() as output, TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", sandbox_launcher.__file__],
                    cwd=folder,
                    env={**clean, **(variables or {}), _RUN: run},
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:
                raise HookError(f"cannot run anything in {folder}: {error.strerror}") from error
            try:
                request = {"command": list(command), "limits": self._limits()}
                process.communicate(json.dumps(request).encode(), timeout=timeout)
                code: int | None = process.returncode
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                end_all_marked(_RUN, run)
                process.wait()
            told = _text(errors)
            if code == sandbox_launcher.CANNOT and told.startswith(sandbox_launcher.WHY):
                raise HookError(f"{told.removeprefix(sandbox_launcher.WHY).strip()}", "look at the command")
            return Result(code if code is None or code >= 0 else 128 - code, _text(output), told)

    def _limits(self) -> dict[str, int]:
        config = self.config
        return {
            "RLIMIT_AS": config.memory_mb * _MEGABYTE,
            "RLIMIT_CPU": config.cpu_seconds,
            "RLIMIT_FSIZE": config.file_mb * _MEGABYTE,
            "RLIMIT_NOFILE": config.open_files,
            "RLIMIT_CORE": 0,
        }


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_SHOWN).decode("utf-8", "replace")
