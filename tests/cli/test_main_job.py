"""The main job as a user does it: every command in a process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.running import command, environment

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    metadata_store: {flavor: sqlite, config: {path: ./metadata.db}}
"""


def stackspec(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = command("-C", str(root), *arguments)
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=environment())


def test_from_nothing_to_applied_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    assert stackspec(tmp_path, "validate").returncode == 0
    assert stackspec(tmp_path, "plan", "--detailed-exitcode").returncode == 2
    applied = stackspec(tmp_path, "apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert (tmp_path / "artifacts").is_dir()
    assert (tmp_path / "metadata.db").is_file()
    assert stackspec(tmp_path, "plan", "--detailed-exitcode").returncode == 0
    (tmp_path / "stacks" / "dev.yaml").write_text(
        STACK.replace("{flavor: local}", "{flavor: local, config: {max_parallel_steps: 2}}", 1)
    )
    plan = json.loads(stackspec(tmp_path, "plan", "-o", "json").stdout)
    assert [(change["address"], change["action"]) for change in plan["changes"]] == [("orchestrator/dev", "update")]
    assert stackspec(tmp_path, "apply", "--yes").returncode == 0
    assert stackspec(tmp_path, "destroy", "--yes").returncode == 0
    assert not (tmp_path / "artifacts").exists()
    assert not (tmp_path / "metadata.db").exists()
