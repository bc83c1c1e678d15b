"""A container registry of a service that anybody may use: named, looked at and never changed."""

from __future__ import annotations

from typing import ClassVar

from stackspec.flavors.container_registry import ContainerRegistry
from stackspec.flavors.contract import FlavorConfig, Observation, setting
from stackspec.flavors.http.service import trouble

PATH = "(/[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?)"
"""A part of a path in the name of an image, as a regular expression."""


class ServiceLogin(FlavorConfig):
    """Who logs in."""

    username: str | None = setting("Who logs in to push, and to pull what is not everybody's.", default=None)
    password: str | None = setting("Its password, or a token.", default=None, sensitive=True)


class NamedRegistry(ContainerRegistry):
    """The parent of a flavor that is the registry of a service, whose config has a `uri` and a login.

    Attributes:
        answers_at: The host that speaks the protocol, where it is not that of the names of images.
    """

    is_remote = True
    occupies = frozenset()  # nothing is made
    answers_at: ClassVar[str | None] = None

    def observe(self) -> Observation:
        """Ask the registry for its version of the protocol."""
        why = self._trouble()
        return Observation(provisioned=True, running=not why, detail=why or f"{self._address} answers")

    def provision(self) -> ContainerRegistry.Outputs:
        """Make nothing, and tell whether the registry answers; what does not now may before it is needed."""
        if why := self._trouble():
            self.context.log(f"the registry {self.config.uri} is not reachable: {why}")
        return self.Outputs(uri=self.config.uri)

    def update(self, previous: NamedRegistry) -> ContainerRegistry.Outputs:
        """Name the other."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    def login(self) -> tuple[str, str] | None:
        """Those of the config, where it has both."""
        user, password = self.config.username, self.config.password
        return (user, password) if user and password else None

    @property
    def _address(self) -> str:
        return f"https://{self.answers_at or self.config.uri.partition('/')[0]}/v2/"

    def _trouble(self) -> str:
        return trouble(self._address, self.context, serving=(200, 401))
