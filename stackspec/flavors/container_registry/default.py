"""A container registry that exists already."""

from __future__ import annotations

from stackspec.core.loopback import is_local
from stackspec.flavors.container_registry import ContainerRegistry
from stackspec.flavors.contract import FlavorConfig, Observation, setting
from stackspec.flavors.http.service import trouble

_LABEL = "[A-Za-z0-9-]{1,63}"
_PORT = ":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_URI = (
    # As in the name of an image: a host without a dot must be localhost or have a port, or else it is no host at all
    # but a name on Docker Hub.
    rf"^(((localhost|{_LABEL}(\.{_LABEL})+|\[[0-9A-Fa-f:.]{{2,45}}\])({_PORT})?)|{_LABEL}{_PORT})"
    r"(/[a-z0-9][a-z0-9._-]{0,127}){0,16}$"
)


class DefaultContainerRegistry(ContainerRegistry):
    """A registry that exists already, at any address that speaks the protocol of Docker registries."""

    flavor = "default"
    located_by = "uri"
    occupies = frozenset()  # nothing is made

    class Config(FlavorConfig):
        """Where a registry is."""

        uri: str = setting(
            "The prefix of image names: the host, and a port and a path in lower case if there are any. No scheme.",
            pattern=_URI,
            max_length=255,
            examples=["localhost:5000/team", "ghcr.io/acme"],
        )
        insecure: bool = setting(
            "Whether to speak HTTP instead of HTTPS. This machine's own addresses, localhost, 127.0.0.1 and [::1], "
            "are always spoken to by HTTP.",
            default=False,
        )
        username: str | None = setting("Who asks it what it holds, where it wants to know.", default=None)
        password: str | None = setting(
            "The password, or a token, of `username`. What builds and pulls images logs in by itself.",
            default=None,
            sensitive=True,
        )

    config: Config

    def observe(self) -> Observation:
        """Ask the registry for its version of the protocol.

        Raises:
            HookError: there was no time left to ask.
        """
        trouble = self._trouble()
        return Observation(provisioned=True, running=not trouble, detail=trouble or f"{self._address()} answers")

    def provision(self) -> ContainerRegistry.Outputs:
        """Make nothing, and tell whether the registry answers.

        One that does not is no failure, as it may be back before it is needed.

        Raises:
            HookError: there was no time left to ask.
        """
        if trouble := self._trouble():
            self.context.log(f"the registry {self.config.uri} is not reachable: {trouble}")
        return self.Outputs(uri=self.config.uri)

    def update(self, previous: DefaultContainerRegistry) -> ContainerRegistry.Outputs:
        """Name the other address."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    def login(self) -> tuple[str, str] | None:
        return (self.config.username, self.config.password or "") if self.config.username else None

    def is_insecure(self) -> bool:
        return self.config.insecure

    def _host(self) -> str:
        return self.config.uri.partition("/")[0]

    def _address(self) -> str:
        scheme = "http" if self.config.insecure or is_local(self._host()) else "https"
        return f"{scheme}://{self._host()}/v2/"

    def _trouble(self) -> str:
        """Why the registry does not serve; empty where it does, also to nobody who has not logged in."""
        return trouble(self._address(), self.context, serving=(200, 401))
