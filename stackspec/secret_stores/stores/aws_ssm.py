"""Secrets in AWS Systems Manager Parameter Store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stackspec.secret_stores.aws import AwsSecretStore


class AwsSsmStore(AwsSecretStore):
    """Parameters by name or ARN, decrypted."""

    type = "aws_ssm"
    path_form = "a parameter's name or ARN, or one with #FIELD of its JSON"

    service = "ssm"
    title = "AWS Parameter Store"
    action = "ssm:GetParameters and ssm:GetParameter, and kms:Decrypt where the key is your own"
    at_most = 10
    missing = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})

    def several(self, client: Any, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        """See `AwsSecretStore.several`."""
        # Of an ARN, a version or a label the answer has the bare name, which may be another one's: those go alone.
        bare = [name for name in names if ":" not in name]
        if bare:
            for parameter in client.get_parameters(Names=bare, WithDecryption=True)["Parameters"]:
                yield parameter["Name"], parameter["Value"]

    def one(self, client: Any, name: str) -> str:
        """See `AwsSecretStore.one`."""
        text: str = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        return text
