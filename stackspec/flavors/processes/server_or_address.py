"""A server of this machine, or one that exists already and is only looked at: the config's `uri` tells which."""

from __future__ import annotations

from abc import ABC

from stackspec.flavors.contract import FlavorOutputs, Observation
from stackspec.flavors.http import service
from stackspec.flavors.processes.server_flavor import ServerFlavor

ADDRESS = "^https?://[^/@?#\\s]+(/[^@?#\\s]*)?$"
"""The pattern of the config field `uri`."""


class ServerOrAddress(ServerFlavor, ABC):
    """The parent of a flavor that is a `ServerFlavor` where its config's `uri` is null.

    Where it is not, the server there is looked at and never changed.
    """

    located_by = "uri"
    imports_unless = "uri"

    def credentials(self) -> tuple[str | None, ...]:
        """What the server of `uri` is shown of what nobody else may read."""
        return ()

    def observe(self) -> Observation:
        """See whether the server runs and serves, whosever it is."""
        if self.config.uri is None:
            return super().observe()
        why = self.trouble()
        return Observation(provisioned=True, running=not why, detail=why or f"{self.config.uri} answers")

    def provision(self) -> FlavorOutputs:
        """Have a server of ours run; of one that exists tell whether it serves, which it may before it is needed.

        Raises:
            HookError: one that exists would be shown credentials without encryption.
        """
        if self.config.uri is None:
            return super().provision()
        service.refuse_in_the_clear(self.config.uri, *self.credentials())
        if why := self.trouble():
            self.context.log(f"{self.context.address} does not serve: {why}")
        return self.outputs(self.config.uri.rstrip("/"))

    def suspend(self) -> None:
        """Stop the server where it is ours."""
        if self.config.uri is None:
            super().suspend()

    def deprovision(self) -> None:
        """Stop the server and remove what is ours; of one that exists nothing is."""
        if self.config.uri is None:
            super().deprovision()

    def trouble(self) -> str:
        """Why a server that exists does not serve; empty where it does.

        Raises:
            HookError: there was no time left to ask, or the user insists on stopping.
        """
        url = f"{self.config.uri.rstrip('/')}{self.health}"
        return service.trouble(url, self.context, serving=(200, 401, 403))
