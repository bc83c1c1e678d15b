"""Image builders: they build container images."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting

_HOST = "(?:[A-Za-z0-9.-]+|\\[[0-9A-Fa-f:]+\\])(?::[0-9]+)?/"
_PART = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(f"(?:{_HOST})?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?")
_ARGUMENT = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class ImageBuilder(Flavor, ABC):
    """The parent of every image_builder flavor."""

    type: ClassVar[str] = "image_builder"

    class Outputs(FlavorOutputs):
        """What every image_builder tells other components."""

        uri: str = setting("Where build contexts are staged, as a URI.")

    def build(
        self,
        context_dir: Path,
        image: str,
        dockerfile: str = "Dockerfile",
        build_args: Mapping[str, str] | None = None,
    ) -> str:
        """Build an image and give it a name.

        Args:
            context_dir: The folder whose files the build may use.
            image: The full name, as `ContainerRegistry.image` makes it.
            dockerfile: The file with the instructions, relative to `context_dir`.
            build_args: Values of the instruction `ARG`. They stay readable in the image, so none may be a secret.

        Returns:
            The digest of the image's configuration, which is the image's id: `sha256:` and 64 hexadecimal digits.

        Raises:
            HookError: it cannot be built, and why.
        """
        arguments = dict(build_args or {})
        _checked(image)
        for name, value in arguments.items():
            if not _ARGUMENT.fullmatch(name):
                raise HookError(f"'{name}' is no name of a build argument", "use letters, digits and _")
            if self.context.tells_secret(value):
                raise HookError(
                    f"the build argument '{name}' would tell a secret to whoever has the image",
                    "give secrets to what runs, not to what is built",
                )
        folder = context_dir.resolve()
        file = (folder / dockerfile).resolve()
        if not file.is_relative_to(folder) or not file.is_file():
            raise HookError(f"there is no file {dockerfile} in {folder}", "name a file in the folder that is built")
        return self._build(folder, image, str(file.relative_to(folder)), arguments)

    def push(self, image: str) -> str:
        """Send an image that was built to the registry that it is named for.

        Returns:
            The digest of its manifest, by which exactly this image is pulled: `sha256:` and 64 hexadecimal digits.

        Raises:
            HookError: it was not built, or the registry refuses it.
        """
        _checked(image)
        return self._push(image)

    def _build(self, folder: Path, image: str, dockerfile: str, build_args: Mapping[str, str]) -> str:
        raise self._cannot()

    def _push(self, image: str) -> str:
        raise self._cannot()

    def _cannot(self) -> HookError:
        return HookError(
            f"an image builder of the flavor '{self.flavor}' does not build from here",
            "build with one of the flavors docker, buildah and local",
        )


def _checked(image: str) -> None:
    if not _IMAGE.fullmatch(image):
        raise HookError(f"'{image}' is no name of an image", "write host/path:tag, in lower case")
