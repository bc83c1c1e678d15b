"""Real processes killed by SIGKILL at every commit of an apply; then `stackspec apply` once makes everything right."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stackspec.project import Project
from stackspec.state.sqlite import SqliteStateStore

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
"""
SECOND = FIRST.replace("./artifacts", "./moved").replace(
    "{flavor: local}", "{flavor: local, config: {max_parallel_steps: 2}}", 1
)
THIRD = "\n".join(FIRST.splitlines()[:7]).replace("./artifacts", "./third") + "\n"

CHILD = """
import os, signal, sys
from stackspec.project import Project
from stackspec.state.sqlite import SqliteStateStore

root, point, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
commit, count = SqliteStateStore.commit, 0

def killing(self, changes):
    global count
    count += 1
    if count == point and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    serial = commit(self, changes)
    if count == point and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return serial

SqliteStateStore.commit = killing
project = Project.open(root)
result = project.apply(project.plan(), parallelism=1)
sys.exit(3 if result.failed else 0)
"""


def killed(root: Path, point: int, when: str) -> bool:
    """Apply in a process that is killed at its `point`-th commit; whether it got that far."""
    command = [sys.executable, "-c", CHILD, str(root), str(point), when]
    child = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    return child.returncode != 0


def stackspec(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "stackspec", "-C", str(root), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def write(root: Path, manifest: str) -> None:
    (root / "stacks").mkdir(exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(manifest)


def made(root: Path) -> set[str]:
    """What is in the project beside manifests and state."""
    return {path.name for path in root.iterdir()} - {"stacks", ".stackspec"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("applied", "killed_in", "then", "left"),
    [
        pytest.param(None, FIRST, FIRST, {"artifacts", "metadata.db"}, id="create"),
        pytest.param(FIRST, SECOND, THIRD, {"third"}, id="replace, then something else"),
    ],
)
def test_one_apply_makes_it_right(
    tmp_path: Path, applied: str | None, killed_in: str, then: str, left: set[str], point: int, when: str
) -> None:
    if applied is not None:
        write(tmp_path, applied)
        project = Project.open(tmp_path)
        assert not project.apply(project.plan()).failed
    write(tmp_path, killed_in)
    assert killed(tmp_path, point, when)
    write(tmp_path, then)
    stackspec(tmp_path, "apply", "--yes")
    assert made(tmp_path) == left
    project = Project.open(tmp_path)
    assert not project.plan().plan.has_changes
    assert not project.plan().plan.has_steps
    assert not SqliteStateStore(tmp_path / ".stackspec" / "state", "default").read().pending
    stackspec(tmp_path, "destroy", "--yes")
    assert made(tmp_path) == set()
    with closing(sqlite3.connect(tmp_path / ".stackspec" / "state" / "default.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    components = tmp_path / ".stackspec" / "components"
    assert not [path for path in components.rglob("*") if path.is_file()]
