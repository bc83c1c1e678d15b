"""Container images built by buildah, in a store of the component's own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from stackspec.flavors.contract import FlavorOutputs, Observation, setting
from stackspec.flavors.image_builder import ImageBuilder
from stackspec.flavors.images import program
from stackspec.flavors.images.login import RegistryLogin
from stackspec.flavors.owned.directory import DirectoryFlavor


class BuildahImageBuilder(DirectoryFlavor, ImageBuilder):
    """Builds images with buildah, without an engine, in a store of images of its own."""

    flavor = "buildah"
    apt_packages = ("buildah",)
    occupies = frozenset({"store_dir"})

    class Config(RegistryLogin):
        """Where buildah keeps images and layers, and how it builds."""

        store_dir: str | None = setting(
            "The directory of images and layers; null for a private one. If stackspec makes it, it is removed with all "
            "that it holds.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./images"],
        )
        storage_driver: Literal["vfs", "overlay"] = setting(
            "How layers are kept: `vfs` works everywhere, `overlay` is faster where the kernel allows it.",
            default="vfs",
            requires_replacement=True,
        )
        isolation: Literal["chroot", "oci", "rootless"] = setting(
            "What commands of a build run in: `chroot` needs no more than a user who may change root, the others a "
            "container runtime.",
            default="chroot",
        )

    config: Config

    @property
    def place(self) -> str | None:
        """The directory of images and layers."""
        return self.config.store_dir

    @property
    def delete_contents(self) -> bool:
        """Always: images that are wanted were pushed."""
        return True

    def observe(self) -> Observation:
        seen, found = super().observe(), shutil.which("buildah")
        program = "builds with buildah" if found else "no buildah on PATH"
        return replace(seen, running=found is not None, detail=f"{seen.detail}; {program}")

    def provision(self) -> FlavorOutputs:
        """Make the directory; a missing program is told and is no failure, since it may be installed later."""
        if shutil.which("buildah") is None:
            self.context.log("no buildah on PATH; install it before the first build")
        return super().provision()

    def _build(self, folder: Path, image: str, dockerfile: str, build_args: Mapping[str, str]) -> str:
        options = [f"--isolation={self.config.isolation}"]
        return program.build(self._program, options, self.context, folder, image, dockerfile, build_args, self.config)

    def _push(self, image: str) -> str:
        return program.push(self._program, self.context, image, self.config)

    @property
    def _program(self) -> Sequence[str]:
        store = self._directory().path
        places = [f"--root={store / 'images'}", f"--runroot={store / 'run'}"]
        return ["buildah", *places, f"--storage-driver={self.config.storage_driver}"]
