"""With ZenML itself: it takes what is exported for it, and exports the files that the other tests take over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from stackspec.edit.zenml.counterparts import COUNTERPARTS, VERSION

if TYPE_CHECKING:
    from zenml.client import Client

FILES = Path(__file__).parents[2] / "cli" / "zenml"
SECRETS = {
    "mlflow": ("username", "password"),
    "aws_creds": ("secret",),
    "slack": ("token",),
    "labels": ("key",),
    "tracking": ("username", "password"),
    "wandb": ("api_key",),
}


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """ZenML with a database of its own, that holds the secrets that the files name."""
    home = tmp_path_factory.mktemp("zenml")
    variables = {
        "HOME": str(home),
        "ZENML_CONFIG_PATH": str(home / "config"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_VERBOSITY": "ERROR",
        "AUTO_OPEN_DASHBOARD": "false",
    }
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        from zenml.client import Client

        client = Client()
        for name, keys in SECRETS.items():
            client.create_secret(name, dict.fromkeys(keys, "x"))
        yield client
    finally:
        os.environ.clear()
        os.environ.update(before)


def zenml(*arguments: str) -> str:
    """What a command of ZenML's says, in this process: a process of its own would start for ten seconds."""
    from click.testing import CliRunner
    from zenml.cli.cli import cli

    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def stackspec(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "stackspec", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def components(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """`type/name` to what a file of ZenML's says of a component."""
    read = yaml.safe_load(file.read_text())
    return {f"{kind}/{one['name']}": one for kind, found in read["components"].items() for one in found}


def renamed(file: Path) -> None:
    """Give the components of a file other names, for ZenML asks where one is configured in two ways."""
    read = yaml.safe_load(file.read_text())
    for found in read["components"].values():
        for one in found:
            one["name"] = f"{one['name']}-again"
    file.write_text(yaml.safe_dump(read))


@pytest.mark.parametrize("name", ["default", "laptop", "gcp", "aws", "my-kubernetes"])
def test_there_and_back(name: str, client: Client, tmp_path: Path) -> None:
    """ZenML's file is what ZenML exports; what is taken over and exported for it is what it then exports itself."""
    given, to, back = tmp_path / "given.yaml", tmp_path / "to.yaml", tmp_path / "back.yaml"
    shutil.copy(FILES / f"{name}.yaml", given)
    stack = yaml.safe_load(given.read_text())["stack_name"]
    if stack != "default":
        zenml("stack", "import", stack, "--filename", str(given))
    zenml("stack", "export", stack, str(back))
    assert back.read_text() == given.read_text()

    (tmp_path / "stacks").mkdir()
    stackspec(tmp_path, "stack", "import", "given.yaml", "--name", f"{name}-again")
    stackspec(tmp_path, "stack", "export", f"{name}-again", "--format", "zenml", "--out", "to.yaml")
    renamed(to)
    zenml("stack", "import", f"{name}-again", "--filename", str(to))
    zenml("stack", "export", f"{name}-again", str(back))
    said, now = components(to), components(back)
    assert {one: now[one] for one in said} == said
    # ZenML itself adds what it lets no stack be without.
    assert {one.partition("/")[0] for one in now.keys() - said.keys()} <= {"deployer", "image_builder"}


def test_the_table_names_what_there_is(client: Client) -> None:
    """Every flavor and field in the table is one of this ZenML's, and what it takes for a secret is one here."""
    from zenml.stack.flavor import Flavor
    from zenml.utils.secret_utils import is_secret_field

    assert version("zenml") == VERSION
    for one in COUNTERPARTS:
        fields = Flavor.from_model(client.get_flavor_by_name_and_type(one.theirs, one.type)).config_class.model_fields
        for way in one.ways:
            for path in way.theirs:
                assert path[0] in fields, (one.theirs, path)
                assert is_secret_field(fields[str(path[0])]) == way.sensitive, (one.theirs, path)
