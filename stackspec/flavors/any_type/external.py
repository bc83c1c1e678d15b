"""What exists already, and is somebody else's: named, looked at and never changed."""

from __future__ import annotations

from stackspec.flavors.contract import Flavor, FlavorConfig, FlavorOutputs, Observation, setting
from stackspec.flavors.http.service import trouble


class External(Flavor):
    """What exists already, and is somebody else's: nothing is made, changed or removed."""

    flavor = "external"
    located_by = "uri"
    occupies = frozenset()  # nothing is made

    class Config(FlavorConfig):
        """Where it is."""

        uri: str = setting(
            "What other components read as its output `uri`.",
            min_length=1,
            examples=["https://mlflow.example.org", "s3://bucket/prefix"],
        )
        health: str | None = setting(
            "An HTTP address that answers with a status from 200 to 399 as long as it serves; where there is none it "
            "is taken to.",
            default=None,
            pattern="^https?://[^\\s]+$",
            examples=["https://mlflow.example.org/health"],
        )

    config: Config

    def observe(self) -> Observation:
        """Ask whether it serves, where there is somebody to ask."""
        if self.config.health is None:
            return Observation(provisioned=True, detail="somebody else's, not looked at")
        why = self._trouble(self.config.health)
        return Observation(provisioned=True, running=not why, detail=why or f"{self.config.health} answers")

    def provision(self) -> FlavorOutputs:
        """Make nothing, and tell whether it serves; what does not now may before it is needed."""
        if self.config.health is not None and (why := self._trouble(self.config.health)):
            self.context.log(f"does not serve: {why}")
        return self.Outputs.from_value({"uri": self.config.uri})

    def update(self, previous: External) -> FlavorOutputs:
        """Name another."""
        return self.provision()

    def deprovision(self) -> None:
        """Nothing was made, and nothing is removed."""

    def _trouble(self, url: str) -> str:
        return trouble(url, self.context, serving=range(200, 400))
