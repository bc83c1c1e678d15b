"""What a module of Terraform makes, by the real program and resources that it has built in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import Flavor, HookError, spec_of
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import Config, FlavorCase, FlavorConformance
from tests import servers
from tests.flavors.contexts import Subjects

MODULE = """
terraform {
  BACKEND
}
variable "name" { type = string }
variable "sizes" {
  type    = list(number)
  default = []
}
variable "password" {
  type      = string
  default   = ""
}
resource "terraform_data" "bucket" {
  input = { name = var.name, sizes = var.sizes, length = length(var.password) }
}
output "uri" { value = "s3://${terraform_data.bucket.output.name}" }
output "place" { value = terraform_data.bucket.output }
output "password" {
  value     = var.password
  sensitive = true
}
"""
STORE = Registry().flavor("artifact_store", "terraform")
SECRET = 'C4nary ${1} "quoted"'


@pytest.fixture(scope="session", autouse=True)
def program() -> Iterator[None]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = servers.terraform(Path(folder))
        patch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("TF_CLI_CONFIG_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def module() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(MODULE.replace("BACKEND", ""), encoding="utf-8")
        yield Path(folder)


class Elsewhere(FlavorCase):
    """A case whose module is in a folder outside the project."""

    def component(self, root: Path, config: Config | None = None, **context: Any) -> Flavor:
        outside = Path(self.config(root)["module"])
        return super().component(root, config, allowed_paths=(outside,), **context)


class TestTerraform(FlavorConformance):
    @pytest.fixture
    def case(self, module: Path) -> FlavorCase:
        def config(name: str) -> dict[str, Any]:
            secret = {"password": SECRET}
            return {"module": str(module), "variables": {"name": name}, "secret_variables": secret}

        return Elsewhere(
            flavor=STORE, config=lambda _: config("a"), changed=lambda _: config("b"), kill_points=2, seconds=90
        )


@pytest.fixture
def subjects(tmp_path: Path, module: Path) -> Subjects:
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "main.tf").write_text((module / "main.tf").read_text(encoding="utf-8"), encoding="utf-8")
    return Subjects(tmp_path)


def edit(root: Path, old: str, new: str) -> None:
    file = root / "infra" / "main.tf"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


CONFIG = {"module": "infra", "variables": {"name": "a", "sizes": [1, 2]}, "secret_variables": {"password": SECRET}}


def test_its_life(subjects: Subjects) -> None:
    component = subjects.component(STORE, CONFIG)
    assert component.observe().detail == "infra was never applied here"
    outputs = plain(component.provision())
    assert outputs["uri"] == "s3://a"
    assert outputs["values"]["place"] == {"name": "a", "sizes": [1, 2], "length": len(SECRET)}
    assert outputs["sensitive_values"] == {"password": SECRET}
    assert spec_of(STORE).sensitive_outputs == {"sensitive_values"}
    assert component.observe().detail == "as the module says"
    kept = sorted(path for path in component.context.data_dir.iterdir() if path.is_file())
    assert [path.name for path in kept] == ["terraform.tfstate"]
    assert kept[0].stat().st_mode & 0o077 == 0
    component.deprovision()
    assert not component.context.data_dir.exists()
    assert "C4nary" not in str(subjects.lines)
    assert subjects.lines == ["Apply complete! Resources: 1 added, 0 changed, 0 destroyed."]


def test_drift_is_said(subjects: Subjects) -> None:
    component = subjects.component(STORE, CONFIG)
    component.provision()
    state = component.context.data_dir / "terraform.tfstate"
    document = json.loads(state.read_text(encoding="utf-8"))
    document["resources"], document["serial"] = [], document["serial"] + 1
    state.write_text(json.dumps(document), encoding="utf-8")  # as if the resource were gone
    said = "Plan: 1 to add, 0 to change, 0 to destroy."
    seen = component.observe()
    assert (seen.provisioned, seen.detail, seen.fields) == (True, said, {"module": f"infra ({said})"})
    component.provision()
    edit(subjects.root, "name = var.name,", 'name = "other",')
    assert component.observe().detail == "Plan: 0 to add, 1 to change, 0 to destroy."
    component.provision()
    assert component.observe().detail == "as the module says"
    component.deprovision()


def test_a_module_that_fails(subjects: Subjects) -> None:
    without = subjects.component(STORE, {"module": "infra"})
    with pytest.raises(HookError, match=r"No value for required variable \(main.tf:\d+\)"):
        without.provision()
    rule = 'validation {\n    condition     = var.password == ""\n    error_message = "${var.password} is refused"\n  }'
    edit(subjects.root, 'variable "password" {', f'variable "password" {{\n  {rule}')
    with pytest.raises(HookError, match="apply fails") as caught:
        subjects.component(STORE, CONFIG).provision()
    assert "C4nary" not in f"{caught.value.message} {caught.value.hint}"
    edit(subjects.root, "terraform {", "terraform")
    with pytest.raises(HookError, match="init fails"):
        subjects.component(STORE, CONFIG).provision()
    (subjects.root / "infra" / "main.tf").unlink()
    (subjects.root / "infra").rmdir()
    with pytest.raises(HookError, match="the module infra is not there"):
        subjects.component(STORE, CONFIG).provision()
    subjects.component(STORE, CONFIG).deprovision()


@pytest.mark.parametrize(("name", "why"), [("none", "has no output 'none', but: "), ("password", "may be shown")])
def test_outputs_that_are_no_uri(subjects: Subjects, name: str, why: str) -> None:
    component = subjects.component(STORE, {**CONFIG, "uri_output": name})
    with pytest.raises(HookError, match=why):
        component.provision()
    component.deprovision()


def test_a_state_kept_elsewhere(subjects: Subjects) -> None:
    edit(subjects.root, "terraform {\n", 'terraform {\n  backend "local" {}\n')
    state = subjects.root / "shared.tfstate"
    component = subjects.component(STORE, {**CONFIG, "backend_config": {"path": str(state)}})
    assert not component.observe().provisioned
    component.provision()
    elsewhere = subjects.root / "another machine's"
    assert subjects.component(STORE, {**CONFIG, "backend_config": {"path": str(state)}}, data_dir=elsewhere).observe()
    assert not elsewhere.exists()
    assert json.loads(state.read_text(encoding="utf-8"))["outputs"]["uri"]["value"] == "s3://a"
    component.deprovision()
    assert json.loads(state.read_text(encoding="utf-8"))["resources"] == []
    assert not component.context.data_dir.exists()


def test_a_state_that_the_module_itself_keeps_elsewhere(subjects: Subjects) -> None:
    edit(subjects.root, "terraform {\n", 'terraform {\n  backend "inmem" {}\n')
    component = subjects.component(STORE, CONFIG)
    with pytest.raises(HookError, match="its own backend, 'inmem'") as caught:
        component.provision()
    assert "backend_config: {}" in (caught.value.hint or "")
    assert subjects.lines == []
    component.deprovision()
    edit(subjects.root, '"inmem"', '"local"')
    component.provision()
    component.deprovision()


def test_a_state_that_is_lost_is_not_taken_for_nothing_made(subjects: Subjects) -> None:
    outputs = plain(subjects.component(STORE, CONFIG).provision())
    component = subjects.component(STORE, CONFIG, outputs=outputs)
    folder = component.context.data_dir
    aside = folder.rename(subjects.root / "aside")
    for hook in (component.provision, lambda: component.update(component), component.deprovision):
        with pytest.raises(HookError, match="state of infra is gone") as caught:
            hook()
        assert "stackspec state rm artifact_store/main" in (caught.value.hint or "")
        assert not folder.exists()
    aside.rename(folder)
    component.deprovision()
    assert [path.name for path in folder.iterdir()] == ["destroyed"]
    component.deprovision()  # as where its end was not recorded
    stranger = subjects.component(STORE, CONFIG, outputs=outputs, identity="another's")
    with pytest.raises(HookError, match="is gone"):
        stranger.deprovision()
    component.provision()  # as where it is wanted again
    assert not (folder / "destroyed").exists()
    (folder / "terraform.tfstate").unlink()
    with pytest.raises(HookError, match="is gone"):
        component.deprovision()
    subjects.component(STORE, CONFIG).deprovision()
    assert not folder.exists()


def test_a_state_kept_elsewhere_needs_nothing_here(subjects: Subjects) -> None:
    edit(subjects.root, "terraform {\n", 'terraform {\n  backend "local" {}\n')
    config = {**CONFIG, "backend_config": {"path": str(subjects.root / "shared.tfstate")}}
    outputs = plain(subjects.component(STORE, config).provision())
    component = subjects.component(STORE, config, outputs=outputs, data_dir=subjects.root / "another machine's")
    assert plain(component.provision()) == outputs
    component.deprovision()
    component.deprovision()
    assert not component.context.data_dir.exists()


def test_a_stop_ends_the_program(subjects: Subjects) -> None:
    slow = 'resource "terraform_data" "slow" {\n  provisioner "local-exec" { command = "sleep 60" }\n}\n'
    with open(subjects.root / "infra" / "main.tf", "a", encoding="utf-8") as file:
        file.write(slow)
    component = subjects.component(STORE, CONFIG)
    Timer(1, component.context.cancelled.set).start()
    begun = monotonic()
    with pytest.raises(HookError, match="stopped"):
        component.provision()
    assert monotonic() - begun < 15
    again = subjects.component(STORE, CONFIG)
    assert again.observe().fields != {"module": "infra"}
    again.deprovision()
    assert not again.observe().provisioned


def test_no_program(subjects: Subjects) -> None:
    with pytest.raises(HookError, match="tofu is not installed"):
        subjects.component(STORE, {**CONFIG, "program": "tofu"}).provision()


def test_its_variables_are_in_no_argument_and_no_environment(
    subjects: Subjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.check_output(["which", "terraform"], text=True).strip()
    shim = tmp_path / "bin" / "terraform"
    shim.parent.mkdir()
    log = tmp_path / "seen.txt"
    shim.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> "{log}"\nexec {real} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TF_VAR_name", "other")
    monkeypatch.setenv("TF_LOG", "trace")
    component = subjects.component(STORE, CONFIG)
    assert plain(component.provision())["uri"] == "s3://a"
    seen = log.read_text(encoding="utf-8")
    assert "C4nary" not in seen
    assert "TF_LOG" not in seen
    assert "TF_IN_AUTOMATION=1" in seen


def test_exit_status_2_is_a_failure_but_of_a_plan(
    subjects: Subjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = subjects.component(STORE, CONFIG)
    component.provision()
    real = subprocess.check_output(["which", "terraform"], text=True).strip()
    shim = tmp_path / "bin" / "terraform"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\ncase "$1" in apply|destroy) exit 2;; esac\nexec {real} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(HookError, match="apply fails"):
        component.provision()
    with pytest.raises(HookError, match="destroy fails"):
        component.deprovision()
    assert (component.context.data_dir / "terraform.tfstate").is_file()


def test_its_spec_loads_by_itself() -> None:
    script = "import sys, stackspec.flavors.any_type.terraform; print(*{'socket', 'ssl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
