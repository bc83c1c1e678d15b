"""Container registries: they keep container images."""

from __future__ import annotations

import re
from abc import ABC
from typing import ClassVar

from stackspec.core.loopback import is_local
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting
from stackspec.flavors.images.distribution import OciRegistry

_PART = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
_NAME = f"{_PART}(?:/{_PART})*"
_TAG = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = "[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+"


class ContainerRegistry(Flavor, ABC):
    """The parent of every container_registry flavor."""

    type: ClassVar[str] = "container_registry"

    class Outputs(FlavorOutputs):
        """What every container_registry tells other components."""

        uri: str = setting("The prefix of image names: host, port and path.")

    def image(self, name: str, tag: str = "latest") -> str:
        """The full name of an image in this registry, as builders push and machines pull it.

        Raises:
            HookError: the component is not provisioned, or the name or tag is none that the OCI distribution
                specification allows.
        """
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        if not re.fullmatch(_NAME, name):
            raise HookError(f"'{name}' is no name of an image", "use lower-case letters, digits and . _ - /")
        if not re.fullmatch(_TAG, tag):
            raise HookError(f"'{tag}' is no tag of an image", "use letters, digits and . _ -, up to 128")
        return f"{self.context.outputs['uri']}/{name}:{tag}"

    def holds(self, image: str) -> bool:
        """Whether an image of this full name would be in this registry."""
        return image.startswith(f"{self.context.outputs.get('uri', '')}/") and "uri" in self.context.outputs

    def tags(self, name: str) -> list[str]:
        """The tags of an image in this registry, sorted; none where there is no such image.

        Raises:
            HookError: as `image`; or the registry refuses to tell, or cannot be reached.
        """
        registry, repository = self._place(self.image(name).rpartition(":")[0])
        return registry.tags(repository)

    def digest(self, image: str) -> str | None:
        """The digest of the image with this full name, which may end with a tag or `@` and a digest; None if none is.

        Raises:
            HookError: the image would not be in this registry, which may refuse to tell, or cannot be reached.
        """
        if not self.holds(image):
            raise HookError(f"the image {image} is not of {self.context.address}", "use a name that image() gives")
        name, at, reference = image.partition("@")
        if not at:
            name, colon, reference = image.rpartition(":")
            if not colon or "/" in reference:
                name, reference = image, "latest"
        registry, repository = self._place(name)
        if not re.fullmatch(_NAME, repository) or not re.fullmatch(f"{_TAG}|{_DIGEST}", reference):
            raise HookError(f"'{image}' is no name of an image")
        return registry.digest(repository, reference)

    def login(self) -> tuple[str, str] | None:
        """The name and password that the registry is shown, where it asks for some."""
        return None

    def is_insecure(self) -> bool:
        """Whether it is spoken to by HTTP, although it is on another machine."""
        return False

    def _place(self, image: str) -> tuple[OciRegistry, str]:
        """The registry, and the repository of an image without its tag."""
        host, _, repository = image.partition("/")
        scheme = "http" if self.is_insecure() or is_local(host) else "https"
        return OciRegistry(f"{scheme}://{host}", self.login()), repository
