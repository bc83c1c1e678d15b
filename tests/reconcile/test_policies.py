"""An agent obeys the project's policies: on components a commit is refused, on actions its plan is not carried out."""

from __future__ import annotations

from pathlib import Path

from tests.agents import Begin
from tests.cli.hostile import STACK
from tests.repositories import Forge

POLICY = "apiVersion: stackspec.dev/v1\nkind: Policy\nmetadata: {{name: one}}\nspec: {}\n"
OTHER = "    metadata_store: {flavor: sqlite, config: {path: ./m.db}}\n"


def test_what_a_policy_of_actions_forbids_is_not_done(forge: Forge, agent: Begin, tmp_path: Path) -> None:
    forge.push({"stacks/dev.yaml": STACK + OTHER})
    assert agent("--repo", str(forge.path), "--once").code() == 0
    policy = POLICY.format("{match: {action: [delete]}, require: false, message: nothing is removed here}")
    forge.push({"stacks/dev.yaml": STACK, "stacks/policy.yaml": policy})
    one = agent("--repo", str(forge.path), "--once")
    assert one.code() == 1
    (why,) = one.wait("looked", condition="failed")["diagnostics"]
    assert why["code"] == "SS1101"
    assert "nothing is removed here" in why["message"]
    assert (tmp_path / "work" / ".stackspec" / "reconcile" / "tree" / "m.db").exists()
    assert one.said("apply-started") == []


def test_a_commit_whose_components_a_policy_forbids_is_refused(forge: Forge, agent: Begin) -> None:
    assert agent("--repo", str(forge.path), "--once").code() == 0
    policy = POLICY.format(
        "{match: {type: artifact_store}, require: {required: [labels], properties: {labels: {required: [owner]}}}}"
    )
    forge.push({"stacks/policy.yaml": policy})
    one = agent("--repo", str(forge.path), "--once")
    assert one.code() == 1
    assert one.wait("commit-refused")["diagnostics"][0]["code"] == "SS1101"
    assert one.said("looked", condition="held-back")
