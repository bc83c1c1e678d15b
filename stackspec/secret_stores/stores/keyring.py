"""Secrets in the keyring of whoever runs the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackspec.secret_stores.contract import Answer, Missing, Secret, SecretStore, StoreConfig, StoreError, setting


class KeyringSecretStore(SecretStore):
    """The keyring of the desktop or system, as the Python package `keyring` finds it.

    Which one that is, the package's own settings say: a manifest cannot.
    """

    type = "keyring"
    extra = "keyring"
    path_form = "the name of a user of the service"

    class Config(StoreConfig):
        """Whose passwords they are."""

        service: str = setting("The service that the passwords are for.", min_length=1)

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        return {path: self._value(path) for path in paths}

    def _value(self, path: str) -> Answer:
        from keyring import get_password
        from keyring.errors import KeyringError, KeyringLocked, NoKeyringError

        service = self.config.service
        try:
            value = get_password(service, path)
        except NoKeyringError:
            hint = "use another store here, or install a backend: https://keyring.readthedocs.io"
            raise StoreError("this machine has no keyring", hint) from None
        except KeyringLocked:
            raise StoreError("the keyring is locked", "unlock it, then run the command again") from None
        except KeyringError as error:
            # Backends put into the text what they like.
            return StoreError(f"the keyring does not give '{path}': {type(error).__name__}")
        return Missing(f"the keyring has no '{path}' for '{service}'") if value is None else Secret(value)
