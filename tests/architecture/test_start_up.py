"""What a command imports is what it needs: start-up is most of what a short command costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stackspec.secret_stores.registry import store_types
from tests.running import environment

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    metadata_store: {flavor: sqlite, config: {path: "{{ vars.root }}/m.db"}}
    experiment_tracker: {flavor: mlflow, config: {artifact_root: ./mlruns}}
---
apiVersion: stackspec.dev/v1
kind: Environment
metadata: {name: dev}
spec: {vars: {root: .}}
"""
LISTED = """
import json, os, sys
sys.argv = ["stackspec", *sys.argv[1:]]
from stackspec.__main__ import main
code = main()
sys.stdout.flush()
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules} | set(sys.modules))]), file=sys.stderr)
"""


def imported(root: Path, *arguments: str, code: int = 0) -> set[str]:
    """Every module that a command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", LISTED, "-C", str(root), *arguments] if root.name else [sys.executable, "-c", LISTED],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=30,
    )
    found, modules = json.loads(done.stderr.splitlines()[-1])
    assert found == code, done.stdout + done.stderr
    return set(modules)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose local parts are applied, so that a plan finds no changes among them."""
    root = tmp_path_factory.mktemp("project")
    (root / "stacks").mkdir()
    (root / "stacks" / "dev.yaml").write_text(STACK)
    targets = ("orchestrator/dev", "artifact_store/dev", "metadata_store/dev")
    imported(root, "apply", "--yes", *(f"--target={one}" for one in targets))
    return root


def test_the_package_alone_imports_nothing_of_its_own() -> None:
    script = "import sys, stackspec; print([name for name in sys.modules if name.startswith('stackspec.')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_version_imports_next_to_nothing(arguments: list[str]) -> None:
    script = LISTED.replace("sys.argv[1:]", repr(arguments))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment())
    _, modules = json.loads(done.stderr)
    heavy = {"yaml", "jinja2", "jsonschema", "jsonschema_rs", "typer", "click", "rich", "deepdiff", "sqlite3"}
    heavy |= {"asyncio", "concurrent", "subprocess", "socket", "stackspec.core", "stackspec.project"}
    assert not heavy & set(modules)


def test_a_plan_without_changes_imports_no_explainer_and_no_sdk(project: Path) -> None:
    modules = imported(project, "plan", "--target", "orchestrator/dev", "--target", "metadata_store/dev")
    heavy = {
        "jsonschema",
        "referencing",
        "deepdiff",
        "rich",
        "typer",
        "click",
        "mlflow",
        "psutil",
        "sqlalchemy",
        "numpy",
    }
    heavy |= {"flask", "pandas", "asyncio", "importlib.metadata", "stackspec.apply", "stackspec.scaffold", "difflib"}
    heavy |= {"stackspec.saved_plan", "stackspec.cli.saved_plan", "shlex"}
    assert not heavy & modules
    assert "stackspec.flavors.experiment_tracker.mlflow" in modules


def test_an_apply_in_which_nothing_fails_imports_nothing_to_try_again_with(project: Path) -> None:
    assert "tenacity" not in imported(
        project, "apply", "--yes", "--target=orchestrator/dev", "--replace=orchestrator/dev"
    )


def test_compiling_imports_no_flavor_that_no_manifest_names(project: Path) -> None:
    modules = imported(project, "validate")
    assert "stackspec.flavors.artifact_store.local" in modules
    assert "stackspec.flavors.container_registry.default" not in modules
    assert "sqlite3" not in modules


KEPT_ELSEWHERE = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}, environment: {A: "ONE"}}
---
apiVersion: stackspec.dev/v1
kind: Secret
metadata: {name: used}
spec: {store: files, keys: {a: a}}
---
apiVersion: stackspec.dev/v1
kind: SecretStore
metadata: {name: files}
spec: {type: file, config: {folder: ./secrets}}
"""
STORES = {
    "age": "{path: ./a.yaml.age}",
    "aws_secrets_manager": "{region: eu-central-1}",
    "aws_ssm": "{region: eu-central-1}",
    "dotenv": "{path: ./a.env}",
    "gcp_secret_manager": "{project: p}",
    "gpg": "{path: ./a.yaml.gpg}",
    "keyring": "{service: s}",
    "kubernetes": "{namespace: n}",
    "pass": "{directory: ./store}",
    "sops": "{path: ./a.yaml}",
    "vault": "{address: 'http://127.0.0.1:1'}",
}
"""Type of store to its config."""
SDKS = {"cryptography", "pyrage", "boto3", "botocore", "google", "keyring", "kubernetes", "hvac", "requests", "dotenv"}


def secrets_project(root: Path, expression: str) -> Path:
    """A project that declares a store of every type, with a variable that may need one of them."""
    (root / "stacks").mkdir()
    declared = "".join(
        f"---\napiVersion: stackspec.dev/v1\nkind: SecretStore\nmetadata: {{name: {name}}}\n"
        f"spec: {{type: {name}, config: {config}}}\n---\napiVersion: stackspec.dev/v1\nkind: Secret\n"
        f"metadata: {{name: in_{name}}}\nspec: {{store: {name}, keys: {{a: a}}}}\n"
        for name, config in STORES.items()
    )
    (root / "stacks" / "dev.yaml").write_text(KEPT_ELSEWHERE.replace("ONE", expression) + declared)
    (root / "secrets").mkdir()
    (root / "secrets" / "a").write_text("a value")
    (root / "secrets" / "a").chmod(0o600)
    return root


def test_these_are_all_types_of_stores() -> None:
    assert {*STORES, "env", "file"} == set(store_types())


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_without_secrets_nothing_is_imported_that_reads_or_keeps_them(command: str, project: Path) -> None:
    modules = imported(project, command)
    assert not {"stackspec.secret_stores", "stackspec.sealing", "stackspec.core.secret", *SDKS} & modules
    assert "stackspec.project_secrets" not in modules or command == "validate"


@pytest.mark.parametrize("command", ["plan", "apply --yes"])
@pytest.mark.parametrize("variable", ["{{ secrets.used.a }}", "a value"])
def test_stores_that_nothing_is_read_from_cost_no_package(variable: str, command: str, tmp_path: Path) -> None:
    modules = imported(secrets_project(tmp_path, variable), *command.split())
    assert "stackspec.secret_stores.stores.vault" in modules, "its config is checked"
    assert not SDKS & modules


CLOUD = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: NAME}
spec:
  components:
    orchestrator: {flavor: kubernetes, config: {namespace: NAME}}
    artifact_store: {flavor: s3, config: {bucket: acme-NAME}}
    metadata_store: {flavor: external, config: {uri: "postgresql://db.example.org/NAME"}}
    container_registry: {flavor: github, config: {uri: ghcr.io/acme}}
    image_builder: {flavor: buildah}
    experiment_tracker: {flavor: mlflow, config: {uri: "https://mlflow.example.org"}}
    model_registry: {flavor: mlflow, config: {uri: "https://mlflow.example.org"}}
    log_store: {flavor: cloudwatch, config: {group: NAME}}
    feature_store: {flavor: feast, config: {uri: "https://feast.example.org"}}
    model_deployer: {flavor: bentoml, config: {target: "service:svc", working_dir: ./services/NAME}}
"""
SDKS = {
    "adlfs",
    "apprise",
    "azure",
    "bentoml",
    "boto3",
    "botocore",
    "docker",
    "fsspec",
    "gcsfs",
    "google",
    "kubernetes",
}
SDKS |= {"mlflow", "numpy", "pandas", "psutil", "psycopg", "pymysql", "requests", "s3fs", "sqlalchemy", "urllib3"}


def test_ten_thousand_components_of_clouds_import_no_sdk(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    stacks = [CLOUD.replace("NAME", f"s{number}") for number in range(1_000)]
    (tmp_path / "stacks" / "all.yaml").write_text("---\n".join(stacks))
    modules = imported(tmp_path, "plan", "-o", "json")
    assert "stackspec.flavors.artifact_store.s3" in modules
    assert not SDKS & modules
