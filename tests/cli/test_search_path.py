"""No module of a checkout is run in place of a library's, whatever leads Python there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.hostile import STACK
from tests.running import command, environment

SCRIPT = Path(sys.executable).with_name("stackspec")
STARTED = "import sys, runpy, importlib.util; print(*sys.modules)"


@pytest.fixture
def checkout(dev: Path) -> Path:
    """A project with a module of its own in place of every module that the command may import."""
    # What Python itself imports before the command begins is Python's to keep safe: with -P it does.
    begun = subprocess.run([sys.executable, "-P", "-c", STARTED], capture_output=True, text=True, check=True)
    before = {name.partition(".")[0] for name in begun.stdout.split()} | {"__main__", "pkgutil", "sitecustomize"}
    installed = {"yaml", "jinja2", "jsonschema", "jsonschema_rs", "typer", "click", "rich", "deepdiff", "markupsafe"}
    (dev / "src").mkdir()
    for name in (set(sys.stdlib_module_names) | installed) - before:
        for folder in (dev, dev / "src"):
            (folder / f"{name}.py").write_text(f"import os\nos.write(2, b'{name} of the checkout\\n')\nos._exit(7)\n")
    assert {"typing", "signal", "json", "yaml", "__future__", "argparse"} <= {one.stem for one in dev.glob("*.py")}
    return dev


@pytest.mark.parametrize("arguments", ["version", "--help", "plan", "apply --yes", "status -o json", "plan --nope"])
@pytest.mark.parametrize("started", [command(), [str(SCRIPT)]], ids=["-m", "script"])
def test_no_module_of_the_working_directory_is_run(started: list[str], arguments: str, checkout: Path) -> None:
    ours = environment()["PYTHONPATH"]
    variables = environment({"PYTHONPATH": ours if "-m" in started else f":{ours}"})
    done = subprocess.run(
        [*started, *arguments.split()], cwd=checkout, capture_output=True, text=True, check=False, env=variables
    )
    assert "of the checkout" not in done.stderr
    assert done.returncode == (1 if "--nope" in arguments else 0), done.stderr


@pytest.mark.parametrize("started", [command(), [str(SCRIPT)]], ids=["-m", "script"])
@pytest.mark.parametrize(
    ("folder", "path", "arguments"),
    [
        pytest.param(".", "{root}/src", "plan", id="a folder in it"),
        pytest.param("stacks", "{root}", "plan", id="the root from a folder in it"),
        pytest.param("stacks", "..", "plan", id="the folder above"),
        pytest.param("stacks", "../src", "plan", id="the folder beside"),
        pytest.param(".", "{root}/stacks/../src", "plan", id="a roundabout way"),
        pytest.param(".", "{link}", "plan", id="a link to it"),
        pytest.param("{link}", "{root}", "plan", id="it from a link to it"),
        pytest.param("..", "{root}", "-C {root} plan", id="-C"),
        pytest.param("..", "{root}/src", "-vC{root}/stacks plan", id="-C among other options"),
        pytest.param("..", "{root}/src", "--chdir={root} plan", id="--chdir"),
        pytest.param("..", "{root}/src", "--chdir {root} plan --nope", id="--chdir before a mistake"),
    ],
)
def test_nor_is_one_that_pythonpath_leads_to(
    folder: str,
    path: str,
    arguments: str,
    started: list[str],
    checkout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    link = tmp_path_factory.mktemp("links") / "link"
    os.symlink(checkout, link)
    ours = environment()["PYTHONPATH"]
    variables = environment({"PYTHONPATH": f"{path.format(root=checkout, link=link)}:{ours}"})
    words = [*started, *arguments.format(root=checkout).split()]
    if "-m" in started:
        words.insert(1, "-P")
    cwd = checkout / folder.format(link=link)
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, env=variables)
    assert "of the checkout" not in done.stderr
    assert done.returncode == (1 if "--nope" in arguments else 0), done.stderr


def test_nor_is_one_of_the_checkout_that_the_project_is_a_part_of(checkout: Path) -> None:
    (checkout / ".git").mkdir()
    inner = checkout / "teams" / "fraud"
    (inner / "stacks").mkdir(parents=True)
    (inner / "stacks" / "dev.yaml").write_text(STACK)
    variables = environment({"PYTHONPATH": f"{checkout}/src:{environment()['PYTHONPATH']}"})
    words = [sys.executable, "-P", "-m", "stackspec", "validate", "--untrusted"]
    done = subprocess.run(words, cwd=inner, capture_output=True, text=True, check=False, env=variables)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_of_chdir_may_come_from_a_variable(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = f"{checkout}/src:{environment()['PYTHONPATH']}"
    variables = environment({"PYTHONPATH": path, "STACKSPEC_CHDIR": str(checkout)})
    words, elsewhere = [sys.executable, "-P", "-m", "stackspec", "plan"], tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True, check=False, env=variables)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_virtual_environment_in_the_checkout_goes_on_working(checkout: Path) -> None:
    home = checkout / ".venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    os.symlink(Path(__file__).parents[2] / "stackspec", packages / "stackspec")
    # The packages of this interpreter, as they would be installed there.
    for origin in (Path(part) for part in sys.path if part.endswith("site-packages")):
        for one in origin.iterdir():
            if one.suffix != ".pth" and not (packages / one.name).exists():
                os.symlink(one, packages / one.name)
    variables = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    words = [str(home / "bin" / "python"), "-m", "stackspec", "plan"]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=False, env=variables)
    assert (done.returncode, done.stderr) == (0, "")
