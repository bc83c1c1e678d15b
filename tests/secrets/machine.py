"""A project on a machine of its own, and commands that run there, each in a process that may be killed anywhere.

The commands know the flavors of these tests. What they write is looked through for secrets: all that they say, and
every file in the project and in the folders that variables name for whatever a program keeps.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Literal
from unittest import mock

from stackspec.cli.options import OutputFormat
from stackspec.testing.children import Child, Talk
from tests.running import environment, in_process
from tests.secrets.canary import in_files, traces
from tests.secrets.flavors import REGISTRY, token_of

FOLDERS = {
    "HOME": "home",
    "TMPDIR": "tmp",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "runtime",
    "XDG_STATE_HOME": "state",
}
"""Variable to the folder that it names."""
KEYS = ("secrets.key", "plan.key", ".stackspec-*.new")
"""What is in the project's own folder and is a secret itself; the last for an hour where its making was killed."""

Form = OutputFormat | Literal["terminal"]
FORMS: tuple[Form, ...] = (*OutputFormat, "terminal")
"""How commands answer; on a terminal text is coloured and moves."""

SECRETS = {"DB_PASSWORD": 'C4nary-0f "the\\m1ne/é', "DB_USER": "ada-lovelace-1815", "DB_LABEL": "Wh1te+Label=&?"}
ROTATED = {"DB_PASSWORD": "An0ther-b1rd <sings>", "DB_USER": "grace-hopper-1906"}
"""Variable to the secret in it, first and then."""
STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  secrets: [db]
  components:
    orchestrator: {flavor: local}
    artifact_store:
      flavor: vault
      config:
        password: "{{ secrets.db.password }}"
        label: "of {{ secrets.db.label }}"
        url: "postgresql://{{ secrets.db.user }}:{{ secrets.db.password }}@host/db"
    log_store:
      flavor: local
      config: {path: ./logs}
      environment:
        TOKEN: "{{ components.artifact_store.outputs.token }}"
        DSN: "{{ components.artifact_store.outputs.dsn }}"
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db}
spec: {store: env, keys: {password: DB_PASSWORD, user: DB_USER, label: DB_LABEL}}
"""
_LABEL = "        label:"


def with_config(line: str) -> str:
    """The manifest with one more line of the vault's config."""
    return STACK.replace(_LABEL, f"        {line}\n{_LABEL}")


class Machine:
    """A machine with a project.

    Args:
        folder: Where nothing is yet, or a copy of another.
        secrets: Variable to the secret that it holds.

    Attributes:
        variables: What the processes of its commands have beside the usual.
    """

    def __init__(self, folder: Path, secrets: Mapping[str, str] = SECRETS) -> None:
        self.project = folder / "project"
        self.variables = {name: str(folder / one) for name, one in FOLDERS.items()}
        self._folder = folder
        self._known: set[str] = set()
        self._hold(secrets)
        for one in (self.project / "stacks", *(folder / one for one in FOLDERS.values())):
            one.mkdir(parents=True, exist_ok=True)

    def copy(self, folder: Path) -> Machine:
        """Another that is the same, before any secret was rotated."""
        shutil.copytree(self._folder, folder)
        return Machine(folder)

    def rotate(self) -> None:
        """Have other secrets from now on, also where they open things."""
        self._hold(ROTATED)
        for thing in self._things:
            thing.write_text(json.dumps({**json.loads(thing.read_text()), "password": ROTATED["DB_PASSWORD"]}))

    def _hold(self, secrets: Mapping[str, str]) -> None:
        self.variables |= secrets
        self._known |= set(secrets.values())

    @property
    def secrets(self) -> set[str]:
        """Those that there were so far, and what flavors made up."""
        return {*self._known, *(token_of(thing.stem) for thing in self._things)}

    @property
    def _things(self) -> list[Path]:
        return [*(self._folder / "outside").glob("*.json")]

    def say(self, manifest: str) -> None:
        """Write the manifest."""
        (self.project / "stacks" / "dev.yaml").write_text(manifest, encoding="utf-8")

    def run(self, words: str, form: Form | None = None, *, verbose: bool = False, kill_at: int = 0) -> int:
        """The status of a command, after a look that no secret is left anywhere.

        Args:
            form: None for what the command does by itself.
            kill_at: See `Child`.

        Raises:
            AssertionError: one is.
        """
        _import_what_commands_do()
        answer = () if form in (None, "terminal") else ("--output", str(form))
        arguments = [*(("-v",) if verbose else ()), *words.split(), *answer]
        read, write = os.openpty() if form == "terminal" else os.pipe()

        def work(_talk: Talk) -> None:
            for stream in (1, 2):
                os.dup2(write, stream)
            for end in (read, write):
                os.close(end)
            with open(1, "w", encoding="utf-8") as sys.stdout, open(2, "w", encoding="utf-8") as sys.stderr:
                code = self.do(arguments)
            os._exit(code)

        with Child(work, kill_at) as child:
            os.close(write)
            said = b"".join(_heard(read))
        os.close(read)
        assert b"SS0999" not in said, said.decode()
        leaks = self.leaks(said)
        assert not leaks, leaks
        assert child.status is not None
        return child.status

    def do(self, arguments: Sequence[str]) -> int:
        """The exit code of a command in this process."""
        variables = {**environment(), "TERM": "xterm", **self.variables}
        with (
            mock.patch.dict(os.environ, variables, clear=True),
            mock.patch.object(tempfile, "tempdir", None),
            mock.patch("stackspec.sources.Registry", return_value=REGISTRY),
        ):
            return in_process(["-C", str(self.project), *arguments])

    def leaks(self, said: bytes) -> list[str]:
        """Where a secret is in what was said, and in any file; keys may be in their own."""
        secrets = self.secrets
        files = [file for name in KEYS for file in (self.project / ".stackspec").glob(name)]
        assert {file.stat().st_mode & 0o777 for file in files} <= {0o600}
        keys = [text for file in files if len(text := file.read_text().strip()) == 64]
        found = [f"what is said: {form}" for secret in (*secrets, *keys) for form in traces(said, secret)]
        for folder in (self.project, *(self._folder / name for name in FOLDERS.values())):
            found += [*in_files(folder, *secrets), *in_files(folder, *keys, but=files)]
        return found


@cache
def _import_what_commands_do() -> None:
    """Import here what commands do: they begin as forks of this process."""
    import rich.live

    assert rich.live, "what is on a terminal"
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        machine = Machine(Path(folder))
        machine.say(STACK)
        for words in ("apply --yes", "plan --out x.plan", "drift", "destroy --yes -o json"):
            assert machine.do(words.split()) == 0, words


def _heard(read: int) -> Iterator[bytes]:
    """What comes out of a pipe or terminal until nobody has the other end."""
    try:
        while data := os.read(read, 1 << 16):
            yield data
    except OSError:
        return  # that is how a terminal says so
