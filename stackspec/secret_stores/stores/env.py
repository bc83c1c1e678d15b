"""Secrets in the variables of the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackspec.secret_stores.contract import Answer, Missing, Secret, SecretStore, StoreConfig, each_alone, setting


class EnvSecretStore(SecretStore):
    """The variables of the process, as CI systems hand secrets to a job."""

    type = "env"
    is_local = True
    path_form = "the name of a variable"

    class Config(StoreConfig):
        """How variables are called."""

        prefix: str = setting("What each path is prefixed with.", default="")

    @classmethod
    def variable_of(cls, config: Mapping[str, Any], path: str) -> str:
        """See `SecretStore.variable_of`."""
        return f"{config.get('prefix', '')}{path}"

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        return each_alone(self._value, paths)

    def _value(self, path: str) -> Secret | Missing:
        name = self.variable_of({"prefix": self.config.prefix}, path)
        text = self.place.variable(name)
        # Which others there are is nobody's business who reads a log.
        return Missing(f"the variable {name} is not set") if text is None else Secret(text)
