"""Commands whose system calls are made to fail, or to be the last, by strace; or that end at an audit event."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.tally import Tally
from tests.running import command, environment

DURABLE = (
    "fsync,fdatasync,write,pwrite64,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat"
)
"""The system calls that leave something behind."""

FIRST = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    metadata_store:
      flavor: sqlite
      config: {path: ./metadata.db}
      depends_on: [artifact_store/dev]
    log_store: {flavor: local, config: {path: ./logs}}
"""
SECOND = (
    FIRST.replace("{path: ./artifacts}}", "{path: ./moved}, lifecycle: {create_before_destroy: true}}")
    .replace("./metadata.db", "./second.db")
    .replace("orchestrator: {flavor: local}", "orchestrator: {flavor: local, config: {max_parallel_steps: 2}}")
    .replace("    log_store: {flavor: local, config: {path: ./logs}}\n", "")
)
"""What creates, changes, replaces in both orders and deletes when it is applied after `FIRST`."""
THIRD = FIRST.replace("./artifacts", "./third").replace("./metadata.db", "./third.db")
LEFT = {
    FIRST: {"artifacts", "metadata.db", "logs"},
    SECOND: {"moved", "second.db"},
    THIRD: {"third", "third.db", "logs"},
}
"""Manifest to what its apply leaves in the project."""


def needs_strace() -> pytest.MarkDecorator:
    """A test that strace carries out."""
    missing = shutil.which("strace") is None
    if missing and os.environ.get("STACKSPEC_TEST_ALL"):
        raise RuntimeError("strace is required: apt-get install strace")
    return pytest.mark.skipif(missing, reason="strace is not installed: apt-get install strace")


def write(root: Path, manifest: str) -> None:
    """Have the project say something else."""
    (root / "stacks").mkdir(parents=True, exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(manifest)


def stackspec(root: Path, *arguments: str, inject: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command; `inject` is what strace is to do to its durable system calls."""
    words = command("-C", str(root), *arguments)
    if inject is not None:
        words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={DURABLE}", "-e", f"inject={inject}", *words]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=environment())


def calls(root: Path, *arguments: str) -> Counter[str]:
    """Each durable system call that a command makes to how often, in the thread that makes it most often."""
    trace = root.with_name(f"{root.name}.trace")
    words = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={DURABLE}", *command("-C", str(root), *arguments)]
    subprocess.run(words, capture_output=True, check=True, timeout=60, env=environment())
    found: Counter[tuple[str, str]] = Counter(re.findall(r"^([0-9]+) +([a-z0-9]+)\(", trace.read_text(), re.MULTILINE))
    most: Counter[str] = Counter()
    for (_, call), count in found.items():
        most[call] = max(most[call], count)
    return most


def made(root: Path) -> set[str]:
    """What is in the project beside manifests and state."""
    return {path.name for path in root.iterdir()} - {"stacks", ".stackspec"}


def settle(root: Path, manifest: str, tally: Tally, where: str) -> None:
    """One apply must make everything right, and a destroy leave nothing; what is not so is counted."""
    write(root, manifest)
    done = stackspec(root, "apply", "--yes")
    planned = stackspec(root, "plan", "--detailed-exitcode")
    _compare(root, LEFT[manifest], tally, where)
    if done.returncode or planned.returncode or planned.stderr:
        tally.add("manual steps", 1, f"{where}: {done.stdout}{done.stderr}{planned.stdout}{planned.stderr}")
    vanish(root, tally, where)


def vanish(root: Path, tally: Tally, where: str) -> None:
    """A destroy must leave nothing; what is left is counted."""
    done = stackspec(root, "destroy", "--yes")
    if done.returncode:
        tally.add("manual steps", 1, f"{where}: {done.stdout}{done.stderr}")
    _compare(root, set(), tally, f"{where}, then destroyed")


def _compare(root: Path, wanted: set[str], tally: Tally, where: str) -> None:
    real = made(root)
    tally.add("orphans", len(real - wanted), where)
    tally.add("missing", len(wanted - real), where)
    if not wanted:
        private = [path for path in (root / ".stackspec" / "components").rglob("*") if path.is_file()]
        tally.add("orphans", len(private), where)


AUDITED = """
import os, signal, sys

point, trace = int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT, 0o600)
WRITING = os.O_WRONLY | os.O_RDWR
DURABLE = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate", "shutil.rmtree",
           "sqlite3.connect", "sqlite3.connect/handle", "fcntl.flock", "subprocess.Popen"}
reached = 0

def hook(event, arguments):
    global reached
    if event not in DURABLE and not (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
        return
    reached += 1
    os.write(trace, f"{event}\\n".encode())
    if reached == point:
        os.kill(os.getpid(), signal.SIGKILL)

sys.argv = ["stackspec", *sys.argv[3:]]
from stackspec.__main__ import run_and_exit
sys.addaudithook(hook)
run_and_exit()
"""
"""A command that ends at its `point`-th audit event which something durable may follow; 0 for none of them."""


def audited(root: Path, *arguments: str, point: int = 0) -> tuple[int, list[str]]:
    """The exit code of a command that is killed at an audit event, and the events that it reached.

    They come before a system call is made, in whichever thread, and need no strace.
    """
    trace = root.with_name(f"{root.name}.events")
    trace.unlink(missing_ok=True)
    words = [sys.executable, "-c", AUDITED, str(point), str(trace), "-C", str(root), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=environment())
    return done.returncode, trace.read_text().splitlines()
