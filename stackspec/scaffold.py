"""The files of a new project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
      - id: stackspec-validate
        name: stackspec validate
        entry: stackspec validate
        language: system
        files: ^(stackspec\\.yaml|stacks/.*\\.ya?ml)$
        pass_filenames: false
""",
    ".github/workflows/stackspec.yaml": """\
name: stackspec
on: pull_request
permissions:
  contents: read
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install stackspec
      - run: stackspec validate
""",
}
_IGNORED = (".stackspec/", "data/")


def write_project(folder: Path) -> list[tuple[Path, str]]:
    """Write a new project; what stands in the way of its own files is an error before anything is written.

    Returns:
        Each path with what was done: `created`, `extended`, or `kept` for a file that was there.

    Raises:
        StackspecError: there is a project already, or a file cannot be written.
    """
    for taken in ("stackspec.yaml", "stacks"):
        if (folder / taken).exists():
            hint = "go on with the project that is there: stackspec plan"
            raise StackspecError([Diagnostic("SS0903", f"{folder / taken} exists already", hint=hint)])
    done: list[tuple[Path, str]] = []
    try:
        for name, text in _FILES.items():
            path = folder / name
            if path.exists():
                done.append((path, "kept"))
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            done.append((path, "created"))
        done.append((folder / ".gitignore", _ignore(folder / ".gitignore")))
    except OSError as error:
        raise StackspecError.of("SS0902", f"cannot write {error.filename}: {error.strerror}") from error
    return done


def _ignore(path: Path) -> str:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in _IGNORED if line not in before.splitlines()]
    if not missing:
        return "kept"
    gap = "" if not before or before.endswith("\n") else "\n"
    path.write_text(before + gap + "".join(f"{line}\n" for line in missing), encoding="utf-8")
    return "extended" if before else "created"
