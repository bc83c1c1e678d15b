"""What runs on a stack, written against the parent class of model deployers."""

from __future__ import annotations

from stackspec.flavors.model_deployer import ModelDeployer


def ask(model: ModelDeployer) -> None:
    """Ask a model that says of each row twice its sum."""
    assert [float(one) for one in model.predict([[1, 2], [3, 4]])] == [6.0, 14.0]
    assert [float(one) for one in model.predict([{"a": 1, "b": 2}])] == [6.0]
