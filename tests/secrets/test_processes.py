"""No secret can be read of a process: not of its arguments, and of its variables only where somebody hands it one."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path
from secrets import token_hex

import pytest

from tests.secret_stores.files import as_json, write_private
from tests.secret_stores.gnupg import ADDRESS, encrypt, home, needs_program
from tests.secrets.canary import in_files
from tests.secrets.machine import Machine
from tests.secrets.onlooker import Onlooker

__all__ = ["home"]

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  secrets: [ours]
  components:
    orchestrator: {flavor: local, environment: {A: "{{ secrets.theirs.password }}"}}
    artifact_store: ARTIFACTS
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: ours}
spec: {store: env, keys: {token: A_TOKEN}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: theirs}
spec: {store: team, keys: {password: password}}
---
apiVersion: stackspec.dev/v1
kind: SecretStore
metadata: {name: team}
spec: {type: TYPE, config: CONFIG}
"""
LOCAL = "{flavor: local, config: {path: ./artifacts}}"
SERVED = """
      flavor: served
      config: {folder: FOLDER, handed: HANDED, password: "{{ secrets.theirs.password }}"}"""
LIMITED = re.compile(r"Max core file size +0 ")


@pytest.fixture
def secrets() -> dict[str, str]:
    """Variable to the secret in it; others run these tests at the same time, with other ones."""
    names = ("PASSWORD", "A_TOKEN", "STACKSPEC_PLAN_KEY", "STACKSPEC_SECRETS_KEY")
    return {name: f"{token_hex(10)} {name} {token_hex(10)}" for name in names}


@pytest.fixture
def onlooker(tmp_path: Path, secrets: dict[str, str]) -> Onlooker:
    return Onlooker(tmp_path / "onlooker", list(secrets.values()))


@pytest.fixture
def machine(tmp_path: Path, secrets: dict[str, str], onlooker: Onlooker) -> Machine:
    """A machine whose programs are those that wait for the onlooker, where there are any; the password is not there."""
    machine = Machine(tmp_path / "machine", {name: one for name, one in secrets.items() if name != "PASSWORD"})
    machine.variables["PATH"] = f"{onlooker.folder}{os.pathsep}{os.environ['PATH']}"
    return machine


def kept_in_a_file(machine: Machine, secrets: dict[str, str], artifacts: str = LOCAL) -> None:
    """Have the machine's store be a folder, with the password in it."""
    write_private(machine.project / "secrets" / "password", secrets["PASSWORD"])
    machine.say(stack("file", "{folder: ./secrets}", artifacts))


def stack(kind: str, config: str, artifacts: str = LOCAL) -> str:
    return STACK.replace("ARTIFACTS", artifacts).replace("TYPE", kind).replace("CONFIG", config)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        pytest.param("gpg", "{path: password.yaml.gpg}", marks=needs_program("gpg", "gnupg")),
        pytest.param("pass", "{directory: ./store}", marks=needs_program("pass", "pass")),
    ],
)
def test_of_a_program_that_a_store_runs(
    kind: str, config: str, machine: Machine, secrets: dict[str, str], onlooker: Onlooker, home: Path
) -> None:
    machine.variables |= {"GNUPGHOME": str(home)}
    encrypt(home, machine.project / "password.yaml.gpg", as_json({"password": secrets["PASSWORD"]}))
    encrypt(home, machine.project / "store" / "password.gpg", secrets["PASSWORD"])
    (machine.project / "store" / ".gpg-id").write_text(f"{ADDRESS}\n")
    machine.say(stack(kind, config))
    for program in {"gpg", kind}:
        onlooker.stand_before(program)
    with onlooker.looking():
        for words in ("validate --fail-if-secrets-missing", "secret check", "plan", "apply --yes", "drift"):
            assert machine.run(words) == 0, words
    assert len(onlooker.waited) >= 4  # drift needs none
    assert onlooker.told("cmdline") == onlooker.told("environ") == []


def test_of_git(machine: Machine, secrets: dict[str, str], onlooker: Onlooker) -> None:
    kept_in_a_file(machine, secrets)
    onlooker.stand_before("git")
    most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most[1], most[1]))
    with onlooker.looking():
        assert machine.run("apply --yes") == 0
    resource.setrlimit(resource.RLIMIT_CORE, most)
    assert onlooker.waited
    assert onlooker.told("cmdline") == onlooker.told("environ") == []
    assert all(LIMITED.search(one.limits) for one in onlooker.waited), "an image of the process would tell all"


@pytest.mark.parametrize("handed", ["", "by a variable"])
def test_of_a_server(handed: str, machine: Machine, secrets: dict[str, str], onlooker: Onlooker) -> None:
    kept_in_a_file(machine, secrets, SERVED.replace("FOLDER", str(onlooker.folder)).replace("HANDED", f"'{handed}'"))
    try:
        with onlooker.looking():
            assert machine.run("apply --yes") == 0
            assert machine.run("drift") == 0
    finally:
        assert machine.run("destroy --yes") == 0  # the server outlives the command
    (server,) = onlooker.waited
    assert onlooker.told("cmdline") == []
    seen = onlooker.told("environ")  # by who runs it, who may: in the server and in its keeper
    assert (server in seen, len(seen)) == ((True, 2) if handed else (False, 0))


def test_a_server_that_would_get_one_as_an_argument_is_not_started(
    machine: Machine, secrets: dict[str, str], onlooker: Onlooker
) -> None:
    kept_in_a_file(machine, secrets, SERVED.replace("FOLDER", str(onlooker.folder)).replace("HANDED", "by an argument"))
    with onlooker.looking():
        assert machine.run("apply --yes") == 1
    assert onlooker.seen == []
    assert in_files(machine.project / ".stackspec", secrets["PASSWORD"]) == []


def test_of_what_is_run_with_the_secrets_of_a_stack(
    machine: Machine, secrets: dict[str, str], onlooker: Onlooker
) -> None:
    kept_in_a_file(machine, secrets)
    assert machine.run("apply --yes") == 0
    onlooker.stand_before("true")
    with onlooker.looking():
        assert machine.run("exec -- true") == 0
    (child,) = onlooker.waited
    assert onlooker.told("cmdline") == []
    assert onlooker.told("environ") == [child]
    assert child.secrets.keys() == {secrets["PASSWORD"], secrets["A_TOKEN"]}, "no key of ours"
