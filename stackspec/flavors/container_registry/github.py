"""A container registry of GitHub."""

from __future__ import annotations

from stackspec.flavors.contract import setting
from stackspec.flavors.images.named_registry import PATH, NamedRegistry, ServiceLogin


class GithubContainerRegistry(NamedRegistry):
    """The container registry of GitHub's packages, which exists already."""

    flavor = "github"

    class Config(ServiceLogin):
        """Which one it is, and who logs in."""

        uri: str = setting(
            "`ghcr.io/`, the owner, and a path if there is any.",
            pattern=f"^ghcr[.]io{PATH}{{1,8}}$",
            max_length=255,
            examples=["ghcr.io/acme"],
        )

    config: Config
