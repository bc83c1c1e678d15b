"""However many secrets a command needs of a store: the store is opened once, and each thing in it is asked for once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.running import command, environment
from tests.secret_stores.files import as_dotenv, as_json, write_private
from tests.secret_stores.gnupg import encrypt, home, needs_program, variables
from tests.secret_stores.servers import Answer, web
from tests.servers import needs

__all__ = ["home"]

NAMES = [f"NAME_{number}" for number in range(1000)]
VALUES = {name: f"value of {name}" for name in NAMES}
OPENED = """
import json, os, sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
sys.argv = ["stackspec", *sys.argv[1:]]
from stackspec.__main__ import main
code = main()
names = [os.path.basename(os.fspath(one)) for one in opened if isinstance(one, str | os.PathLike)]
print(json.dumps([code, names]), file=sys.stderr)
"""
"""A command that tells in the end which files it has opened."""


def needing_all(root: Path, kind: str, config: Mapping[str, str], paths: Mapping[str, str]) -> None:
    """A project whose components need every value, of two stores that are the same one.

    Args:
        paths: Name to where it is in the store.
    """
    half = len(paths) // 2
    halves = {"one": dict(list(paths.items())[:half]), "other": dict(list(paths.items())[half:])}
    variables = {name: {key: f"{{{{ secrets.{name}.{key} }}}}" for key in keys} for name, keys in halves.items()}
    stack = {
        "orchestrator": {"flavor": "local", "environment": variables["one"]},
        "artifact_store": {"flavor": "local", "config": {"path": "./artifacts"}, "environment": variables["other"]},
    }
    manifests: list[tuple[str, str, dict[str, object]]] = [("Stack", "dev", {"components": stack})]
    manifests += [("SecretStore", name, {"type": kind, "config": config}) for name in halves]
    manifests += [("Secret", name, {"store": name, "keys": keys}) for name, keys in halves.items()]
    (root / "stacks").mkdir()
    for one, name, spec in manifests:
        text = json.dumps({"apiVersion": "stackspec.dev/v1", "kind": one, "metadata": {"name": name}, "spec": spec})
        (root / "stacks" / f"{one}-{name}.yaml").write_text(text)


def run(root: Path, words: str, more: Mapping[str, str] | None = None) -> None:
    """A command that must succeed."""
    words_ = command("-C", str(root), *words.split())
    done = subprocess.run(words_, capture_output=True, text=True, check=False, env=environment(more), timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("words", ["apply --yes", "secret check"])
@pytest.mark.parametrize("kind", ["dotenv", "file"])
def test_each_file_is_opened_once(kind: str, words: str, tmp_path: Path) -> None:
    write_private(tmp_path / "many.env", as_dotenv(VALUES))
    for name, value in VALUES.items():
        write_private(tmp_path / "many" / name, value)
    config = {"path": "./many.env"} if kind == "dotenv" else {"folder": "./many"}
    needing_all(tmp_path, kind, config, {name: name for name in NAMES})
    words_ = [sys.executable, "-c", OPENED, "-C", str(tmp_path), *words.split()]
    done = subprocess.run(words_, capture_output=True, text=True, check=True, env=environment(), timeout=60)
    code, opened = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr[:2000]
    counted = Counter(opened)
    assert {counted[name] for name in (["many.env"] if kind == "dotenv" else NAMES)} == {1}


@needs_program("gpg", "gnupg")
def test_a_program_is_run_once(tmp_path: Path, home: Path) -> None:
    encrypt(home, tmp_path / "many.yaml.gpg", as_json(VALUES))
    needing_all(tmp_path, "gpg", {"path": "many.yaml.gpg"}, {name: name for name in NAMES})
    gpg, log = tmp_path / "bin" / "gpg", tmp_path / "log"
    write_private(gpg, f'#!/bin/sh\necho called >>{log}\nexec {shutil.which("gpg")} "$@"\n')
    gpg.chmod(0o700)
    more = {**variables(home), "PATH": f"{gpg.parent}{os.pathsep}{os.environ['PATH']}"}
    for words in ("plan", "apply --yes", "exec -- true"):
        log.write_text("")
        run(tmp_path, words, more)
        assert log.read_text() == "called\n", words


def test_a_server_is_asked_once_for_each_entry(tmp_path: Path) -> None:
    needs("hvac", "vault")
    asked: list[str] = []

    def answer(path: str, _headers: Mapping[str, str]) -> Answer:
        asked.append(path)
        fields = {f"field-{number}": "value" for number in range(10)}
        return 200, {"Content-Type": "application/json"}, json.dumps({"data": {"data": fields}}).encode()

    paths = {name: f"entry-{number // 10}#field-{number % 10}" for number, name in enumerate(NAMES)}
    with web(answer) as address:
        needing_all(tmp_path, "vault", {"address": address}, paths)
        for words in ("apply --yes", "plan"):
            asked.clear()
            run(tmp_path, words, {"VAULT_TOKEN": "token"})
            assert sorted(asked) == sorted(f"/v1/secret/data/entry-{number}" for number in range(100)), words
