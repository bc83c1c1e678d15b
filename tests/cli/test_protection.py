"""What was applied as protected stays so until that itself is approved, whatever the manifests say by then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.cli.hostile import STACK

PROD = "apiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {name: prod}\nspec: {protected: PROTECTED}\n"
OTHER = PROD.replace("prod", "laptop").replace("PROTECTED", "false")


@pytest.fixture
def prod(dev: Path, ask: Ask) -> Path:
    """A project whose environment `prod` is protected, and applied."""
    declare(dev, "true")
    assert ask("apply", "-e", "prod", "--yes", "--approve", "prod").code == 0
    return dev


def declare(root: Path, protected: str | None) -> None:
    """Have the manifests say whether `prod` is protected, or nothing of it at all."""
    said = "" if protected is None else f"---\n{PROD.replace('PROTECTED', protected)}"
    (root / "stacks" / "environments.yaml").write_text(OTHER + said)


def test_what_is_applied_first_says_so(dev: Path, ask: Ask) -> None:
    declare(dev, "true")
    answer = ask("plan", "-e", "prod")
    assert "'prod' is protected from this apply on." in answer.out
    assert ask("plan", "-e", "prod", "-o", "json").json["protection"] is True
    assert ask("apply", "-e", "prod", "--yes", "--approve", "prod").code == 0
    assert ask("state", "list", "-e", "prod", "-o", "json").json["protected"] is True
    assert "No changes" in ask("plan", "-e", "prod").out
    assert ask("plan", "-e", "prod", "-o", "json").json["protection"] is None


@pytest.mark.parametrize("protected", ["false", None])
@pytest.mark.parametrize(
    "command",
    [
        ["destroy", "--yes"],
        ["rollback", "1", "--yes"],
        ["state", "rm", "artifact_store/dev"],
        ["state", "mv", "artifact_store/dev", "artifact_store/other"],
        ["state", "push", "copy.json"],
        ["state", "push", "--force", "copy.json"],
    ],
    ids=" ".join,
)
def test_what_is_declared_otherwise_since_is_protected_still(
    command: list[str], protected: str | None, prod: Path, ask: Ask
) -> None:
    stacks = prod / "stacks" / "dev.yaml"
    stacks.write_text(STACK.replace("./artifacts", "./moved"))
    assert ask("apply", "-e", "prod", "--yes", "--approve", "prod").code == 0
    (prod / "copy.json").write_text(ask("state", "pull", "-e", "prod").out)
    first = ask("state", "history", "-e", "prod", "-o", "json").json["runs"][-1]["serial"]
    declare(prod, protected)
    words = [str(first) if word == "1" else word for word in command]
    before = ask("state", "pull", "-e", "prod").out
    for more in ([], ["--approve", "laptop"]):
        answer = ask(*words, "-e", "prod", *more)
        assert (answer.code, "error[SS0605]" in answer.err) == (1, True), answer.err
        assert "the environment 'prod' is protected, as it was last applied" in answer.err
    assert ask("state", "pull", "-e", "prod").out == before
    assert (prod / "moved").is_dir()
    answer = ask(*words, "-e", "prod", "--approve", "prod")
    assert answer.code == 0, answer.err
    assert ask("state", "list", "-e", "prod", "-o", "json").json["protected"] is True


@pytest.mark.parametrize(
    "command",
    [
        ["state", "rm", "artifact_store/dev"],
        ["state", "mv", "artifact_store/dev", "artifact_store/other"],
        ["state", "push", "copy.json"],
    ],
    ids=" ".join,
)
def test_its_state_is_changed_by_hand_with_its_name_only(command: list[str], prod: Path, ask: Ask) -> None:
    (prod / "copy.json").write_text(ask("state", "pull", "-e", "prod").out)
    answer = ask(*command, "-e", "prod")
    assert (answer.code, "error[SS0605]: the environment 'prod' is protected\n" in answer.err) == (1, True)
    assert ask(*command, "-e", "prod", "--approve", "prod").code == 0


def test_to_protect_it_no_more_is_approved_once(prod: Path, ask: Ask) -> None:
    declare(prod, "false")
    answer = ask("plan", "-e", "prod", "--detailed-exitcode")
    assert answer.code == 2
    assert "'prod' was protected when it was last applied, and is no more from this apply on." in answer.out
    assert "add --approve prod" in answer.out
    assert ask("plan", "-e", "prod", "-o", "json").json["protection"] is False
    answer = ask("apply", "-e", "prod", "--yes")
    assert (answer.code, "error[SS0605]" in answer.err) == (1, True)
    assert ask("apply", "-e", "prod", "--yes", "--approve", "prod").code == 0
    assert "No changes" in ask("plan", "-e", "prod").out
    assert ask("destroy", "-e", "prod", "--yes").code == 0


def test_other_manifests_do_not_take_it_off(prod: Path, ask: Ask) -> None:
    (prod / "loose.yaml").write_text(PROD.replace("PROTECTED", "false"))
    words = ["apply", "-f", "loose.yaml", "-e", "prod", "--yes", "--allow-empty"]
    answer = ask(*words)
    assert (answer.code, "error[SS0605]" in answer.err) == (1, True)
    assert (prod / "artifacts").is_dir()
    assert ask(*words, "--approve", "prod").code == 0


def test_a_push_of_what_was_not_protected_leaves_it_protected(dev: Path, ask: Ask) -> None:
    declare(dev, "false")
    assert ask("apply", "-e", "prod", "--yes").code == 0
    (dev / "copy.json").write_text(ask("state", "pull", "-e", "prod").out)
    declare(dev, "true")
    assert ask("apply", "-e", "prod", "--yes", "--approve", "prod").code == 0
    declare(dev, None)
    assert ask("state", "push", "copy.json", "-e", "prod", "--force", "--approve", "prod").code == 0
    answer = ask("destroy", "-e", "prod", "--yes")
    assert (answer.code, "error[SS0605]" in answer.err) == (1, True)


def test_a_saved_plan_that_takes_it_off_is_an_approval(prod: Path, ask: Ask) -> None:
    declare(prod, "false")
    assert ask("plan", "-e", "prod", "--out", "off.plan").code == 0
    assert ask("apply", "off.plan").code == 0
    assert ask("state", "list", "-e", "prod", "-o", "json").json["protected"] is False
