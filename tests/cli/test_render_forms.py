"""Components in the forms of other tools."""

from __future__ import annotations

import io
import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from stackspec.core.expression import SecretReference
from stackspec.render.forms import Kubernetes
from stackspec.render.references import Reference
from tests.cli.conftest import Ask
from tests.running import command, environment

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  environment:
    LOG_LEVEL: "it's on"
    DATABASE: "pg://{{ secrets.db_admin.password }}@db"
    STORE: "{{ components.artifact_store.outputs.uri }}/x"
  secrets: [db_admin]
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    experiment_tracker: {flavor: mlflow, config: {artifact_root: "{{ components.artifact_store.outputs.uri }}"}}
    container_registry: {flavor: oci, config: {port: 5001}}
    metadata_store:
      flavor: postgres
      config:
        host: 127.0.0.1
        database: ml
        admin_user: postgres
        admin_password: "{{ secrets.db_admin.password }}"
        password: "{{ secrets.db_admin.password }}"
    deployer:
      flavor: docker
      config:
        image: ghcr.io/acme/serve:v1
        environment: {URL: "pg://ml:{{ secrets.db_admin.password }}@db/$HOME$(X)", HOSTILE: "a: b\\n- '\\"# ${Y} 😀"}
    alerter: {flavor: process, config: {command: [serve, "--port={port}"], environment: {A: "{host}"}}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: db_admin}
spec: {store: env, keys: {password: PASSWORD}}
"""
LEFT = {"orchestrator/dev", "artifact_store/dev"}


@pytest.fixture
def project(dev: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PASSWORD", "hunter2-of-the-process")
    (dev / "stacks" / "dev.yaml").write_text(STACK)
    return dev


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def compose_schema() -> Any:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(vendored.read_text(encoding="utf-8"))


def test_kubernetes_takes_the_objects(project: Path, ask: Ask) -> None:
    answer = ask("render", "--format", "kubernetes")
    assert answer.code == 0
    made = documents(answer.out)
    for document in made:
        kubernetes_validate.validate(document, "1.30", strict=True)
    kinds = [(one["kind"], one["metadata"]["name"]) for one in made]
    assert len(set(kinds)) == len(kinds)
    assert ("Deployment", "experiment-tracker-dev") in kinds
    (serve,) = [one for one in made if (one["kind"], one["metadata"]["name"]) == ("Deployment", "deployer-dev")]
    variables = serve["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variables[0]["name"] == "DB_ADMIN_PASSWORD"
    reference = variables[0]["valueFrom"]["secretKeyRef"]
    assert reference["key"] == "password"
    assert reference["name"].startswith("db-admin-")
    assert variables[1:] == [
        {"name": "URL", "value": "pg://ml:$(DB_ADMIN_PASSWORD)@db/$$HOME$$(X)"},
        {"name": "HOSTILE", "value": "a: b\n- '\"# $${Y} 😀"},
    ]


def test_compose_takes_the_file(project: Path, ask: Ask) -> None:
    answer = ask("render", "--format", "compose")
    assert answer.code == 0
    (made,) = documents(answer.out)
    Draft7Validator(compose_schema()).validate(made)
    services = made["services"]
    assert services["deployer-dev"]["environment"]["URL"] == "pg://ml:${DB_ADMIN_PASSWORD:?}@db/$$HOME$$(X)"
    assert services["deployer-dev"]["environment"]["HOSTILE"] == "a: b\n- '\"# $${Y} 😀"
    assert services["alerter-dev"]["command"] == ["serve", "--port=8000"]
    assert services["metadata-store-dev"]["environment"]["POSTGRES_PASSWORD"] == "${DB_ADMIN_PASSWORD:?}"
    assert set(made["volumes"]) == {
        f"{one}-dev-data" for one in ("container-registry", "experiment-tracker", "metadata-store")
    }


@pytest.mark.parametrize("form", ["kubernetes", "compose"])
def test_what_has_no_such_form_is_named(form: str, project: Path, ask: Ask) -> None:
    answer = ask("render", "--format", form)
    comments = [line for line in answer.out.splitlines() if line.startswith("# ")]
    assert {line.split()[1] for line in comments} == LEFT
    assert answer.err.count("warning[SS1407]") == len(LEFT)
    document = ask("render", "--format", form, "-o", "json").json
    assert [one["code"] for one in document["diagnostics"]] == ["SS1407"] * len(LEFT)
    assert document["documents"] == [one for one in documents(answer.out) if one]


@pytest.mark.parametrize("form", ["kubernetes", "compose", "env"])
def test_no_value_of_a_secret_is_rendered(form: str, project: Path, ask: Ask) -> None:
    answer = ask("render", "--format", form)
    assert "hunter2" not in answer.out + answer.err


def test_env_has_the_variables_of_what_runs_on_a_stack(project: Path, ask: Ask) -> None:
    answer = ask("render", "--format", "env")
    assert (answer.code, answer.err) == (0, "")
    read = dotenv_values(stream=io.StringIO(answer.out))
    assert read["LOG_LEVEL"] == "it's on"
    assert [read[name] for name in ("password", "DATABASE", "STORE", "MLFLOW_TRACKING_URI")] == [""] * 4
    assert "# secrets.db_admin.password\npassword=\n" in answer.out
    assert ask("apply", "--yes", "--target", "artifact_store/dev").code == 0
    read = dotenv_values(stream=io.StringIO(ask("render", "--format", "env").out))
    assert read["STORE"] == f"{(project / 'artifacts').as_uri()}/x"
    document = ask("render", "--format", "env", "-o", "json").json
    assert (document["variables"]["LOG_LEVEL"], document["variables"]["password"]) == ("it's on", None)


def test_a_stack_alone(project: Path, ask: Ask) -> None:
    more = "---\n" + STACK.partition("---\n")[0].replace("name: dev", "name: two").replace("./artifacts", "./two")
    (project / "stacks" / "two.yaml").write_text(
        more.replace("port: 5001", "port: 5002").replace("database: ml", "database: m")
    )
    (made,) = documents(ask("render", "--format", "compose", "--stack", "two").out)
    assert all(name.endswith("-two") for name in made["services"])
    answer = ask("render", "--format", "env")
    assert (answer.code, "name one by --stack: dev, two" in answer.err) == (1, True)
    assert ask("render", "--format", "compose", "--stack", "tow").code == 1


@pytest.mark.parametrize("form", ["kubernetes", "compose"])
def test_each_secret_has_a_variable_of_its_own(form: str, dev: Path, ask: Ask) -> None:
    expressions = ["secrets['a-b'].c", "secrets.a_b.c", "secrets.a.b_c", "secrets['1x'].y", "secrets.b.x"]
    variables = "".join(f'        V{index}: "{{{{ {one} }}}}"\n' for index, one in enumerate(expressions))
    config = "{command: [x], environment: {A: \"{{ secrets['a-b'].c }}\"}}"
    stack = f"""\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {{name: dev}}
spec:
  components:
    orchestrator: {{flavor: local}}
    artifact_store: {{flavor: local, config: {{path: ./artifacts}}}}
    alerter: {{flavor: process, config: {config}}}
    deployer:
      flavor: docker
      config:
        image: x
        environment:
{variables.replace("        V", "          V")}"""
    for name, key in (("a-b", "c"), ("a_b", "c"), ("a", "b_c"), ("1x", "y"), ("b", "x")):
        stack += f"---\napiVersion: stackspec.dev/v1\nkind: Secret\nmetadata: {{name: {name}}}\n"
        stack += f"spec: {{store: env, keys: {{{key}: X}}}}\n"
    (dev / "stacks" / "dev.yaml").write_text(stack)
    answer = ask("render", "--format", form)
    assert answer.code == 0, answer.err
    if form == "compose":
        (made,) = documents(answer.out)
        services = {name: one["environment"] for name, one in made["services"].items()}
        (deployed, alerter) = (
            {key: value[2:-3] for key, value in services[f"{one}-dev"].items()} for one in ("deployer", "alerter")
        )
        assert alerter["A"] == deployed["V0"]
        found = list(deployed.values())
    else:
        (serve,) = [
            one for one in documents(answer.out) if one["kind"] == "Deployment" and "deploy" in one["metadata"]["name"]
        ]
        variables = serve["spec"]["template"]["spec"]["containers"][0]["env"]
        found = [one["name"] for one in variables if "valueFrom" in one]
        given = {one["name"]: one["value"] for one in variables if "value" in one}
        assert [given[f"V{index}"] for index in range(5)] == [f"$({name})" for name in found]
    assert len(set(found)) == 5
    assert all(re.fullmatch("[A-Z_][A-Z0-9_]*", name) for name in found)
    assert found[3:] == ["_1X_Y", "B_X"]


# --- templates of the project


@pytest.fixture
def template(project: Path) -> Path:
    path = project / "templates" / "compose" / "deployer" / "docker.j2"
    path.parent.mkdir(parents=True)
    return path


def test_a_projects_template_comes_first(template: Path, ask: Ask) -> None:
    template.write_text("services:\n  mine: {image: {{ component.config.image }}, labels: {{ component.labels }}}\n")
    (made,) = documents(ask("render", "--format", "compose").out)
    assert made["services"]["mine"] == {"image": "ghcr.io/acme/serve:v1", "labels": {}}
    assert "deployer-dev" not in made["services"]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("services:\n  a: {% if %}\n", 2, "Expected an expression"),
        ("services:\n\n  a: {{ component.confg.image }}\n", 3, "confg"),
        ("x: {{ component.config.__class__.__mro__ }}\n", 1, "unsafe"),
        ("x: {{ 1 / 0 }}\n", 1, "division by zero"),
        ("{% include 'compose/nothing.j2' %}\n", 1, "nothing.j2"),
        ("\nx: [1\ny: 2\n", 1, "for deployer/dev, line 3 of what it makes: not YAML: "),
        ("x: " + "[" * 3000, 1, "levels of nesting"),
        ("x: {a: 1, a: 2}\n", 1, "the key 'a' is given twice"),
        ("{% filter replace('y', '\\ud800') %}\nx: y\n{% endfilter %}\n", 1, "not UTF-8"),
        ("- a\n", 1, "no mapping"),
        (
            "services: {alerter-dev: {image: x}}\n",
            1,
            "'services.alerter-dev' of deployer/dev, which is made of alerter/dev",
        ),
        ("services: [x]\n", 1, "'services' of deployer/dev, which is made of "),
        (
            "volumes: {metadata-store-dev-data: {external: true}}\n",
            1,
            "'volumes.metadata-store-dev-data' of deployer/dev, which",
        ),
        ("x: {{ ''.format_map }}\n", 1, ""),
    ],
)
def test_a_wrong_template_is_told_at_its_line(text: str, line: int, told: str, template: Path, ask: Ask) -> None:
    template.write_text(text)
    answer = ask("render", "--format", "compose", "-o", "json")
    assert (answer.code, answer.err) == (1, "")
    (found,) = answer.json["diagnostics"]
    assert found["code"] == "SS1406"
    assert (found["source"]["file"], found["source"]["line"]) == ("templates/compose/deployer/docker.j2", line)
    assert told in found["message"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_template_makes_is_read_as_manifests_are(form: str, template: Path, ask: Ask) -> None:
    template.write_text("name: ml\nvolumes: {metadata-store-dev-data: {}}\nx-made: [2024-01-01, 2024-99-01, on, 010]\n")
    answer = ask("render", "--format", "compose", "-o", form)
    assert answer.code == 0
    (made,) = answer.json["documents"] if form == "json" else documents(answer.out)
    assert made["x-made"] == ["2024-01-01", "2024-99-01", "on", "010"]
    assert "metadata-store-dev" in made["services"]


@pytest.mark.parametrize(("form", "code"), [("compose", 1), ("kubernetes", 0), ("env", 0)])
def test_a_strangers_template_is_not_run(form: str, code: int, template: Path) -> None:
    template.write_text("services: {}\n")
    words = command("render", "--untrusted", "--format", form)
    done = subprocess.run(
        words, cwd=template.parents[3], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert ("error[SS0809]" in done.stderr) == bool(code)


def test_a_template_that_cannot_be_read(template: Path, ask: Ask) -> None:
    template.write_bytes(b"\xff\xfe")
    assert "error[SS1406]" in ask("render", "--format", "compose").err


@pytest.mark.parametrize("arguments", [["--stack", "dev"], ["--format", "env", "--diff", "a", "b"], ["--format", "x"]])
def test_usage(arguments: list[str], project: Path, ask: Ask) -> None:
    answer = ask("render", *arguments)
    assert (answer.code, "error[SS0901]" in answer.err) == (1, True)


def expanded(text: str, variables: dict[str, str]) -> str:
    """What Kubernetes makes of a text, by https://kubernetes.io/docs/reference/kubernetes-api (Container.env.value)."""
    return re.sub(
        r"\$(\$|\(([^)]*)\))",
        lambda found: "$" if found[1] == "$" else variables.get(found[2], found.group()),
        text,
    )


@given(st.lists(st.text("$(){}aB", max_size=6), min_size=2, max_size=4))
def test_a_text_and_a_secret_are_what_they_were_once_kubernetes_has_read_them(texts: list[str]) -> None:
    form, secret = Kubernetes(), Reference(SecretReference("db", "password"), "PASSWORD")
    made = form.reference(secret).join(map(form.literal, texts))
    assert expanded(made, {"PASSWORD": "s3cret", "B": "no", "a": "no"}) == "s3cret".join(texts)
