"""A container registry of Google Cloud."""

from __future__ import annotations

from stackspec.flavors.contract import setting
from stackspec.flavors.images.named_registry import PATH, NamedRegistry, ServiceLogin


class GcpContainerRegistry(NamedRegistry):
    """A repository of Google's Artifact Registry, which exists already."""

    flavor = "gcp"

    class Config(ServiceLogin):
        """Which one it is, and who logs in."""

        uri: str = setting(
            "The host, the project, and the repository.",
            pattern=f"^([a-z0-9-]{{2,40}}-docker[.]pkg[.]dev{PATH}{{2,8}}|([a-z]+[.])?gcr[.]io{PATH}{{1,8}})$",
            max_length=255,
            examples=["europe-west1-docker.pkg.dev/acme/training"],
        )

    config: Config
