"""Random mistakes in a rich project: whatever a person breaks is told as diagnostics, never as a crash."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.project import Project

PROJECT: list[Any] = [
    {
        "apiVersion": "stackspec.dev/v1",
        "kind": "Project",
        "spec": {"env": ["HOME"], "default_environment": "dev", "manifests": ["stacks"]},
    },
    {
        "apiVersion": "stackspec.dev/v1",
        "kind": "Environment",
        "metadata": {"name": "dev"},
        "spec": {"vars": {"root": "./data"}},
    },
    {
        "apiVersion": "stackspec.dev/v1",
        "kind": "Component",
        "metadata": {"name": "shared", "labels": {"team": "fraud"}},
        "spec": {
            "type": "log_store",
            "flavor": "local",
            "config": {"path": "{{ vars.root }}/logs"},
            "lifecycle": {"prevent_destroy": True, "ignore_changes": ["config.path"]},
            "timeouts": {"provision": "5m"},
        },
    },
    {
        "apiVersion": "stackspec.dev/v1",
        "kind": "Stack",
        "metadata": {"name": "dev"},
        "spec": {
            "deploy_to": ["dev"],
            "run_state": "running",
            "environment": {"LEVEL": "debug", "HOST": "{{ env.HOME }}"},
            "components": {
                "orchestrator": {"flavor": "local", "depends_on": ["artifact_store/main"]},
                "artifact_store": {"name": "main", "flavor": "local", "config": {"path": "{{ vars.root }}/a"}},
                "metadata_store": {
                    "flavor": "sqlite",
                    "config": {"path": "{{ components.artifact_store.outputs.uri }}/m"},
                },
                "log_store": "shared",
                "experiment_tracker": [{"flavor": "mlflow", "config": {"artifact_root": "./mlruns"}}],
                "container_registry": {"flavor": "default", "config": {"uri": "localhost:5000/team"}},
            },
        },
    },
]
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**18,
    "",
    " ",
    "a b",
    "dev",
    "shared",
    "_/x",
    "a/b",
    "log_store/shared",
    "../x",
    "/",
    "é",
]
JUNK += [
    "{{ vars.root }}",
    "{{ vars.nope }}",
    "{{ components.log_store.outputs.uri }}",
    "{{ 1 }}",
    "{{",
    "{% x %}",
    [],
    {},
    [[]],
]
JUNK += [
    "{{ components['orchestrator/dev'].outputs.work_dir }}",
    {"ref": "shared"},
    ["shared", "shared"],
    {"flavor": "local"},
]
KEYS = ["name", "flavor", "ref", "type", "config", "path", "spec", "é", "", "a b", "{{ x }}", "sandbox", "dev"]
MUTANTS = 70


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(item)


def _mutate(value: Any, random_: random.Random) -> None:
    for _ in range(random_.randint(1, 4)):
        places = list(_places(value))
        parent, key = random_.choice(places)
        other_parent, other_key = random_.choice(places)
        match random_.randrange(5):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[random_.choice(KEYS)] = copy.deepcopy(random_.choice(JUNK))
            case 2:
                parent[key] = copy.deepcopy(other_parent[other_key])
            case 3 if isinstance(parent, list):
                parent.insert(0, copy.deepcopy(random_.choice(JUNK)))
            case _:
                parent[key] = copy.deepcopy(random_.choice(JUNK))


def _told(project: Project) -> list[Diagnostic]:
    try:
        found = list(project.validate())
    except StackspecError as error:
        found = list(error.diagnostics)
    try:
        project.plan()
    except StackspecError as error:
        found += error.diagnostics
    return found


def _check(project: Project, diagnostics: list[Diagnostic]) -> None:
    texts = project.loaded.texts
    for one in diagnostics:
        assert one.message
        for span in filter(None, [one.source, *(note.source for note in one.notes)]):
            assert span.line >= 1
            assert span.column >= 1
            if span.file in texts:
                assert (span.end_line, span.end_column) >= (span.line, span.column)
                assert span.column <= len(texts[span.file].line(span.line)) + 1
    assert len({(one.code, one.message, one.source) for one in project.validate()}) == len(project.validate())


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_values(seed: int, tmp_path: Path) -> None:
    random_ = random.Random(seed)
    (tmp_path / "stacks").mkdir()
    for _ in range(MUTANTS):
        documents = copy.deepcopy(PROJECT)
        _mutate(documents, random_)
        first, rest = documents[:1], documents[1:]
        (tmp_path / "stackspec.yaml").write_text("---\n".join(json.dumps(one) + "\n" for one in first))
        (tmp_path / "stacks" / "a.yaml").write_text("---\n".join(json.dumps(one, indent=1) + "\n" for one in rest))
        project = Project.open(tmp_path)
        _check(project, _told(project))


SNIPPETS = [
    ":",
    "- ",
    "  ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "#",
    "&a ",
    "*a",
    "!!int ",
    "|",
    ">",
    "\t",
    "---\n",
    "{{ ",
    " }}",
    ",",
    "~",
    "<<: ",
]


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_text(seed: int, tmp_path: Path) -> None:
    import yaml

    random_ = random.Random(seed)
    (tmp_path / "stacks").mkdir()
    text = yaml.safe_dump_all(PROJECT, sort_keys=False, default_flow_style=None if seed % 2 else False)
    for _ in range(MUTANTS):
        broken = text
        for _ in range(random_.randint(1, 3)):
            start = random_.randrange(len(broken))
            end = start + random_.choice([0, 0, 1, 3, 20])
            broken = broken[:start] + random_.choice(["", *SNIPPETS]) + broken[end:]
        (tmp_path / "stacks" / "a.yaml").write_text(broken)
        project = Project.open(tmp_path)
        _check(project, _told(project))
