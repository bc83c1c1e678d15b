"""A container registry of Azure."""

from __future__ import annotations

from stackspec.flavors.contract import setting
from stackspec.flavors.images.named_registry import PATH, NamedRegistry, ServiceLogin


class AzureContainerRegistry(NamedRegistry):
    """An Azure container registry, which exists already."""

    flavor = "azure"

    class Config(ServiceLogin):
        """Which one it is, and who logs in."""

        uri: str = setting(
            "The registry's host, and a path if there is any.",
            pattern=f"^[a-z0-9]{{5,50}}[.]azurecr[.](io|cn|us){PATH}{{0,8}}$",
            max_length=255,
            examples=["acmeml.azurecr.io/training"],
        )

    config: Config
