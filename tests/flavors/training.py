"""What runs on a stack, written against the parent class of experiment trackers."""

from __future__ import annotations

import pytest

from stackspec.flavors.experiment_tracker import ExperimentTracker


def train(tracker: ExperimentTracker) -> tuple[str, str]:
    """Record a run that ends well and one that fails; their ids."""
    with tracker.run("train", experiment="ours") as good:
        good.log_parameters({"depth": 3, "kind": "tree"} | {f"p{n}": n for n in range(150)})
        good.log_metrics({"loss": 0.5, "odd": float("nan")})
        good.log_metrics({"loss": 0.25}, step=1)
        good.tag("stage", "first")
    assert good.url.startswith(f"{tracker.context.outputs['uri']}/")
    with pytest.raises(ZeroDivisionError), tracker.run("fails", experiment="ours") as bad:
        raise ZeroDivisionError
    return good.id, bad.id
