"""The hooks of `.pre-commit-hooks.yaml` as pre-commit and prek run them, installed from this checkout.

Each program makes an environment with pip, from the network: half a minute.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.running import environment
from tests.servers import program

CHECKOUT = Path(__file__).parents[2]
CONFIG = """\
repos:
  - repo: {repo}
    rev: {rev}
    hooks:
      - id: stackspec-fmt
      - id: stackspec-validate
      - id: stackspec-check
"""
GOOD = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata:
  name: {name}
spec:
  components:
    orchestrator: {{flavor: local}}
    artifact_store: {{flavor: local, config: {{path: ./data/{name}}}}}
"""


def git(folder: Path, *words: str) -> str:
    config = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *config, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """This checkout as it is now, in a repository of its own, and its commit."""
    repo = tmp_path_factory.mktemp("published") / "stackspec"
    repo.mkdir()
    listed = git(CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in listed:
        keep = name.startswith(("stackspec/", "schemas/", ".pre-commit-hooks")) or "/" not in name
        if name and keep and (CHECKOUT / name).is_file():
            (repo / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, repo / name)
    git(repo, "init", "--quiet")
    git(repo, "add", "--all", "--force")
    git(repo, "commit", "--quiet", "-m", "as it is")
    return repo, git(repo, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path, published: tuple[Path, str]) -> Path:
    """A repository of a project whose hooks are those of this checkout."""
    folder = tmp_path / "project"
    (folder / "stacks").mkdir(parents=True)
    repo, rev = published
    (folder / ".pre-commit-config.yaml").write_text(CONFIG.format(repo=repo, rev=rev))
    for number in range(20):
        (folder / "stacks" / f"s{number}.yaml").write_text(GOOD.format(name=f"s{number}"))
    git(folder, "init", "--quiet")
    return folder


@pytest.fixture(params=["pre-commit", "prek"])
def hooks(request: pytest.FixtureRequest, project: Path, tmp_path: Path) -> Callable[[], dict[str, str]]:
    """Runs the hooks on all files: what each says, by its name; nothing where it passes."""
    path = program(request.param, f"pip install {request.param}")
    variables = environment({"PRE_COMMIT_HOME": str(tmp_path / "home"), "PREK_HOME": str(tmp_path / "home")})
    variables["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{variables['PATH']}"
    variables.pop("PYTHONPATH")

    def run() -> dict[str, str]:
        git(project, "add", "--all")
        words = [path, "run", "--all-files", "--color", "never"]
        done = subprocess.run(words, cwd=project, capture_output=True, text=True, env=variables, timeout=300)
        said: dict[str, str] = {}
        for line in done.stdout.splitlines():
            if match := re.match(r"(stackspec \w+)\.*(Passed|Failed)$", line):
                said[match[1]] = "" if match[2] == "Passed" else "\n"
            elif said:
                said[list(said)[-1]] += f"{line}\n" if said[list(said)[-1]] else ""
        assert list(said) == ["stackspec fmt", "stackspec validate", "stackspec check"], done.stdout + done.stderr
        assert (done.returncode == 0) is not any(said.values()), done.stdout
        return said

    return run


@pytest.mark.parametrize("file", ["stackspec.yaml", "stacks/a.yml", "policies/owned.yaml", "ml/policies/owned.yaml"])
def test_a_commit_of_any_manifest_is_checked(file: str) -> None:
    (check,) = (
        one
        for one in yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())
        if one["id"] == "stackspec-check"
    )
    assert re.search(check["files"], file)
    assert check["pass_filenames"] is False


def test_the_hooks_pass_fail_with_what_is_wrong_and_lay_files_out(
    hooks: Callable[[], dict[str, str]], project: Path
) -> None:
    assert not any(hooks().values())

    messy = project / "stacks" / "s1.yaml"
    messy.write_text(GOOD.format(name="s1").replace("kind: Stack\n", "").replace("spec:", "kind:   Stack\nspec:"))
    said = hooks()
    assert "files were modified by this hook" in said["stackspec fmt"]
    assert messy.read_text() == GOOD.format(name="s1")
    assert not said["stackspec validate"] + said["stackspec check"]

    # What a file says of others is for the hook that sees them all.
    (project / "stacks" / "s2.yaml").write_text(GOOD.format(name="s2").replace("{flavor: local}", "nobody", 1))
    said = hooks()
    assert not said["stackspec fmt"] + said["stackspec validate"]
    assert "error[SS0402]" in said["stackspec check"]
    assert "stacks/s2.yaml:7:19" in said["stackspec check"]

    (project / "stacks" / "s2.yaml").write_text(GOOD.format(name="s2").replace("path", "pth"))
    said = hooks()
    assert not said["stackspec fmt"]
    for hook in ("stackspec validate", "stackspec check"):
        assert "error[SS0203]: unknown key 'pth'" in said[hook]
        assert "s3.yaml" not in said[hook]
