"""Messages in a channel of Slack."""

from __future__ import annotations

from stackspec.flavors.alerter import Alerter
from stackspec.flavors.contract import FlavorConfig, HookError, Observation, setting
from stackspec.flavors.http.service import SAFE_ADDRESS, post_json

_BUSY = 429


class SlackAlerter(Alerter):
    """A channel of Slack, by a bot's token or an incoming webhook; nothing is made there."""

    flavor = "slack"
    is_remote = True
    occupies = frozenset()  # nothing is made

    class Config(FlavorConfig):
        """Either a webhook, or a token and a channel."""

        webhook_url: str | None = setting(
            "The address of an incoming webhook: who knows it may post.",
            default=None,
            sensitive=True,
            schema={"type": ["string", "null"], "pattern": SAFE_ADDRESS},
        )
        token: str | None = setting("A bot's token, with the scope chat:write.", default=None, sensitive=True)
        channel: str | None = setting(
            "The channel that the bot posts to: its id, or its name.", default=None, examples=["#alerts", "C0123456789"]
        )
        api_url: str = setting("The address of Slack's Web API.", default="https://slack.com/api", pattern=SAFE_ADDRESS)

    config: Config

    def post(self, message: str, title: str = "") -> None:
        text = _escaped(f"*{title}*\n{message}" if title else message)
        if self._webhook is None:
            self._call("chat.postMessage", channel=self.config.channel, text=text)
            return
        answer = post_json(self._webhook, {"text": text}, self.context, called="the webhook")
        if answer.status != 200:
            raise _refused(answer.status, answer.body.decode("utf-8", "replace").strip()[:60])

    def observe(self) -> Observation:
        """Ask whose the token is; a webhook cannot be tried but by posting."""
        if self._webhook is not None:
            return Observation(provisioned=True, detail="a webhook, not tried")
        try:
            team = self._call("auth.test").get("team", "Slack")
        except HookError as error:
            if self.context.cancelled.is_set() or not self.context.remaining():
                raise
            return Observation(provisioned=True, running=False, detail=error.message)
        return Observation(provisioned=True, running=True, detail=f"posts to {self.config.channel} of {team}")

    def provision(self) -> Alerter.Outputs:
        """Make nothing, and tell whether Slack takes the token; one that does not answer now may later."""
        if (seen := self.observe()).running is False:
            self.context.log(f"{self.context.address} cannot post: {seen.detail}")
        return self.Outputs(uri=f"slack:{self.config.channel or 'webhook'}")

    def update(self, previous: SlackAlerter) -> Alerter.Outputs:
        """Name the other."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    @property
    def _webhook(self) -> str | None:
        """The webhook, where that is the way.

        Raises:
            HookError: the config gives no way, or two.
        """
        config = self.config
        if (config.webhook_url is None) == (config.token is None or config.channel is None):
            raise HookError("it is not clear how to post to Slack", "set either webhook_url, or token and channel")
        return config.webhook_url

    def _call(self, method: str, **arguments: object) -> dict[str, str]:
        url, login = f"{self.config.api_url.rstrip('/')}/{method}", {"Authorization": f"Bearer {self.config.token}"}
        answer = post_json(url, arguments, self.context, called="Slack", headers=login)
        said = answer.json()
        if answer.status == 200 and isinstance(said, dict) and said.get("ok") is True:
            return said
        raise _refused(answer.status, str(said.get("error", ""))[:60] if isinstance(said, dict) else "")


def _refused(status: int, why: str) -> HookError:
    shown = why if why.replace("_", "").isalnum() else f"status {status}"
    hint = "look at the token, its scopes, and whether the bot is in the channel; or at the webhook"
    return HookError(f"Slack refuses ({shown})", hint, transient=status == _BUSY or status >= 500)


def _escaped(text: str) -> str:
    """What stands for itself: https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
