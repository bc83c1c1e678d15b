"""What a case needs that cannot stand in its folder as a text file: made in a copy of it before the command runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stackspec.flavors.contract import Flavor
from stackspec.flavors.orchestrator.local import LocalOrchestrator
from stackspec.flavors.registry import Registry
from stackspec.project import Project

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata:
  name: dev
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store:
      flavor: local
      config: {path: ./artifacts}
"""


class PluginOrchestrator(LocalOrchestrator):
    """A flavor that this installation will not have."""

    flavor = "plugin"
    type = "orchestrator"


def fifo(root: Path) -> None:
    os.mkfifo(root / "stacks" / "pipe.yaml")


def links(root: Path) -> None:
    (root / "stacks" / "away.yaml").symlink_to("/etc/passwd")
    (root / "stacks" / "loop.yaml").symlink_to("loop.yaml")
    (root / "stacks" / "nowhere.yaml").symlink_to("no-such-file.yaml")
    (root / "stacks" / "inside.yaml").symlink_to("dev.yaml")
    (root / "stacks" / "folder").symlink_to("/etc")


def paths_through_links(root: Path) -> None:
    (root / "data").mkdir()
    (root / "etc").symlink_to("/etc")
    (root / "inside").symlink_to("data")
    (root / "data" / "away").symlink_to("/var/log")


def encodings(root: Path) -> None:
    (root / "stacks" / "latin-1.yaml").write_bytes(STACK.replace("name: dev", "name: dév").encode("latin-1"))
    (root / "stacks" / "utf-16.yaml").write_bytes(STACK.encode("utf-16"))
    for encoding in ("utf-16-be", "utf-16-le"):
        (root / "stacks" / f"{encoding}-without-mark.yaml").write_bytes(STACK.encode(encoding))


def characters(root: Path) -> None:
    bad = {"bidi": "\u202e", "nul": "\0", "zero-width": "\u200b", "inner-bom": "\ufeff", "next-line": "\x85"}
    for name, character in bad.items():
        (root / "stacks" / f"{name}.yaml").write_text(
            STACK.replace("name: dev", f"name: dev{character}x"), encoding="utf-8"
        )
    (root / "stacks" / "escaped.yaml").write_text(STACK.replace("name: dev", 'name: "dev\\u202e"'), encoding="utf-8")


def large_file(root: Path) -> None:
    with open(root / "stacks" / "sparse.yaml", "wb") as file:
        file.truncate(65 * 1024 * 1024)


def large_documents(root: Path) -> None:
    texts = {
        "aliases": "a: &a 1\nb: [" + "*a, " * 201 + "]\n",
        "bomb": "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(
            f"{name}: &{name} [" + ", ".join([f"*{before}"] * 10) + "]\n"
            for before, name in zip("abcdef", "bcdefg", strict=True)
        ),
        "bytes": "kind: Stack\nspec: {description: '" + "x" * (1024 * 1024) + "'}\n",
        "deep": "a: " + "[" * 60 + "]" * 60 + "\n",
        "nodes": "a: [" + "1, " * 20_000 + "]\n",
    }
    for name, text in texts.items():
        (root / "stacks" / f"{name}.yaml").write_text(text, encoding="utf-8")


def long_expressions(root: Path) -> None:
    expressions = {
        "long": "vars." + "x" * 5_000,
        "nested": "(" * 500 + "vars.text" + ")" * 500,
        "wide": " ~ ".join(["vars.text"] * 80),
    }
    lines = [f"    {name.upper()}: '{{{{ {text} }}}}'\n" for name, text in expressions.items()]
    (root / "stacks" / "dev.yaml").write_text(STACK + "  environment:\n" + "".join(lines), encoding="utf-8")


def flavor_gone(root: Path) -> None:
    extra: list[type[Flavor]] = [PluginOrchestrator]
    (root / "stacks" / "dev.yaml").write_text(STACK.replace("{flavor: local}", "{flavor: plugin}"), encoding="utf-8")
    project = Project.open(root, registry=Registry(extra))
    project.apply(project.plan())
    (root / "stacks" / "dev.yaml").write_text(STACK, encoding="utf-8")


PREPARATIONS: dict[str, Callable[[Path], None]] = {
    "SS0102-not-a-regular-file": fifo,
    "SS0103-link-leaves-project": links,
    "SS0104-not-utf-8": encodings,
    "SS0105-forbidden-character": characters,
    "SS0106-too-large-document": large_documents,
    "SS0106-too-large-file": large_file,
    "SS0307-expression-too-large": long_expressions,
    "SS0406-link-leaves-project": paths_through_links,
    "SS0504-flavor-gone": flavor_gone,
}
"""Case to what prepares it."""
