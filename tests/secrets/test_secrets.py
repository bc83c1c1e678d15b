"""Secrets from their stores to the hooks that need them, and nowhere else."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackspec.core.diagnostic import StackspecError
from stackspec.core.expression import Sealed, SecretReference, SecretSource
from stackspec.core.values import sealed_in
from stackspec.plan.request import Request
from stackspec.plan.selection import Selection
from stackspec.project import Project
from stackspec.render.plan import plan_json, plan_text
from stackspec.render.text import Style
from stackspec.secret_stores.contract import Missing, Secret, StoreError
from stackspec.secret_stores.stores.env import EnvSecretStore
from stackspec.state.export import export_state, import_state
from stackspec.state.model import AppliedComponent
from tests.running import command, environment
from tests.secrets.canary import PARTS, in_files, traces
from tests.secrets.flavors import REGISTRY, token_of

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
    (problem,) = opened(root).validate()
    assert (problem.code, problem.message) == ("SS0205", "'port' must be an integer, not text")
    assert problem.hint == "a secret is text; convert it, as in {{ secrets.db.password | int }}"
    say(root, ', port: "{{ secrets.db.password | lower }}"')
    (message,) = applied(root)
    assert message == ("artifact_store/dev: provision failed: with its secrets, 'port' must be an integer, not text")
    assert not opened(root).store("default").read().pending  # nothing began
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


@pytest.fixture
def chained(dev: Path) -> Path:
    """An applied project whose secret names a folder, and in it, by a sensitive output, another."""
    stack = PLAIN.replace("./artifacts", '"./a-{{ secrets.db.token }}"')
    logs = """\
    log_store:
      flavor: local
      config: {path: "{{ components.artifact_store.outputs.uri | replace('file://', '') }}/logs"}
"""
    say(dev, stack=stack.replace(", token: shown", "").replace("---", f"{logs}---"))
    assert run("apply", "--yes").returncode == 0
    return dev


def test_with_the_key_lost_outputs_are_made_anew_once(chained: Path) -> None:
    (chained / ".stackspec" / "secrets.key").unlink()
    told = json.loads(run("plan", "-o", "json").stdout)
    assert [one["code"] for one in told["diagnostics"]] == ["SS0806"]
    changes = {one["address"]: one["reason"] for one in told["changes"]}
    why = "it was recorded under a key of secrets that is lost"
    why += "; if config.path was another by then, that one is left behind"
    assert changes == {"artifact_store/dev": why, "log_store/dev": why}
    assert run("apply", "--yes").returncode == 0
    done = run("plan", "--detailed-exitcode")
    assert (done.returncode, done.stderr) == (0, "")
    assert run("destroy", "--yes").returncode == 0
    assert not list(chained.glob("a-*"))


def test_with_the_key_lost_nothing_of_before_is_brought_back(chained: Path) -> None:
    past = opened(chained).store("default").read().serial
    (chained / ".stackspec" / "secrets.key").unlink()
    assert run("apply", "--yes").returncode == 0
    done = run("rollback", str(past), "--yes")
    assert (done.returncode, "error[SS0805]: log_store/dev cannot be brought back" in done.stderr) == (1, True), done


def test_what_cannot_be_removed_is_told_before_anything_is(chained: Path) -> None:
    (chained / ".stackspec" / "secrets.key").unlink()
    done = run("destroy", "--yes")
    assert (done.returncode, "stackspec state rm log_store/dev" in done.stderr) == (1, True)
    assert "error[SS0805]: log_store/dev cannot be removed: " in done.stderr
    assert len(json.loads(run("state", "list", "-o", "json").stdout)["components"]) == 3


def test_what_a_hint_says_is_for_the_environment_at_hand(chained: Path) -> None:
    environments = "".join(
        f"---\napiVersion: stackspec.dev/v1\nkind: Environment\nmetadata: {{name: {name}}}\n" for name in ("one", "two")
    )
    say(
        chained,
        stack=(chained / "stacks" / "dev.yaml").read_text().replace("./a-", "./{{ environment.name }}-") + environments,
    )
    assert run("destroy", "--yes", "-e", "default").returncode == 0
    assert run("apply", "--yes", "-e", "two").returncode == 0
    (chained / ".stackspec" / "secrets.key").unlink()
    done = run("destroy", "--yes", "-e", "two")
    assert (done.returncode, "stackspec state rm log_store/dev -e two" in done.stderr) == (1, True), done.stderr


def test_what_a_secret_that_is_gone_was_made_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert applied(root) == []
    monkeypatch.delenv("DB_PASSWORD")
    monkeypatch.setenv("DB_PASSWORD_2", "another-one-by-now")
    say(root, stack=STACK.replace("password: DB_PASSWORD", "next: DB_PASSWORD_2").replace("db.password", "db.next"))
    assert applied(root) == []  # though from what it is to be updated nobody knows
    monkeypatch.delenv("DB_PASSWORD_2")
    with pytest.raises(StackspecError) as refused:
        opened(root).plan(request=Request(Selection(destroy=True)))
    (problem,) = refused.value.diagnostics
    assert problem.message == (
        "artifact_store/dev cannot be removed: secrets.db.next: the variable DB_PASSWORD_2 is not set"
    )


@pytest.mark.parametrize("becomes", ["a secret", "plain text"])
def test_the_same_value_as_a_secret_or_not_tears_nothing_down(becomes: str, dev: Path) -> None:
    plain, secret = (PLAIN.replace("./artifacts", path) for path in (f"./a-{CANARY}", '"./a-{{ secrets.db.token }}"'))
    first, then = (plain, secret) if becomes == "a secret" else (secret, plain)
    say(dev, stack=first)
    assert run("apply", "--yes").returncode == 0
    (dev / f"a-{CANARY}" / "data").write_text("kept")
    say(dev, stack=then)
    (change,) = json.loads(run("plan", "-o", "json").stdout)["changes"]
    how = "as a secret" if becomes == "a secret" else "in plain text"
    assert (change["action"], change["reason"]) == ("update", f"config.path has the same value, {how}")
    assert run("apply", "--yes").returncode == 0
    assert (dev / f"a-{CANARY}" / "data").read_text() == "kept"
    assert not json.loads(run("plan", "-o", "json").stdout)["changes"]
    assert (CANARY in run("state", "pull").stdout) is (becomes == "plain text")


@pytest.mark.parametrize("value", ["/outside/of/it", "n" * 300], ids=["outside", "too long"])
def test_what_was_never_made_is_not_in_the_way(value: str, dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"{{ secrets.db.token }}"'))
    monkeypatch.setenv("DB_PASSWORD", value)
    done = run("apply", "--yes")
    assert (done.returncode, "1 created; 1 failed" in done.stdout) == (1, True)
    monkeypatch.setenv("DB_PASSWORD", "a-folder")
    assert run("apply", "--yes").returncode == 0
    assert run("destroy", "--yes").returncode == 0


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


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root gives no file to another user")
def test_a_key_that_another_user_has_put_there_is_refused(root: Path) -> None:
    assert applied(root) == []
    os.chown(root / ".stackspec" / "secrets.key", 1234, -1)
    with pytest.raises(StackspecError) as refused:
        opened(root).plan()
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, "belongs to another user (uid 1234)" in diagnostic.message) == ("SS0805", True)


@pytest.mark.parametrize("fails", ["false", "true"])
def test_what_a_component_made_up_is_a_secret_to_all(fails: str, root: Path, tmp_path: Path) -> None:
    outputs = "components.artifact_store.outputs"
    config = f'{{token: "{{{{ {outputs}.token }}}}", pair: "{{{{ {outputs}.pair }}}}", fails: {fails}}}'
    stack = re.sub(r"log_store:.*?---", f"log_store: {{flavor: reader, config: {config}}}\n---", STACK, flags=re.DOTALL)
    say(root, stack=stack)
    project, told = opened(root), list[object]()
    result = project.apply(project.plan(), listener=told.append)
    assert len(result.failed) == (fails == "true")
    (made,) = (root.parent / "outside").iterdir()
    state, shown = opened(root).store("default").read(), opened(root)
    seen = shown.observe(state)
    given = [shown.outputs(one, None, reveal=False) for one in state.components]
    for secret in (token_of(made.stem), token_of(f"{made.stem} inside")):
        assert traces(f"{result} {told} {state} {seen} {given}".encode(), secret) == []
        assert in_files(root / ".stackspec" / "state", secret) == []


def test_who_can_write_the_state_gets_no_secret(dev: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"./art-{{ secrets.db.token }}"'))
    assert run("apply", "--yes").returncode == 0
    store = opened(dev).store("default")
    state = import_state(store.pull())
    evil = SecretSource("file", {"folder": str(tmp_path)}, "taken")
    components = {
        address: replace(one, config={**one.config, "path": Sealed(SecretReference("gone", "key", evil), "x:y")})
        if address.type == "artifact_store"
        else one
        for address, one in state.components.items()
    }
    (tmp_path / "taken").write_text("./taken-from-elsewhere")
    (tmp_path / "state.json").write_text(export_state(replace(state, components=components, serial=state.serial + 1)))
    assert run("state", "push", "--force", str(tmp_path / "state.json")).returncode == 0
    for words in ("drift", "status", "destroy --yes", "plan --refresh", "apply --yes"):
        done = run(*words.split())
        assert "changed by another than stackspec" in f"{done.stdout}{done.stderr}", words
        assert "taken-from-elsewhere" not in f"{done.stdout}{done.stderr}", words
    assert run("state", "rm", "artifact_store/dev").returncode == 0
    assert run("import", "artifact_store/dev", "--yes").returncode == 0
    assert run("destroy", "--yes").returncode == 0
    assert not (dev / f"art-{CANARY}").exists()


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


def test_what_encrypts_is_asked_for_before_anything_begins(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(StackspecError) as refused:
        opened(root).plan()
    (problem,) = refused.value.diagnostics
    assert (problem.code, problem.hint) == ("SS0602", "run: pip install 'stackspec[secrets]'")


def test_a_secret_that_is_missing_is_an_error_at_each_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_PASSWORD")
    with pytest.raises(StackspecError) as refused:
        opened(root).plan()
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, str(diagnostic.source)) == ("SS0802", "stacks/dev.yaml:7:56")
    assert opened(root).validate() == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0|", exclude_categories=["Cs"]), min_size=8, max_size=40))
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
    # Others may be in what is written anyway ("prevent_" is), and so may any part be.
    if len(set(secret)) > 4 and not re.fullmatch(r'[a-z0-9_/:."{}\[\], -]*', secret):
        found = [*traces(written.getvalue(), secret), *in_files(root, secret)]
        assert [one for one in found if not one.endswith(PARTS)] == []


# --- by the command line


PLAIN = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  environment: {WHERE: "{{ components.artifact_store.outputs.uri }}", N: 3, token: shown}
  secrets: [db]
  components:
    orchestrator: {flavor: local, environment: {N: 1, M: 2}}
    artifact_store: {flavor: local, config: {path: ./artifacts}, environment: {M: "{{ secrets.db.token }}-end"}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: env, keys: {token: DB_PASSWORD}}
"""
SHOW = 'import json, os; print(json.dumps({name: os.environ.get(name) for name in ("WHERE", "N", "M", "token")}))'


@pytest.fixture
def dev(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    say(root, stack=PLAIN)
    monkeypatch.chdir(root)
    return root


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, env=environment())


@pytest.mark.parametrize("asks", ["variables", "without a value", "plan"])
def test_a_store_is_asked_once_a_command(asks: str, dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(
        dev,
        stack=PLAIN.replace("components.artifact_store.outputs.uri", "secrets.db.user").replace(
            "{token:", "{user: DB_USER, token:"
        ),
    )
    asked: list[Sequence[str]] = []
    read = EnvSecretStore.read

    def reading(store: EnvSecretStore, paths: Sequence[str]) -> Mapping[str, Secret | Missing | StoreError]:
        asked.append(paths)
        return read(store, paths)

    monkeypatch.setattr(EnvSecretStore, "read", reading)
    project = opened(dev)
    match asks:
        case "variables":
            assert project.variables("dev")["WHERE"] == "ada-the-user"
        case "without a value":
            assert project.secrets.without_value(None, fail=True) == []
        case _:
            project.plan()
    assert len(asked) == 1


def test_a_command_gets_the_variables_of_its_stack(dev: Path) -> None:
    early = run("exec", "--", sys.executable, "-c", SHOW)
    assert (early.returncode, "error[SS0402]" in early.stderr) == (1, True)
    assert run("apply", "--yes").returncode == 0
    done = run("exec", "--stack", "dev", "--", sys.executable, "-c", SHOW)
    assert json.loads(done.stdout) == {
        "WHERE": f"file://{dev}/artifacts",
        "N": "3",
        "M": f"{CANARY}-end",
        "token": CANARY,
    }
    assert run("exec", "--", "sh", "-c", "exit 7").returncode == 7
    given = ["--variable", "N=4=5", "--variable", "token=mine", "--variable", "EXTRA="]
    done = run("exec", *given, "--", sys.executable, "-c", SHOW.replace('"WHERE"', '"EXTRA"'))
    assert json.loads(done.stdout) == {"EXTRA": "", "N": "4=5", "M": f"{CANARY}-end", "token": CANARY}
    wrong = run("exec", "--variable", "4=5", "--", "true")
    assert (wrong.returncode, "error[SS0901]: '4' of --variable is no variable" in wrong.stderr) == (1, True)


def test_a_missing_secret_is_a_warning_to_who_only_validates(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_PASSWORD")
    told = "[SS0802]: secrets.db.token: the variable DB_PASSWORD is not set"
    done = run("validate")
    assert (done.returncode, f"warning{told}" in done.stderr) == (0, True)
    done = run("validate", "--fail-if-secrets-missing")
    assert (done.returncode, f"error{told}" in done.stderr) == (1, True)
    document = json.loads(run("validate", "--fail-if-secrets-missing", "-o", "json").stdout)
    codes = {one["code"] for one in document["diagnostics"] if one["severity"] == "error"}
    assert (document["valid"], codes) == (False, {"SS0802"})
    say(dev, stack=PLAIN.replace("{{ secrets.db.token }}-end", "end"))
    done = run("validate", "--fail-if-secrets-missing")
    assert (done.returncode, f"error{told}; what runs with stack/dev needs it" in done.stderr) == (1, True)


@pytest.mark.parametrize("after", ["apply --yes", "destroy --yes", "removed"])
def test_what_a_secret_names_is_removed_though_it_was_rotated(
    after: str, dev: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"./art-{{ secrets.db.token }}"'))
    assert run("apply", "--yes").returncode == 0
    assert (dev / f"art-{CANARY}").is_dir()
    monkeypatch.setenv("DB_PASSWORD", "rotated-by-now")
    assert "No drift" in run("drift").stdout
    if after == "removed":
        (dev / "stacks" / "dev.yaml").unlink()
        after = "apply --yes --allow-empty"
    done = run(*after.split())
    assert done.returncode == 0, done.stderr
    assert not (dev / f"art-{CANARY}").exists()
    assert (dev / "art-rotated-by-now").is_dir() is (after == "apply --yes")


def test_what_is_ignored_is_removed_by_what_it_was_made_with(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = '"./art-{{ secrets.db.token }}"}, lifecycle: {ignore_changes: [config.path]}'
    stack = PLAIN.replace("./artifacts}", ignored)
    say(dev, stack=stack)
    assert run("apply", "--yes").returncode == 0
    monkeypatch.setenv("DB_PASSWORD", "rotated-by-now")
    say(dev, stack=stack.replace("metadata: {name: dev}", "metadata: {name: dev, labels: {a: b}}"))
    assert run("apply", "--yes").returncode == 0  # only recorded
    assert (dev / f"art-{CANARY}").is_dir()
    assert run("destroy", "--yes").returncode == 0
    assert not (dev / f"art-{CANARY}").exists()


@pytest.mark.parametrize(
    ("path", "secret", "never"),
    [
        ("{{ secrets.db.token | upper }}", "abcdefgh1", "ABCDEFGH1"),
        ("x{{ secrets.db.token | replace('s','z') }}", "some-secrets", "zome-zecretz"),
        ("c{{ secrets.db.token }}", "ab//cdefgh", "cdefgh"),
        ("{{ secrets.db.token }}", "../../../outside-of-it", "outside-of-it"),
    ],
)
def test_what_is_made_of_a_secret_tells_as_much(
    path: str, secret: str, never: str, dev: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", secret)
    say(dev, stack=PLAIN.replace("./artifacts", f'"./f/{path}"'))
    for words in (
        "apply --yes",
        "plan",
        "status",
        "status -o json",
        "output artifact_store/dev",
        "state pull",
        "drift",
    ):
        done = run(*words.split())
        assert never not in f"{done.stdout}{done.stderr}", words
    for file in (dev / ".stackspec" / "state").iterdir():
        assert never.encode() not in file.read_bytes(), file


def test_a_saved_plan_with_secrets_is_carried_out(dev: Path) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"./art-{{ secrets.db.token }}"'))
    assert run("plan", "--out", "x.plan").returncode == 0
    done = run("apply", "x.plan")
    assert done.returncode == 0, done.stderr


def test_a_saved_plan_says_which_secret_was_rotated_since(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"./art-{{ secrets.db.token }}"'))
    assert run("apply", "--yes").returncode == 0
    monkeypatch.setenv("DB_PASSWORD", "rotated-by-now")
    assert run("plan", "--out", "x.plan").returncode == 0
    assert b"rotated" not in (dev / "x.plan").read_bytes()
    monkeypatch.setenv("DB_PASSWORD", "rotated-again")
    done = run("apply", "x.plan")
    assert (done.returncode, "plan says: secrets.db.token has changed" in done.stderr) == (1, True), done.stderr


def test_keys_of_our_own_are_read_by_no_store_and_handed_to_nobody(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = "---\napiVersion: stackspec.dev/v1\nkind: SecretStore\nmetadata: {name: own}\n"
    store += "spec: {type: file, config: {folder: ./.stackspec}}\n"
    say(dev, stack=PLAIN.replace("store: env", "store: own").replace("DB_PASSWORD", "plan.key") + store)
    (dev / ".stackspec").mkdir()
    (dev / ".stackspec" / "plan.key").write_text("k" * 64)
    done = run("secret", "check")
    assert (done.returncode, "leads into stackspec's own folder" in done.stdout) == (1, True)
    say(dev, stack=PLAIN)
    monkeypatch.setenv("STACKSPEC_PLAN_KEY", "k" * 40)
    words = command("exec", "--", "env")
    assert run("apply", "--yes").returncode == 0
    shown = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, **environment()})
    assert "STACKSPEC_PLAN_KEY" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--stack", "dve", "--", "true"], "SS0502", "did you mean 'dev'?"),
        (["--", "no-such-program-anywhere"], "SS0904", "No such file or directory"),
    ],
)
def test_what_cannot_be_run(arguments: list[str], code: str, told: str, dev: Path) -> None:
    assert run("apply", "--yes").returncode == 0
    done = run("exec", *arguments)
    assert (done.returncode, f"error[{code}]" in done.stderr, told in done.stderr) == (1, True, True)
    assert CANARY not in done.stderr


def test_a_sensitive_output_is_shown_to_who_asks(dev: Path) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"./art-{{ secrets.db.token }}"'))
    assert run("apply", "--yes").returncode == 0
    assert run("output", "artifact_store/dev").stdout == "uri  (sensitive)\n"
    assert json.loads(run("output", "artifact_store/dev", "-o", "json").stdout) == {"uri": "(sensitive)"}
    refused = run("output", "artifact_store/dev", "uri")
    assert (refused.returncode, "error[SS0807]" in refused.stderr) == (1, True)
    assert run("output", "artifact_store/dev", "uri", "--reveal").stdout == f"file://{dev}/art-{CANARY}\n"
    assert run("output", "orchestrator/dev", "uri").stdout.startswith("file://")
    assert run("destroy", "--yes").returncode == 0


COMMANDS = [
    "validate",
    "plan",
    "plan -o json",
    "plan --out x.plan",
    "apply --yes",
    "status",
    "status -o json",
    "drift",
    "drift -o json",
    "plan --refresh --all",
    "secret list",
    "secret check",
    "secret check -o json",
    "state list -o json",
    "state show artifact_store/dev",
    "state show artifact_store/dev -o json",
    "state pull",
    "state history -o json",
    "output artifact_store/dev",
    "plan --replace artifact_store/dev",
    "rollback 1 --yes",
    "apply --yes -o json",
    "destroy --yes",
]


@pytest.mark.parametrize("verbose", [(), ("-v",)], ids=["", "verbose"])
def test_no_command_writes_a_secret_anywhere(verbose: tuple[str, ...], dev: Path) -> None:
    more = "{flavor: local, environment: {K: '{{ secrets.db.token | lower }}', N: 1"
    say(dev, stack=PLAIN.replace("{flavor: local, environment: {N: 1", more))
    for words in COMMANDS:
        done = run(*verbose, *words.split())
        assert traces(f"{done.stdout}{done.stderr}".encode(), CANARY) == [], words
        assert in_files(dev, CANARY) == [], words
        assert "SS0999" not in done.stderr, (words, done.stderr)
    assert done.returncode == 0


def test_a_message_of_a_hook_that_fails_says_no_secret(dev: Path) -> None:
    say(dev, stack=PLAIN.replace("./artifacts", '"/nowhere/{{ secrets.db.token }}"'))
    done = run("apply", "--yes")
    assert (done.returncode, "outside the project" in done.stderr) == (1, True)
    assert traces(f"{done.stdout}{done.stderr}".encode(), CANARY) == []
    assert in_files(dev, CANARY) == []


def test_no_key_for_a_shared_state(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (dev / "stackspec.yaml").write_text(
        "apiVersion: stackspec.dev/v1\nkind: Project\nmetadata: {name: p}\n"
        "spec: {state: {backend: s3, bucket: nowhere, prefix: p, region: eu-west-1, endpoint_url: 'http://127.0.0.1:9'}}\n"
    )
    project = opened(dev)
    with pytest.raises(StackspecError) as refused:
        project.secrets.sealer("default").seal(
            "", project.desired().secrets["db"]["token"]
        )  # before anything is asked of the bucket
    assert [one.code for one in refused.value.diagnostics] == ["SS0805"]
    monkeypatch.setenv("STACKSPEC_SECRETS_KEY", "k" * 40)
    assert opened(dev).secrets.sealer("default").key_id
