"""The same work for stackspec and for its peers: N components, five a stack, one stack a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata:
  name: s{number:05}
  labels: {{team: fraud}}
spec:
  components:
    orchestrator:
      flavor: local
      config: {{max_parallel_steps: 2}}
    artifact_store:
      flavor: local
      config:
        path: "./data/{{{{ stack.name }}}}/artifacts"
    metadata_store:
      flavor: sqlite
      config:
        path: "./data/{{{{ stack.name }}}}/metadata.db"
    log_store:
      flavor: local
      config:
        path: ./data/s{number:05}/logs
    image_builder:
      flavor: local
      depends_on: [artifact_store/s{number:05}]
"""

_SECRETS = """\
---
apiVersion: stackspec.dev/v1
kind: SecretStore
metadata: {{name: store}}
spec: {{type: {kind}, config: {config}}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {{name: many}}
spec: {{store: store, keys: {keys}}}
"""

_RESOURCE = """\
resource "terraform_data" "r{number:05}" {{
  input = {{ path = "./data/s{stack:05}/c{place}", team = "fraud", parallel = 2 }}
{depends_on}}}
"""


def write_stackspec(folder: Path, components: int) -> Path:
    """A stackspec project of so many components, a multiple of five; the folder."""
    stacks = folder / "stacks"
    stacks.mkdir(parents=True)
    for number in range(components // 5):
        (stacks / f"s{number:05}.yaml").write_text(_STACK.format(number=number))
    return folder


def write_secrets(folder: Path, secrets: int, kind: str, config: dict[str, str]) -> Path:
    """A project with one component that has as many variables, each a secret of one store by a name of its own.

    Args:
        kind: The store's type; empty for variables that are no secrets. Entries of `vault` hold ten each.
    """
    names = [f"name_{number:05}" for number in range(secrets)]
    values = {name: f"{{{{ secrets.many.{name} }}}}" if kind else f"value of {name}" for name in names}
    components = {
        "orchestrator": {"flavor": "local", "environment": values},
        "artifact_store": {"flavor": "local", "config": {"path": "./artifacts"}},
    }
    stack = {"apiVersion": "stackspec.dev/v1", "kind": "Stack", "metadata": {"name": "s"}}
    text = json.dumps({**stack, "spec": {"components": components}}) + "\n"
    if kind:
        paths = [f"entry_{int(name[5:]) // 10:05}#field_{name[-1]}" for name in names] if kind == "vault" else names
        keys = json.dumps(dict(zip(names, paths, strict=True)))
        text += _SECRETS.format(kind=kind, config=json.dumps(config), keys=keys)
    (folder / "stacks").mkdir(parents=True)
    (folder / "stacks" / "s.yaml").write_text(text)
    return folder


def write_secret_files(folder: Path, secrets: int) -> None:
    """What `write_secrets` names, as files of the folder `secrets`."""
    (folder / "secrets").mkdir()
    for number in range(secrets):
        file = folder / "secrets" / f"name_{number:05}"
        file.write_text(f"secret {number}")
        file.chmod(0o600)


def write_kapitan(folder: Path, components: int) -> Path:
    """The same documents as an inventory of kapitan, a target for each stack and one template; the folder."""
    (folder / "inventory" / "targets").mkdir(parents=True)
    (folder / "inventory" / "classes").mkdir()
    (folder / "templates").mkdir()
    compiled = [{"output_path": ".", "input_type": "jinja2", "input_paths": ["templates/stack.yaml"]}]
    shared = {"parameters": {"kapitan": {"compile": compiled}}}
    (folder / "inventory" / "classes" / "stack.yml").write_text(json.dumps(shared))
    template = _STACK.replace("{number:05}", "{{{{ inventory.parameters.number }}}}")
    (folder / "templates" / "stack.yaml").write_text(
        template.format().replace("{{ stack.name }}", "s{{ inventory.parameters.number }}")
    )
    for number in range(components // 5):
        parameters = {"number": f"{number:05}", "kapitan": {"vars": {"target": f"s{number:05}"}}}
        target = {"classes": ["stack"], "parameters": parameters}
        (folder / "inventory" / "targets" / f"s{number:05}.yml").write_text(json.dumps(target))
    return folder


def write_terraform(folder: Path, resources: int) -> Path:
    """A terraform configuration of as many `terraform_data`, with the same fields and edges; the folder."""
    folder.mkdir(parents=True)
    written = []
    for number in range(resources):
        edge = f"  depends_on = [terraform_data.r{number - 3:05}]\n" if number % 5 == 4 else ""
        written.append(_RESOURCE.format(number=number, stack=number // 5, place=number % 5, depends_on=edge))
    (folder / "main.tf").write_text("".join(written))
    return folder


def write_terraform_state(folder: Path, resources: int) -> None:
    """The state that applying `write_terraform` leaves; terraform takes minutes to make that of some thousands."""
    state = {
        "version": 4,
        "terraform_version": "1.0.0",
        "serial": 1,
        "lineage": "6f1f2c1c-5d0f-4a27-8f3d-0f5f4f0b7f10",
        "outputs": {},
        "resources": [_applied(number) for number in range(resources)],
    }
    (folder / "terraform.tfstate").write_text(json.dumps(state))


def _applied(number: int) -> dict[str, Any]:
    fields = {"path": f"./data/s{number // 5:05}/c{number % 5}", "team": "fraud", "parallel": 2}
    typed = {"value": fields, "type": ["object", {"path": "string", "team": "string", "parallel": "number"}]}
    instance = {
        "schema_version": 0,
        "attributes": {
            "id": f"00000000-0000-0000-0000-{number:012}",
            "input": typed,
            "output": typed,
            "triggers_replace": None,
        },
        "sensitive_attributes": [],
        "dependencies": [f"terraform_data.r{number - 3:05}"] if number % 5 == 4 else [],
    }
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": f"r{number:05}",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [instance],
    }
