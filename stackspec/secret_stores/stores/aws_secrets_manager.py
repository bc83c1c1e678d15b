"""Secrets in AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stackspec.secret_stores.aws import AwsSecretStore
from stackspec.secret_stores.contract import StoreError


class AwsSecretsManagerStore(AwsSecretStore):
    """Secrets by name or ARN, in their current version."""

    type = "aws_secrets_manager"
    path_form = "a name or ARN, or one with #FIELD of its JSON"

    service = "secretsmanager"
    title = "AWS Secrets Manager"
    action = "secretsmanager:GetSecretValue, and kms:Decrypt where the key is your own"
    at_most = 20
    missing = frozenset({"ResourceNotFoundException"})

    def several(self, client: Any, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        """See `AwsSecretStore.several`."""
        for answer in client.batch_get_secret_value(SecretIdList=list(names))["SecretValues"]:
            for name in {answer["Name"], answer["ARN"]}.intersection(names):
                yield name, _text(answer, name)

    def one(self, client: Any, name: str) -> str:
        """See `AwsSecretStore.one`."""
        return _text(client.get_secret_value(SecretId=name), name)


def _text(answer: Any, name: str) -> str:
    if "SecretString" in answer:
        text: str = answer["SecretString"]
        return text
    try:
        return bytes(answer["SecretBinary"]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise StoreError(f"'{name}' is not UTF-8 text", unfit=True) from error.with_traceback(None)
