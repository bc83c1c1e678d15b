"""The files of a new project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from stackspec import __version__
from stackspec.core.diagnostic import Diagnostic, StackspecError

_FILES: Mapping[str, str] = {
    "stackspec.yaml": """\
apiVersion: stackspec.dev/v1
kind: Project
spec:
  default_environment: dev
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata:
  name: dev
spec:
  vars:
    data_root: ./data
""",
    "stacks/local.yaml": """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata:
  name: local
spec:
  description: Runs on this machine, without any server
  components:
    orchestrator:
      flavor: local
    artifact_store:
      flavor: local
      config:
        path: "{{ vars.data_root }}/artifacts"
    metadata_store:
      flavor: sqlite
      config:
        path: "{{ vars.data_root }}/metadata.db"
""",
    ".pre-commit-config.yaml": """\
repos:
  - repo: local
    hooks:
      - id: stackspec-fmt
        name: stackspec fmt
        entry: stackspec fmt
        language: system
        files: ^(stackspec\\.yaml|stacks/.*\\.ya?ml)$
      - id: stackspec-validate
        name: stackspec validate
        entry: stackspec validate --alone
        language: system
        files: ^(stackspec\\.yaml|stacks/.*\\.ya?ml)$
      - id: stackspec-check
        name: stackspec check
        entry: stackspec validate
        language: system
        files: \\.ya?ml$
        pass_filenames: false
""",
    ".github/workflows/stackspec.yaml": f"""\
# Plans as comments, applies on merge: https://stackspec.dev/docs/guides/ci
name: stackspec
on: pull_request
permissions:
  contents: read
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      # A tag can be moved, a commit cannot: git ls-remote https://github.com/stackspec/stackspec v{__version__}
      - uses: stackspec/stackspec/integrations/github@v{__version__}
        with:
          command: validate
""",
}
_IGNORED = (b".stackspec/", b"data/", b".env")


class _Addition(NamedTuple):
    """A file of the project, what is added at its end, and what that does to it."""

    path: Path
    text: bytes
    what: str


def write_project(folder: Path) -> list[tuple[Path, str]]:
    """Write a new project; what is there already and stands in the way is an error before anything is written.

    Returns:
        Each path with what was done: `created`, `extended`, or `kept` for a file that was there.

    Raises:
        StackspecError: there is a project already, or a file cannot be written.
    """
    for taken in ("stackspec.yaml", "stacks"):
        if os.path.lexists(folder / taken):
            hint = "go on with the project that is there: stackspec plan"
            raise StackspecError([Diagnostic("SS0903", f"{folder / taken} exists already", hint=hint)])
    additions = [_new(folder / name, text) for name, text in _FILES.items()]
    additions.append(_ignoring(folder / ".gitignore"))
    for path, text, _ in additions:
        if not text:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "ab") as file:
                file.write(text)
        except OSError as error:
            raise _unwritable(path, error.strerror) from error
    return [(path, what) for path, _, what in additions]


def _new(path: Path, text: str) -> _Addition:
    if os.path.lexists(path):
        return _Addition(path, b"", "kept")
    folder = next(parent for parent in path.parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise _unwritable(path, f"{folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, "Permission denied")
    return _Addition(path, text.encode(), "created")


def _ignoring(path: Path) -> _Addition:
    """The lines that a .gitignore lacks; its bytes are left as they are, since git asks for no encoding."""
    before = b""
    if os.path.lexists(path):
        if not path.is_file():
            raise _unwritable(path, "it is not a file")
        if not os.access(path, os.R_OK | os.W_OK):
            raise _unwritable(path, "Permission denied")
        before = path.read_bytes()
    if b"\0" in before:
        raise _unwritable(path, "git cannot read it, as it is UTF-16 or no text", "save it as UTF-8")
    missing = [line for line in _IGNORED if line not in before.splitlines()]
    if not missing:
        return _Addition(path, b"", "kept")
    gap = b"" if not before or before.endswith(b"\n") else b"\n"
    return _Addition(path, gap + b"".join(line + b"\n" for line in missing), "extended" if before else "created")


def _unwritable(path: Path, why: str | None, hint: str | None = None) -> StackspecError:
    return StackspecError.of("SS0902", f"cannot write {path}: {why}", hint=hint)
