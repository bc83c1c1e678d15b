"""The component types, as data: a new type is one row here and a folder for its flavors."""

from __future__ import annotations

from collections.abc import Mapping

from stackspec.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ComponentType:
    """A role that a component plays in a stack; `many` types may stand in a stack as a list, the first the default."""

    name: str
    description: str
    many: bool = False


COMPONENT_TYPES: Mapping[str, ComponentType] = {
    one.name: one
    for one in (
        ComponentType("orchestrator", "Runs the steps of a pipeline in their order."),
        ComponentType("artifact_store", "Keeps the data that steps pass to each other."),
        ComponentType("metadata_store", "Keeps what is known of runs, steps and artifacts."),
        ComponentType("container_registry", "Keeps container images."),
        ComponentType("secrets_manager", "Keeps secrets for what runs on the stack."),
        ComponentType("step_operator", "Runs single steps on other machines.", many=True),
        ComponentType("experiment_tracker", "Records parameters, metrics and models of experiments.", many=True),
        ComponentType("model_deployer", "Serves models."),
        ComponentType("feature_store", "Serves features for training and prediction."),
        ComponentType("alerter", "Tells people.", many=True),
        ComponentType("annotator", "Lets people label data."),
        ComponentType("data_validator", "Checks data."),
        ComponentType("image_builder", "Builds container images."),
        ComponentType("model_registry", "Names and versions models."),
        ComponentType("deployer", "Serves whole pipelines."),
        ComponentType("log_store", "Keeps the logs of runs."),
        ComponentType("sandbox", "Runs untrusted code apart.", many=True),
    )
}
"""Component type name to the type, in the order in which documentation lists them."""
