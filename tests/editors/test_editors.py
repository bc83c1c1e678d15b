"""What editors say of manifests by the published schemas: nothing of the examples, and of mistakes where they are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.editors.language_server import LanguageServer
from tests.servers import program

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schemas" / "manifest.schema.json"
ENTRY = json.loads((ROOT / "docs" / "schemastore.json").read_text())
# A patch of kustomize's is a part of a manifest.
EXAMPLES = [
    one
    for one in sorted((ROOT / "examples").rglob("*.yaml"))
    if "apiVersion: stackspec.dev/v1" in one.read_text() and one.parts[-3:] != ("overlays", "prod", "stack.yaml")
]
GOOD = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata:
  name: dev
  labels: {team: fraud}
spec:
  deploy_to: [dev]
  environment: {LOG_LEVEL: debug, WORKERS: 3}
  components:
    orchestrator:
      flavor: local
      config: {max_parallel_steps: "{{ vars.steps }}"}
    artifact_store:
      flavor: local
      config:
        path: ./data/{{ environment.name }}
        delete_data: "{{ environment.name == 'dev' }}"
      lifecycle: {prevent_destroy: true}
      timeouts: {provision: 5m}
    metadata_store: shared
    experiment_tracker:
      - ref: tracking
      - flavor: external
        config: {uri: "https://example.org"}
"""


class Mistake(NamedTuple):
    """An edit, and where what is wrong with it is told: as a JSON path, and as line and column."""

    old: str
    new: str
    path: str
    line: int
    column: int


MISTAKES = {
    "kind": Mistake("kind: Stack", "kind: Stak", "$.kind", 2, 7),
    "apiVersion": Mistake("stackspec.dev/v1", "stackspec.dev/v2", "$.apiVersion", 1, 13),
    "name": Mistake("name: dev", "name: De v", "$.metadata.name", 4, 9),
    "label": Mistake("team: fraud", "team: 3", "$.metadata.labels.team", 5, 18),
    "key": Mistake("deploy_to", "deploy", "$.spec", 7, 3),
    "items": Mistake("[dev]", "dev", "$.spec.deploy_to", 7, 14),
    "type": Mistake("orchestrator:", "orchestra:", "$.spec.components", 10, 5),
    "flavor": Mistake(
        "flavor: local\n      config: {max",
        "flavor: locale\n      config: {max",
        "$.spec.components.orchestrator.flavor",
        11,
        15,
    ),
    "field": Mistake("delete_data:", "delte_data:", "$.spec.components.artifact_store.config", 17, 9),
    "integer": Mistake(
        '"{{ vars.steps }}"', "many", "$.spec.components.orchestrator.config.max_parallel_steps", 12, 36
    ),
    "boolean": Mistake(
        "\"{{ environment.name == 'dev' }}\"", "yes", "$.spec.components.artifact_store.config.delete_data", 17, 22
    ),
    "partly": Mistake(
        '"{{ vars.steps }}"',
        '"{{ vars.steps }} or so"',
        "$.spec.components.orchestrator.config.max_parallel_steps",
        12,
        36,
    ),
    "duration": Mistake("5m", "5 minutes", "$.spec.components.artifact_store.timeouts.provision", 19, 29),
    "reference": Mistake(
        "ref: tracking", "ref: tracking\n        config: {}", "$.spec.components.experiment_tracker[0]", 23, 9
    ),
    "slot": Mistake("metadata_store: shared", "metadata_store: 3", "$.spec.components.metadata_store", 20, 21),
    "list": Mistake("flavor: external", "flavor: externl", "$.spec.components.experiment_tracker[1].flavor", 23, 17),
}


def edited(mistake: Mistake) -> str:
    assert GOOD.count(mistake.old) == 1
    return GOOD.replace(mistake.old, mistake.new)


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    path = program("yaml-language-server", "npm install yaml-language-server@2.0.0")
    settings = {
        "schemas": {SCHEMA.as_uri(): [*ENTRY["fileMatch"], "**/examples/kustomize/**/*.yaml"]},
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
        "validate": True,
    }
    one = LanguageServer(path, ROOT, settings)
    yield one
    one.close()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT / "examples")))
def test_the_language_server_finds_nothing_wrong_with_the_examples(file: Path, server: LanguageServer) -> None:
    assert server.problems(file, file.read_text()) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_the_language_server_tells_a_mistake_where_it_is_in_each_document(name: str, server: LanguageServer) -> None:
    mistake = MISTAKES[name]
    assert server.problems(ROOT / "stacks" / "good.yaml", GOOD) == []
    found = server.problems(ROOT / "stacks" / f"{name}.yaml", f"{GOOD}---\n{edited(mistake)}")
    before = GOOD.count("\n") + 1
    assert {(line - before, column) for line, column, _ in found} == {(mistake.line, mistake.column)}, found


@pytest.mark.parametrize("name", ["stackspec.yaml", "stacks/a.yml", "team/stacks/prod/a.yaml"])
def test_the_entry_for_the_catalogue_matches_what_projects_call_their_files(name: str, server: LanguageServer) -> None:
    assert server.problems(ROOT / "elsewhere" / name, edited(MISTAKES["kind"]))
    assert not server.problems(ROOT / "elsewhere" / "stack" / "other.yaml", edited(MISTAKES["kind"]))
    assert set(ENTRY) == {"name", "description", "fileMatch", "url"}


def test_a_file_can_name_its_schema_itself(server: LanguageServer, tmp_path: Path) -> None:
    line = f"# yaml-language-server: $schema={SCHEMA}\n"
    assert server.problems(tmp_path / "good.yaml", line + GOOD) == []
    found = server.problems(tmp_path / "wrong.yaml", line + edited(MISTAKES["kind"]))
    assert [(at, column) for at, column, _ in found] == [(3, 7)]


def checked(folder: Path) -> dict[str, set[str]]:
    """File to the places that check-jsonschema tells of."""
    files = sorted(map(str, folder.iterdir()))
    path = program("check-jsonschema", "pip install check-jsonschema")
    command = [path, "-o", "json", "--schemafile", str(SCHEMA), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert not answer.get("parse_errors")
    places: dict[str, set[str]] = {}
    for one in answer.get("errors", []):
        places.setdefault(Path(one["filename"]).stem, set()).add(one["path"])
    return places


def test_check_jsonschema_takes_the_examples_and_refuses_mistakes_where_they_are(tmp_path: Path) -> None:
    for file in EXAMPLES:
        for number, text in enumerate(re.split(r"^---$", file.read_text(), flags=re.MULTILINE)):
            name = "-".join(file.relative_to(ROOT / "examples").with_suffix("").parts)
            (tmp_path / f"{name}-{number}.yaml").write_text(text)
    (tmp_path / "good.yaml").write_text(GOOD)
    for name, mistake in MISTAKES.items():
        (tmp_path / f"wrong-{name}.yaml").write_text(edited(mistake))
    assert checked(tmp_path) == {f"wrong-{name}": {mistake.path} for name, mistake in MISTAKES.items()}
