"""A program that does one thing for a hook."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.processes.program import run


def test_nobody_waits_for_what_a_program_leaves_behind(make_context: Callable[..., HookContext]) -> None:
    context = make_context()
    context.data_dir.mkdir(parents=True, exist_ok=True)
    pid = context.data_dir / "pid"
    left = f"setsid sh -c 'echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 1000' & "
    with pytest.raises(HookError, match="sh is not done after 1 s"):
        run(["sh", "-c", f"{left} while ! [ -e {pid} ]; do sleep 0.01; done; sleep 1000"], context, patience=1)
    os.kill(int(pid.read_text()), signal.SIGKILL)  # it is still there: its pipes were not waited for
