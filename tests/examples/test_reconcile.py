"""How the example keeps agents running: what a cluster and systemd take, with words that stackspec takes."""

from __future__ import annotations

import getpass
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from stackspec.cli import plain
from tests.servers import program

HERE = Path(__file__).parents[2] / "examples" / "reconcile"


def test_the_deployment_is_one_that_kubernetes_takes() -> None:
    import kubernetes_validate

    deployment: dict[str, Any] = yaml.safe_load((HERE / "deployment.yaml").read_text())
    kubernetes_validate.validate(deployment, "1.31", strict=True)
    (agent,) = deployment["spec"]["template"]["spec"]["containers"]
    assert plain.read(agent["args"]) is not None
    mounted = {one["name"] for one in agent["volumeMounts"]}
    assert mounted == {one["name"] for one in deployment["spec"]["template"]["spec"]["volumes"]}


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = (HERE / "stackspec-reconcile.service").read_text()
    (line,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    binary, *words = shlex.split(line)
    assert plain.read(words) is not None
    verify = program("systemd-analyze", "apt-get install systemd")
    file = tmp_path / "stackspec-reconcile.service"
    file.write_text(unit.replace(binary, sys.executable).replace("User=stackspec", f"User={getpass.getuser()}"))
    done = subprocess.run([verify, "verify", "--man=no", str(file)], capture_output=True, text=True, check=False)
    ours = [told for told in done.stderr.splitlines() if file.name in told]
    assert (done.returncode, ours) == (0, []), done.stderr
