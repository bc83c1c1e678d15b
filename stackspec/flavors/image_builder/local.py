"""Container images built by a program of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from stackspec.flavors.contract import FlavorOutputs, HookError, Observation, setting
from stackspec.flavors.image_builder import ImageBuilder
from stackspec.flavors.images.login import RegistryLogin
from stackspec.flavors.owned.directory import DirectoryFlavor

_PROGRAMS = ("docker", "podman", "buildah")
"""What `auto` looks for, the first found being used."""


class LocalImageBuilder(DirectoryFlavor, ImageBuilder):
    """Builds images with a program of this machine: docker, podman or buildah.

    Which program was found is observed and never recorded: it is a fact of one machine and one moment, and several
    machines may share the state.
    """

    flavor = "local"
    occupies = frozenset({"work_dir"})

    class Config(RegistryLogin):
        """A program that builds images, and where it finds their sources."""

        program: Literal["auto", "docker", "podman", "buildah"] = setting(
            "The program that builds; `auto` takes the first of docker, podman and buildah that is on PATH.",
            default="auto",
        )
        work_dir: str | None = setting(
            "The directory in which build contexts are staged; null for a private one. If stackspec makes it, it is "
            "removed with all that it holds.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./build"],
        )

    config: Config

    @property
    def place(self) -> str | None:
        """The directory of staged build contexts."""
        return self.config.work_dir

    @property
    def delete_contents(self) -> bool:
        """Always: a build context is a copy, made for one build."""
        return True

    def observe(self) -> Observation:
        """See whether the directory is there, and which program would build."""
        seen, found = super().observe(), self._found()
        program = f"builds with {found}" if found else self._missing()
        return replace(seen, running=found is not None, detail=f"{seen.detail}; {program}")

    def provision(self) -> FlavorOutputs:
        """Make the directory; a missing program is told and is no failure, since it may be installed later."""
        if self._found() is None:
            self.context.log(f"{self._missing()}; install it before the first build")
        return super().provision()

    def _build(self, folder: Path, image: str, dockerfile: str, build_args: Mapping[str, str]) -> str:
        from stackspec.flavors.images import program

        return program.build([self._program()], [], self.context, folder, image, dockerfile, build_args, self.config)

    def _push(self, image: str) -> str:
        from stackspec.flavors.images import program

        return program.push([self._program()], self.context, image, self.config)

    def _program(self) -> str:
        if (found := self._found()) is None:
            raise HookError(self._missing(), "install one of them")
        return found

    def _wanted(self) -> tuple[str, ...]:
        return _PROGRAMS if self.config.program == "auto" else (self.config.program,)

    def _found(self) -> str | None:
        from shutil import which

        return next(filter(None, map(which, self._wanted())), None)

    def _missing(self) -> str:
        return f"no {' or '.join(self._wanted())} on PATH"
