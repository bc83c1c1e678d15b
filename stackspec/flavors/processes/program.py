"""A program of this machine that does one thing and ends, run for a hook."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.hook_time import time_left

_TICK = 0.1
_TAIL = 1000
"""Characters of the last line that a program wrote to its standard error, at most."""


def run(
    command: Sequence[str],
    context: HookContext,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    hint: str | None = None,
    passing: tuple[int, ...] = (),
    patience: float | None = None,
) -> str:
    """What a program writes to its standard output, once it has succeeded.

    Args:
        environment: Variables beside those of this process.
        hint: What to do where it fails.
        passing: The statuses with which it fails for a reason that may pass by itself.
        patience: Seconds given to it, where not all of the hook's time; that it is not done then may pass as well.

    Raises:
        HookError: it is not there, fails, is not done in the hook's time, or would be told a secret as an argument,
            which everybody on this machine can read.
    """
    if any(map(context.tells_secret, command)):
        raise HookError(f"an argument of {command[0]} would tell a secret", "use no secret there")
    give_up_at = monotonic() + (time_left(context) if patience is None else patience)
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise HookError(f"cannot run {command[0]}: {error.strerror}", "install it, or put it on PATH") from error
    try:
        while True:
            try:
                told, said = process.communicate(timeout=min(_TICK, time_left(context)))
                break
            except subprocess.TimeoutExpired as error:
                if patience is not None and monotonic() >= give_up_at:
                    message = f"{os.path.basename(command[0])} is not done after {patience:g} s"
                    raise HookError(message, hint, transient=True) from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdout, process.stderr):  # which a child of its own, in a session of its own, may hold
                if pipe is not None:
                    pipe.close()
    if process.returncode:
        lines = said.decode(errors="replace").split("\n")
        text = next((line.strip() for line in reversed(lines) if line.strip()), "it does not say why")[-_TAIL:]
        message = f"{os.path.basename(command[0])} failed with status {process.returncode}: {text}"
        raise HookError(message, hint, transient=process.returncode in passing)
    return told.decode(errors="replace")
