"""Secrets from their stores to the hooks that need them, and nowhere else."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackspec.core.diagnostic import StackspecError
from stackspec.core.values import sealed_in
from stackspec.plan.request import Request
from stackspec.project import Project
from stackspec.render.plan import plan_json, plan_text
from stackspec.render.text import Style
from stackspec.state.model import AppliedComponent
from tests.secrets.canary import in_files, traces
from tests.secrets.flavors import REGISTRY

CANARY = "C4nary-0f-the-m1ne"
STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: vault, config: {password: "{{ secrets.db.password }}"MORE}}
    log_store:
      flavor: local
      config: {path: ./logs}
      environment: {TOKEN: "{{ components.artifact_store.outputs.token }}"}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: env, keys: {password: DB_PASSWORD, user: DB_USER}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a component that needs a secret."""
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    say(project)
    monkeypatch.setenv("DB_PASSWORD", CANARY)
    monkeypatch.setenv("DB_USER", "ada-the-user")
    return project


def say(project: Path, more: str = "", stack: str = STACK) -> None:
    (project / "stacks" / "dev.yaml").write_text(stack.replace("MORE", more))


def opened(root: Path) -> Project:
    return Project.open(root, registry=REGISTRY)


def planned(root: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """Action to each field that changes, with the secrets that are told of it; nothing of an unchanged component."""
    document = plan_json(opened(root).plan().plan)
    return {
        f"{one['action']} {one['address']}": [(field["path"], field["secrets"]) for field in one["fields"]]
        for one in document["changes"]
    }


def held(root: Path) -> list[AppliedComponent]:
    """What is applied."""
    return list(opened(root).store("default").read().components.values())


def applied(root: Path) -> list[str]:
    """Apply; the messages of what failed."""
    project = opened(root)
    return [one.message for one in project.apply(project.plan()).failed]


def test_a_secret_reaches_the_hook_and_is_told_by_name_only(root: Path) -> None:
    text = plan_text(opened(root).plan().plan, Style(False))
    assert "config.password  (sensitive)  secrets.db.password" in text
    assert applied(root) == []
    (made,) = (root.parent / "outside").iterdir()
    assert json.loads(made.read_text())["password"] == CANARY
    assert planned(root) == {}
    assert in_files(root, CANARY) == []


def test_rotation_is_an_update_that_names_the_key(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert applied(root) == []
    monkeypatch.setenv("DB_PASSWORD", "another-one-by-now")
    assert planned(root) == {"update artifact_store/dev": [("config.password", ["secrets.db.password"])]}
    assert "config.password  (sensitive, changed)  secrets.db.password" in plan_text(
        opened(root).plan().plan, Style(False)
    )
    assert applied(root) == []
    assert planned(root) == {}


def test_the_same_value_under_another_name_changes_nothing_but_the_record(root: Path) -> None:
    assert applied(root) == []
    say(root, stack=STACK.replace("password: DB_PASSWORD", "pass: DB_PASSWORD").replace("db.password", "db.pass"))
    project = opened(root)
    plan = project.plan()
    assert (plan.plan.has_changes, plan.plan.has_steps) == (False, True)
    project.apply(plan)
    assert not opened(root).plan().plan.has_steps
    (sealed,) = set(sealed_in([component.config for component in held(root)]))
    assert sealed.secrets == ("secrets.db.pass",)


def test_a_secret_in_the_middle_of_a_text(root: Path) -> None:
    say(root, ', url: "postgresql://{{ secrets.db.user }}:{{ secrets.db.password }}@h/d"')
    assert applied(root) == []
    (made,) = (root.parent / "outside").iterdir()
    assert json.loads(made.read_text())["url"] == f"postgresql://ada-the-user:{CANARY}@h/d"
    assert planned(root) == {}


def test_a_secret_of_the_wrong_type_is_refused_before_the_hook(root: Path) -> None:
    say(root, ', port: "{{ secrets.db.password }}"')
    (message,) = applied(root)
    assert message == ("artifact_store/dev: provision failed: with its secrets, 'port' must be an integer, not text")
    say(root, ', port: "{{ secrets.db.password | length }}"')
    assert applied(root) == []


@pytest.mark.parametrize("fails", ["provision", "provision badly", "update", "deprovision", "observe badly"])
def test_what_a_careless_hook_says_is_cleaned(fails: str, root: Path) -> None:
    if not fails.startswith("provision"):
        assert applied(root) == []
    say(root, f", fails: {fails}")
    project = opened(root)
    told: list[object] = []
    result = project.apply(project.plan(), listener=told.append)
    if fails == "deprovision":
        (root / "stacks" / "dev.yaml").write_text(STACK.partition("    artifact_store")[0])
        assert not result.failed
    seen = opened(root).observe(opened(root).store("default").read())
    written = f"{result} {told} {seen} {opened(root).store('default').read()}"
    assert traces(written.encode(), CANARY) == []
    assert in_files(root, CANARY) == []


def test_what_left_the_manifests_with_its_secret_is_removed_all_the_same(root: Path) -> None:
    assert applied(root) == []
    (root / "stacks" / "dev.yaml").write_text("")
    project = opened(root)
    plan = project.plan(request=Request(allow_empty=True))
    assert project.apply(plan).failed == []
    assert list((root.parent / "outside").iterdir()) == []


def test_the_key_lost(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(root, ', label: "{{ secrets.db.user }}"')
    assert applied(root) == []
    (root / ".stackspec" / "secrets.key").unlink()
    project = opened(root)
    plan = project.plan()
    assert [one.code for one in plan.diagnostics] == ["SS0806"]
    # What can be changed in place shows as changed; nothing is torn down because a key was lost.
    assert planned(root) == {"update artifact_store/dev": [("config.password", ["secrets.db.password"])]}
    assert project.apply(plan).failed == []
    assert planned(root) == {}
    assert opened(root).plan().diagnostics == ()


def test_the_key_is_one_that_only_its_owner_reads(root: Path) -> None:
    opened(root).plan()
    assert not (root / ".stackspec").exists()  # a plan leaves nothing behind
    assert applied(root) == []
    key = root / ".stackspec" / "secrets.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(StackspecError) as refused:
        opened(root).plan()
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, "others than its owner" in diagnostic.message) == ("SS0805", True)


def test_digests_tell_nothing_across_components(root: Path) -> None:
    second = STACK.partition("---")[0].replace("{name: dev}", "{name: other}").replace("./logs", "./others")
    (root / "stacks" / "other.yaml").write_text(second.replace("MORE", ""))
    assert applied(root) == []
    digests = {one.digest for one in sealed_in([component.config for component in held(root)])}
    assert len(digests) == 2


def test_drift_of_a_secret_is_told_without_it(root: Path) -> None:
    assert applied(root) == []
    (made,) = (root.parent / "outside").iterdir()
    real = json.loads(made.read_text())
    made.write_text(json.dumps({**real, "password": "changed-by-hand"}))
    _, (drift,), _ = opened(root).drift()
    assert [(one.path, one.sensitive) for one in drift.fields] == [(("config", "password"), True)]
    assert traces(repr(drift).encode(), "changed-by-hand") == []


def test_a_secret_that_is_missing_is_an_error_at_each_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_PASSWORD")
    with pytest.raises(StackspecError) as refused:
        opened(root).plan()
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, str(diagnostic.source)) == ("SS0802", "stacks/dev.yaml:7:56")
    assert opened(root).validate() == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=8, max_size=40))
def test_any_secret_is_nowhere(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    root = tmp_path_factory.mktemp("any") / "project"
    (root / "stacks").mkdir(parents=True)
    say(root, ', url: "x-{{ secrets.db.password }}"')
    with mock.patch.dict(os.environ, {"DB_PASSWORD": secret, "DB_USER": "u"}):
        assert applied(root) == []
        assert planned(root) == {}
        (made,) = (root.parent / "outside").iterdir()
        assert json.loads(made.read_text())["password"] == secret
        written = io.BytesIO()
        written.write(repr(opened(root).store("default").read()).encode())
        written.write(opened(root).store("default").pull().encode())
    if len(set(secret)) > 4:  # others are in everything
        assert traces(written.getvalue(), secret) == []
        assert in_files(root, secret) == []
