"""What the process leaves behind, to others on the machine and to the program that takes its place."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import command, environment

SECRET = (
    "---\napiVersion: stackspec.dev/v1\nkind: Secret\nmetadata: {name: db}\nspec: {store: env, keys: {NAME: CANARY}}\n"
)
PIPE = "yes | head -n 1; echo ${PIPESTATUS[0]}"


def run(root: Path, *arguments: str, before: Callable[[], object] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command("-C", str(root)), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment({"CANARY": "C4nary-value"}),
        preexec_fn=before,
    )


def core_dumps_allowed() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (min(4096, most) if most >= 0 else 4096, most))


def test_a_command_gets_signals_as_a_shell_gives_them(applied: Path) -> None:
    """Python ignores SIGPIPE, and a child would go on writing to a pipe that nobody reads."""
    done = run(applied, "exec", "--", "bash", "-c", PIPE)
    assert (done.returncode, done.stdout) == (0, f"y\n{128 + signal.SIGPIPE}\n")
    status = run(applied, "exec", "--", "grep", "SigIgn", "/proc/self/status").stdout
    ignored = int(status.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


def test_it_leaves_no_core_dump_and_a_command_may(dev: Path) -> None:
    limit = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    (dev / "sitecustomize.py").write_text(
        "import atexit, resource, sys\nimport stackspec.project as project\n\nopened = project.Project.open\n\n"
        "def told(*given, **named):\n    print(resource.getrlimit(resource.RLIMIT_CORE)[0], file=sys.stderr)\n"
        "    return opened(*given, **named)\n\nproject.Project.open = told\n"
    )
    variables = environment({"PYTHONPATH": f"{dev}{os.pathsep}{environment()['PYTHONPATH']}"})
    words = [*command("-C", str(dev)), "validate"]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env=variables, preexec_fn=core_dumps_allowed
    )
    assert done.stderr == "0\n"
    assert run(dev, "apply", "--yes").returncode == 0
    done = run(dev, "exec", "--", sys.executable, "-c", limit, before=core_dumps_allowed)
    assert int(done.stdout) > 0


@pytest.mark.parametrize("secrets", [False, True])
def test_what_it_keeps_is_its_owners_alone_whatever_the_umask(secrets: bool, dev: Path) -> None:
    if secrets:
        stacks = dev / "stacks" / "dev.yaml"
        stacks.write_text(stacks.read_text().replace("./artifacts", '"./{{ secrets.db.NAME }}"') + SECRET)
    for arguments in (["apply", "--yes"], ["plan", "--out", "saved.plan"], ["destroy", "--yes"], ["state", "pull"]):
        done = run(dev, *arguments, before=lambda: os.umask(0))
        assert done.returncode == 0, done.stderr
    local = dev / ".stackspec"
    assert local.stat().st_mode & 0o777 == 0o700
    kept = [dev / "saved.plan", *(file for file in local.rglob("*") if file.is_file())]
    assert len(kept) > 4
    assert {oct(file.stat().st_mode & 0o777) for file in kept} == {"0o600"}
