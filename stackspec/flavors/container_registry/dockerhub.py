"""A container registry of Docker Hub."""

from __future__ import annotations

from stackspec.flavors.contract import setting
from stackspec.flavors.images.named_registry import PATH, NamedRegistry, ServiceLogin


class DockerhubContainerRegistry(NamedRegistry):
    """An account of Docker Hub, which exists already."""

    flavor = "dockerhub"
    answers_at = "registry-1.docker.io"

    class Config(ServiceLogin):
        """Which one it is, and who logs in."""

        uri: str = setting(
            "`docker.io/` and the account.",
            pattern=f"^docker[.]io{PATH}$",
            max_length=255,
            examples=["docker.io/acme"],
        )

    config: Config
