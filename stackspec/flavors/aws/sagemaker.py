"""Amazon SageMaker, an account's own, in which steps run as jobs; what exists is looked at and never changed."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import unquote

from stackspec.flavors.aws.client import client_of, reporting, unless
from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, StackRule, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.http.observed_service import ObservedService


class SagemakerJobs(ObservedService):
    """The parent of a flavor whose steps run in SageMaker, before the component type among a flavor's parents."""

    extra = "sagemaker"
    imports = ("boto3",)
    requirements = ("boto3>=1.36", "sagemaker>=2")
    is_remote = True
    runs_in_image = True
    stack_rules: ClassVar[tuple[StackRule, ...]] = (
        StackRule(type="artifact_store", why="passes data between steps in buckets of S3", flavors=("s3",)),
        StackRule(
            type="container_registry", why="pulls its images from Amazon's registry only", flavors=("aws", "external")
        ),
        StackRule(type="image_builder", why="runs steps in images that it builds"),
    )

    class Config(FlavorConfig):
        """An account's region, and the role that steps take on."""

        region: str = setting("The region.", pattern="^[a-z]{2}(-[a-z]+)+-[0-9]$", examples=["eu-central-1"])
        execution_role: str = setting(
            "The ARN of the role that steps take on; it must trust `sagemaker.amazonaws.com`.",
            pattern="^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$",
            examples=["arn:aws:iam::123456789012:role/training"],
        )
        instance_type: str = setting(
            "The kind of machine of a step that does not say.",
            default="ml.m5.xlarge",
            pattern="^ml\\.[a-z0-9-]+\\.[a-z0-9]+$",
        )
        profile: str | None = setting(
            "The profile of the AWS tools whose credentials are used; by default those of the environment.",
            default=None,
        )
        endpoint_url: str | None = setting(
            "The address of what stands for AWS; null for AWS itself.", default=None, pattern="^https?://[^/@\\s]+/?$"
        )

    class Outputs(FlavorOutputs):
        """Where steps run."""

        uri: str = setting("The address of SageMaker's API, where steps are submitted.")
        region: str = setting("The region.")
        execution_role: str = setting("The ARN of the role that steps take on.")

    config: Config

    def outputs(self) -> FlavorOutputs:
        """Where steps run."""
        config = self.config
        suffix = "com.cn" if config.region.startswith("cn-") else "com"
        uri = config.endpoint_url or f"https://api.sagemaker.{config.region}.amazonaws.{suffix}"
        outputs: type[FlavorOutputs] = self.Outputs
        return outputs.from_value({"uri": uri, "region": config.region, "execution_role": config.execution_role})

    def look(self) -> str:
        """Whether the credentials hold, the role is there and trusts SageMaker, and SageMaker answers."""
        require_imports(self)
        config = self.config
        role, service = config.execution_role, config.endpoint_url or f"AWS in {config.region}"
        with reporting("SageMaker", service):
            sts, iam, sagemaker = (client_of(one, config, self.context) for one in ("sts", "iam", "sagemaker"))
            who = str(sts.get_caller_identity()["Arn"])
            found = unless({"NoSuchEntity"}, iam.get_role, RoleName=role.rpartition("/")[2])
            sagemaker.list_training_jobs(MaxResults=1)
        if found is None:
            raise HookError(f"there is no role {role}", "make it, or set execution_role to one")
        found = found["Role"]
        if found["Arn"] != role:
            raise HookError(f"there is no role {role}, but {found['Arn']}", "set execution_role to that ARN")
        if "sagemaker.amazonaws.com" not in unquote(str(found.get("AssumeRolePolicyDocument", ""))):
            hint = "have its trust policy allow sts:AssumeRole to sagemaker.amazonaws.com"
            raise HookError(f"SageMaker may not take on the role {role}", hint)
        return f"SageMaker in {config.region} answers {who}"
