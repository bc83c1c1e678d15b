"""Flavors of other packages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.running import command, environment

FLAVOR = '''
from stackspec.flavors.alerter import Alerter
from stackspec.flavors.contract import FlavorConfig, Observation, setting


class {name}(Alerter):
    """Writes alerts down."""

    flavor = "{flavor}"

    class Config(FlavorConfig):
        """A file."""

        level: str = setting("How loud.", default="high")

    def observe(self):
        return Observation(True)

    def provision(self):
        return self.Outputs(uri="file:///alerts")

    def deprovision(self):
        pass
'''
STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    alerter: {flavor: FLAVOR, config: {level: low}}
"""
PROJECT = "apiVersion: stackspec.dev/v1\nkind: Project\nmetadata: {name: p}\nspec: {plugins: [PLUGINS]}\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages: one with an entry point, one with none."""
    folder = tmp_path / "site"
    (folder / "acme_alerts-2.1.dist-info").mkdir(parents=True)
    (folder / "acme_alerts-2.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-alerts\nVersion: 2.1\n"
    )
    points = [
        "alerter.acme = acme_alerts:Acme",
        "alerter.broken = acme_alerts:Gone",
        "alerter.other = acme_alerts:Acme",
        "alerter.quits = quits_alerts:Quits",
    ]
    (folder / "acme_alerts-2.1.dist-info" / "entry_points.txt").write_text(
        "\n".join(["[stackspec.flavors]", *points, ""])
    )
    (folder / "acme_alerts.py").write_text(FLAVOR.format(name="Acme", flavor="acme"))
    (folder / "more_alerts.py").write_text(FLAVOR.format(name="More", flavor="more"))
    (folder / "bad_alerts.py").write_text("raise RuntimeError('at import')\n")
    (folder / "quits_alerts.py").write_text("raise SystemExit(0)\n")
    (folder / "no_alerts.py").write_text("")
    unfinished = FLAVOR.format(name="Half", flavor="half").replace("def provision", "def provide")
    (folder / "half_alerts.py").write_text(unfinished)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "stacks").mkdir(parents=True)
    return root


def run(project: Path, site: Path, flavor: str, plugins: str, *words: str) -> subprocess.CompletedProcess[str]:
    (project / "stacks" / "dev.yaml").write_text(STACK.replace("FLAVOR", flavor))
    (project / "stackspec.yaml").write_text(PROJECT.replace("PLUGINS", plugins))
    variables = environment()
    variables["PYTHONPATH"] = os.pathsep.join([variables["PYTHONPATH"], str(site)])
    return subprocess.run(
        command(*words), cwd=project, capture_output=True, text=True, check=False, env=variables, timeout=60
    )


@pytest.mark.parametrize(("flavor", "plugins"), [("acme", ""), ("more", "more_alerts")])
def test_a_flavor_of_another_package_is_applied(flavor: str, plugins: str, project: Path, site: Path) -> None:
    done = run(project, site, flavor, plugins, "apply", "--yes")
    assert done.returncode == 0, done.stderr
    shown = run(project, site, flavor, plugins, "state", "show", "alerter/dev", "-o", "json")
    assert json.loads(shown.stdout)["config"] == {"level": "low"}
    assert run(project, site, flavor, plugins, "destroy", "--yes").returncode == 0


@pytest.mark.parametrize(
    ("flavor", "plugins", "place", "told"),
    [
        ("broken", "", "stacks/dev.yaml:8:23", "entry point 'alerter.broken' of acme-alerts 2.1 cannot be imported"),
        ("other", "", "stacks/dev.yaml:8:23", "entry point 'alerter.other' of acme-alerts 2.1 leads to no such flavor"),
        (
            "quits",
            "",
            "stacks/dev.yaml:8:23",
            "entry point 'alerter.quits' of acme-alerts 2.1 cannot be imported: SystemExit: 0",
        ),
        ("local", "quits_alerts", "stackspec.yaml:4:18", "plugin 'quits_alerts' cannot be imported: SystemExit: 0"),
        (
            "local",
            "bad_alerts",
            "stackspec.yaml:4:18",
            "plugin 'bad_alerts' cannot be imported: RuntimeError: at import",
        ),
        ("local", "no_alerts", "stackspec.yaml:4:18", "the plugin 'no_alerts' defines no flavor"),
        ("local", "half_alerts", "stackspec.yaml:4:18", "the plugin 'half_alerts': Half lacks provision"),
        ("local", "where.is_it", "stackspec.yaml:4:18", "the plugin 'where.is_it' is not installed"),
    ],
)
def test_what_cannot_be_used_is_told_at_its_place(
    flavor: str, plugins: str, place: str, told: str, project: Path, site: Path
) -> None:
    done = run(project, site, flavor, plugins, "validate")
    assert done.returncode == 1
    assert f"error[SS0211]: the {told.removeprefix('the ')}" in done.stderr
    assert f"--> {place}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_is_told_among_those_that_there_are(project: Path, site: Path) -> None:
    done = run(project, site, "acmee", "", "validate")
    assert (done.returncode, "did you mean 'acme'?" in done.stderr) == (1, True)


def test_modules_of_the_project_are_no_plugins(project: Path, site: Path) -> None:
    (project / "evil_alerts.py").write_text(
        f"open({str(project / 'ran')!r}, 'w')\n{FLAVOR.format(name='E', flavor='e')}"
    )
    done = run(project, site, "e", "evil_alerts", "validate")
    assert (done.returncode, "'evil_alerts' is not installed" in done.stderr) == (1, True)
    assert not (project / "ran").exists()


@pytest.mark.parametrize(("flavor", "plugins"), [("acme", ""), ("more", "more_alerts")])
def test_a_stranger_has_no_plugin_imported(flavor: str, plugins: str, project: Path, site: Path) -> None:
    for name in ("acme_alerts", "more_alerts"):
        (site / f"{name}.py").write_text(f"open({str(project / 'ran')!r}, 'w')\n")
    done = run(project, site, flavor, plugins, "plan", "--untrusted")
    assert (done.returncode, f"alerter has no flavor '{flavor}'" in done.stderr) == (1, True)
    assert not (project / "ran").exists()


def test_flavors_are_listed_with_where_they_are_from(project: Path, site: Path) -> None:
    done = run(project, site, "more", "more_alerts", "flavor", "list", "alerter", "-o", "json")
    found = {one["flavor"]: one for one in json.loads(done.stdout)["flavors"]}
    assert found["acme"]["description"] == found["more"]["description"] == "Writes alerts down."
    assert "cannot be imported" in found["broken"]["problem"]
    done = run(project, site, "more", "more_alerts", "flavor", "list", "alerter")
    assert (done.returncode, "acme" in done.stdout, "(broken)" in done.stdout) == (0, True, True)


def test_a_flavor_is_described(project: Path, site: Path) -> None:
    done = run(project, site, "more", "more_alerts", "flavor", "describe", "alerter/more")
    assert 'level   text   "high"' in done.stdout
    described = json.loads(
        run(project, site, "more", "more_alerts", "flavor", "describe", "alerter/more", "-o", "json").stdout
    )
    (field,) = described["config"]
    assert (field["name"], field["default"], field["required"], field["replaces"]) == ("level", "high", False, True)
    assert [one["name"] for one in described["outputs"]] == ["uri"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("flavor list alertr", "SS0901", "did you mean 'alerter'?"),
        ("flavor describe artifact-store/locl", "SS0208", "did you mean 'artifact_store/local'?"),
        ("flavor describe alerter/broken", "SS0211", "cannot be imported"),
    ],
)
def test_what_is_not_there(words: str, code: str, told: str, project: Path, site: Path) -> None:
    done = run(project, site, "acme", "", *words.split())
    assert (done.returncode, f"error[{code}]" in done.stderr, told in done.stderr) == (1, True, True)


def test_outside_of_a_project_there_are_those_that_are_installed(tmp_path: Path, site: Path) -> None:
    variables = environment({"PYTHONPATH": os.pathsep.join([environment()["PYTHONPATH"], str(site)])})
    words = command("flavor", "list", "-o", "json")
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        words, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=True, env=variables, timeout=60
    )
    found = {(one["type"], one["flavor"]) for one in json.loads(done.stdout)["flavors"]}
    assert {("artifact_store", "local"), ("alerter", "acme")} <= found
