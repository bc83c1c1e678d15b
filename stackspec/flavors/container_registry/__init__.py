"""Container registries: they keep container images."""

from __future__ import annotations

import re
from abc import ABC
from typing import ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting

_PART = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
_NAME = f"{_PART}(?:/{_PART})*"
_TAG = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"


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
