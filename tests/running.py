"""Running the command line: in this process where the process is not the point, else in one of its own."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from stackspec.__main__ import main
from stackspec.core import own_variables

MEMORY = 500 * 1024 * 1024
PATIENCE = 15.0
"""Seconds for what takes less than five on a machine that does nothing else: what would hang is ended."""


_ELSEWHERE = ("STACKSPEC_", "NO_COLOR", "GITHUB_", "CI_")
"""What variables begin with that tell of where the tests run, and would change what commands do."""


def in_process(arguments: Sequence[str]) -> int:
    """The exit code of a command run here; what a process has of its own is put back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    folder = os.getcwd()
    try:
        with (
            mock.patch.object(sys, "argv", ["stackspec", *arguments]),
            mock.patch.object(sys, "path", [*sys.path]),
            mock.patch.dict(os.environ),
            mock.patch.dict(own_variables._taken),
        ):
            return main()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    finally:
        os.chdir(folder)
        gc.enable()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's variables without those that tell of where the tests run, and more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_ELSEWHERE)}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[1]), **(more or {})}


def command(*arguments: str) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "stackspec", *arguments]


def obey_permissions() -> None:
    """Have the process that is about to begin obey permissions, though root begins it: what Linux lets root skip."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
            if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "cannot give up a capability")


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _bounded_and_obeying() -> None:
    _bounded()
    obey_permissions()


def in_bounds(
    root: Path,
    *arguments: str,
    stdin: str | bytes = b"",
    variables: Mapping[str, str] | None = None,
    obeying_permissions: bool = False,
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own that may take 500 MiB and a few seconds."""
    done = subprocess.run(
        command("-C", str(root), *arguments),
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        env=environment(variables),
        preexec_fn=_bounded_and_obeying if obeying_permissions else _bounded,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
