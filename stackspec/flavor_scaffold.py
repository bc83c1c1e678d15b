"""The files of a new flavor: a package of its own, which works and whose tests pass, for its author to go on from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from string import Template

from stackspec.core.diagnostic import StackspecError

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$package"
version = "0.1.0"
description = "The $type flavor $flavor for stackspec"
requires-python = ">=3.11"
dependencies = ["stackspec"]

[project.optional-dependencies]
test = ["pytest"]

# How stackspec finds it once this package is installed.
[project.entry-points."stackspec.flavors"]
"$type.$flavor" = "$module:$cls"

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
"""

_MODULE = '''\
"""The $type flavor `$flavor`."""

from __future__ import annotations

import os
from pathlib import Path

from stackspec.flavors.$type import $parent
from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting


class $cls($parent):
    """A file that stands for what you will make; the first line is what `flavor list` says of the flavor."""

    flavor = "$flavor"
    occupies = frozenset({"path"})

    class Config(FlavorConfig):
        """What a manifest may say under `config`."""

        path: str = setting("The file.", path=True, requires_replacement=True, min_length=1)
        note: str = setting("What it says.", default="")

    config: Config

    def observe(self) -> Observation:
        """Look at what is there, and change nothing."""
        if not self._is_ours():
            return Observation(provisioned=False, detail=f"{self._file} is not there, or not ours")
        return Observation(provisioned=True, fields={"note": self._said().partition("\\n")[2]})

    def provision(self) -> $parent.Outputs:
        """Make it as the config says, whatever half of it an earlier call left."""
        if self._file.exists() and not self._is_ours():
            raise HookError(f"{self._file} exists and is not ours", "use another path")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed, so that a crash leaves the whole of it or nothing.
        self._fresh.write_text(f"{self._mark}\\n{self.config.note}", encoding="utf-8")
        os.replace(self._fresh, self._file)
        return self.Outputs(uri=self._file.as_uri())

    def update(self, previous: $cls) -> $parent.Outputs:
        """Change it in place; without this method every change would replace it."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove what `provision` made, and nothing else; where nothing is left that is no failure."""
        self._fresh.unlink(missing_ok=True)
        if self._is_ours():
            self._file.unlink()

    @property
    def _file(self) -> Path:
        return self.context.path(self.config.path)

    @property
    def _fresh(self) -> Path:
        return self._file.with_name(f".{self._file.name}.{self.context.identity}")

    @property
    def _mark(self) -> str:
        # What is made carries the identity, so that it is never taken for somebody else's, nor theirs for ours.
        return f"# {self.context.identity}"

    def _said(self) -> str:
        return self._file.read_text(encoding="utf-8") if self._file.is_file() else ""

    def _is_ours(self) -> bool:
        return self._said().startswith(f"{self._mark}\\n")
'''

_TEST = '''\
"""The flavor keeps the contract."""

from pathlib import Path

import pytest
from $module import $cls

from stackspec.flavors.contract import HookError
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance

CASE = FlavorCase(
    flavor=$cls,
    config=lambda root: {"path": "one.txt"},
    changed=lambda root: {"path": "one.txt", "note": "other"},
    beside=lambda root: {"path": "other.txt"},
)


@pytest.mark.parametrize("case", [CASE], ids=str)
class Test$cls(FlavorConformance):
    """Every test of the kit."""


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """What only this flavor does is for tests of your own."""
    (tmp_path / "one.txt").write_text("theirs")
    component = CASE.component(tmp_path)
    with pytest.raises(HookError, match="not ours"):
        component.provision()
    component.deprovision()
    assert (tmp_path / "one.txt").read_text() == "theirs"
'''

_README = """\
# $package

The $type flavor `$flavor` for [stackspec](https://pypi.org/project/stackspec).

```sh
python -m venv .venv
.venv/bin/pip install '.[test]'
.venv/bin/pytest
.venv/bin/stackspec flavor describe $type/$flavor
```

`stackspec` takes flavors from packages that are installed, and not from a checkout: install it again, without
`--editable`, after a change. The tests read `src` itself.

The code is in `src/$module/__init__.py`.
"""

_FILES: Mapping[str, str] = {
    "pyproject.toml": _PROJECT,
    "README.md": _README,
    "src/$module/__init__.py": _MODULE,
    "src/$module/py.typed": "",
    "tests/test_$word.py": _TEST,
}


def write_flavor(folder: Path, component_type: str, flavor: str) -> list[Path]:
    """Write the package of a new flavor.

    Args:
        folder: Where; it must not be there yet.
        component_type: One of the known types.
        flavor: A name of lower-case letters, digits, `_` and `-`.

    Raises:
        StackspecError: the folder is there, or cannot be written.
    """
    if os.path.lexists(folder):
        raise StackspecError.of("SS0903", f"{folder} exists already", hint="name another folder by --to")
    word = flavor.replace("-", "_")
    parent = "".join(part.title() for part in component_type.split("_"))
    words = {
        "type": component_type,
        "flavor": flavor,
        "word": word,
        "package": f"stackspec-{component_type}-{flavor}".replace("_", "-"),
        "module": f"stackspec_{component_type}_{word}",
        "parent": parent,
        "cls": "".join(part.title() for part in word.split("_")) + parent,
    }
    written = []
    try:
        for name, text in _FILES.items():
            path = folder / Template(name).substitute(words)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(words), encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise StackspecError.of("SS0902", f"cannot write {folder}: {error.strerror}") from error
    return written
