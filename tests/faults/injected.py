"""Commands whose system calls are made to fail, or to be the last, by strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

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
    FIRST.replace("./artifacts", "./moved")
    .replace("orchestrator: {flavor: local}", "orchestrator: {flavor: local, config: {max_parallel_steps: 2}}")
    .replace("    log_store: {flavor: local, config: {path: ./logs}}\n", "")
)
"""What creates, changes, moves and deletes when it is applied after `FIRST`."""
THIRD = FIRST.replace("./artifacts", "./third").replace("./metadata.db", "./third.db")
LEFT = {
    FIRST: {"artifacts", "metadata.db", "logs"},
    SECOND: {"moved", "metadata.db"},
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


def check_converges(root: Path, manifest: str) -> None:
    """One apply makes everything right, and a destroy leaves nothing."""
    write(root, manifest)
    done = stackspec(root, "apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert made(root) == LEFT[manifest]
    done = stackspec(root, "plan", "--detailed-exitcode")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    done = stackspec(root, "destroy", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert made(root) == set()
    assert not [path for path in (root / ".stackspec" / "components").rglob("*") if path.is_file()]
