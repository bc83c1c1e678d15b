"""Deployers: they serve whole pipelines."""

from __future__ import annotations

import json
from abc import ABC
from typing import Any, ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting
from stackspec.flavors.http.request import Answer, request


class Deployer(Flavor, ABC):
    """The parent of every deployer flavor."""

    type: ClassVar[str] = "deployer"

    class Outputs(FlavorOutputs):
        """What every deployer tells other components."""

        uri: str = setting("Where deployments are made, as a URI.")

    def call(self, path: str, data: Any = None, timeout: float = 60.0) -> Answer:
        """Ask what is deployed: by POST with data, as JSON has it, and by GET without any.

        Args:
            path: Below the component's `uri`.
            timeout: Seconds given to it.

        Raises:
            HookError: the component is not provisioned, or what is deployed cannot be reached.
        """
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        url = f"{self.context.outputs['uri'].rstrip('/')}/{path.lstrip('/')}"
        if data is None:
            return request("GET", url, timeout=timeout)
        headers = {"Content-Type": "application/json"}
        return request("POST", url, body=json.dumps(data).encode(), headers=headers, timeout=timeout)
