"""Model deployers: they serve models."""

from __future__ import annotations

import json
from abc import ABC
from typing import Any, ClassVar

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookError, setting
from stackspec.flavors.http.request import request


class ModelDeployer(Flavor, ABC):
    """The parent of every model_deployer flavor."""

    type: ClassVar[str] = "model_deployer"

    class Outputs(FlavorOutputs):
        """What every model_deployer tells other components."""

        uri: str = setting("The model server, as an HTTP URL.")

    def predict(self, data: Any, timeout: float = 60.0) -> Any:
        """What the model says of some data.

        Args:
            data: As JSON has it: rows, each a list of numbers or texts, or a mapping from a column's name to its value.
            timeout: Seconds given to the server.

        Returns:
            As JSON has it: for rows a list with one prediction for each, in their order.

        Raises:
            HookError: the component is not provisioned, its flavor cannot ask, or the server refuses or is not there.
        """
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        path, asked = self.question(data)
        url = f"{self.context.outputs['uri'].rstrip('/')}/{path}"
        headers = {"Content-Type": "application/json"}
        answer = request("POST", url, body=json.dumps(asked).encode(), headers=headers, timeout=timeout)
        if answer.status != 200:
            why = answer.body[:500].decode("utf-8", "replace")
            raise HookError(f"{url} answers with status {answer.status}: {why}", transient=answer.status >= 500)
        return self.answer(answer.json())

    def question(self, data: Any) -> tuple[str, Any]:
        """The path of the server that predicts, and what is sent there, as JSON has it.

        Raises:
            HookError: the flavor does not know.
        """
        what = f"{self.context.address} is of the flavor {self.flavor}, which does not know how its server is asked"
        raise HookError(what, "use the client of what is at its uri, or another flavor")

    def answer(self, told: Any) -> Any:
        """The predictions in what the server answers."""
        return told
