"""Messages by whatever service Apprise knows: mail, chat, telephone, a webhook."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from stackspec.flavors.alerter import Alerter
from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.hook_time import in_time


class AppriseAlerter(Alerter):
    """Services that Apprise knows (https://github.com/caronc/apprise/wiki); nothing is made there."""

    flavor = "apprise"
    extra = "apprise"
    imports = ("apprise",)
    requirements = ("apprise>=1.9",)
    is_remote = True
    occupies = frozenset()  # nothing is made

    class Config(FlavorConfig):
        """Whom a message is sent to."""

        urls: tuple[str, ...] = setting(
            "The services, as Apprise's URLs; each gets every message. They hold credentials.",
            sensitive=True,
            min_items=1,
            examples=[["mailtos://user:password@example.org?to=team@example.org"]],
        )

    config: Config

    def post(self, message: str, title: str = "") -> None:
        services = list(self._services())

        def send() -> list[str]:
            return [name for name, one in services if not one.notify(body=message, title=title)]

        if failed := in_time(send, self.context):
            told = ", ".join(failed)
            raise HookError(f"{len(failed)} of {len(services)} services did not take the message: {told}", _HINT)

    def observe(self) -> Observation:
        """See whether Apprise knows the services; whether they take a message only a message would tell."""
        names = [name for name, _ in self._services()]
        return Observation(provisioned=True, detail=f"by {', '.join(names)}")

    def provision(self) -> Alerter.Outputs:
        """Make nothing, and refuse what Apprise does not know."""
        names = [name for name, _ in self._services()]
        return self.Outputs(uri=f"apprise:{','.join(names)}")

    def update(self, previous: AppriseAlerter) -> Alerter.Outputs:
        """Name the others."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    def _services(self) -> Iterator[tuple[str, Any]]:
        """The name of each service, and what sends to it.

        Raises:
            HookError: Apprise knows no such service, or is not installed.
        """
        require_imports(self)
        # Without a handler of its own, Python would write down for it what it says of addresses.
        log = logging.getLogger("apprise")
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        import apprise

        for number, url in enumerate(self.config.urls, 1):
            one = apprise.Apprise()
            if not one.add(url):
                raise HookError(f"Apprise does not know the service that URL {number} of 'urls' names", _HINT)
            yield url.partition("://")[0], one


_HINT = "look at the URL: https://github.com/caronc/apprise/wiki"
