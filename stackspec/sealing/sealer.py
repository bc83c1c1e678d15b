"""Seals values with secrets in them, and opens them for the hook that needs them."""

from __future__ import annotations

import json
import secrets as random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from hmac import compare_digest
from typing import TYPE_CHECKING

from stackspec.core.diagnostic import StackspecError
from stackspec.core.expression import (
    HIDDEN,
    ComponentOutput,
    Encrypted,
    Expression,
    ExpressionError,
    Hidden,
    Literal,
    Scope,
    Sealed,
    SecretReference,
    encrypted_in,
    reduce,
)
from stackspec.core.layout import LOCAL_FOLDER
from stackspec.core.own_variables import SECRETS_KEY_VARIABLE
from stackspec.core.secret import Redactor
from stackspec.core.values import Value, ValueMap, canonical, contains_sealed
from stackspec.secret_stores.values import SecretValues, Unavailable
from stackspec.state.codec import component_to_json
from stackspec.state.key_file import Key, KeyKind, find_key
from stackspec.state.local_folder import LocalFolder
from stackspec.state.model import AppliedComponent

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_KIND = KeyKind(
    noun="the key of secrets",
    file="secrets.key",
    variable=SECRETS_KEY_VARIABLE,
    code="SS0805",
    anew="make it yours alone: chmod 600 {}; if it is gone for good, each secret shows as changed once",
)

_LOST = "lost:"
"""The digest of what cannot be read."""

_OTHER_KEY = "it was recorded under a key of secrets that is not here"

Current = Callable[[SecretReference], SecretReference]
"""A reference to itself as the manifests have it now; one that they have no more stays what it is."""


class Sealer:
    """Seals and opens the values of one environment in one command.

    Args:
        redactor: Told of every value that is opened.
        shared: Whether other machines use the same state, so that a key of this one alone is no use.
    """

    def __init__(
        self, values: SecretValues, current: Current, local: LocalFolder, redactor: Redactor, *, shared: bool
    ) -> None:
        self.redactor = redactor
        self._values = values
        self._current = current
        self._local = local
        self._shared = shared
        self._lasting = False

    def keep_key(self) -> None:
        """From now on have the key last: what is sealed is going to be recorded."""
        self._lasting = True
        self.__dict__.pop("_key", None)

    @cached_property
    def _key(self) -> Key:
        found = find_key(_KIND, self._local, make=self._lasting and not self._shared)
        if found is None and self._shared:
            hint = f"set {SECRETS_KEY_VARIABLE} to the same text of 32 characters or more wherever the state is used"
            raise StackspecError.of("SS0805", "the state is shared, and there is no key to tell secrets by", hint=hint)
        # A plan alone leaves nothing behind: what is under this key is compared with nothing.
        return found or Key("this process", random.token_bytes(32))

    @property
    def key_id(self) -> str:
        """What tells the key from others: 8 hexadecimal digits."""
        return self._key.code("stackspec secrets: id", b"")[:8]

    def read(self, references: Iterable[SecretReference]) -> None:
        """Read secrets from their stores, all at once; what has no value is told when it is opened."""
        self._values.values(map(self._current, references))

    def seal(self, identity: str, expression: Expression) -> Sealed:
        """A value as plans and state may hold it.

        What was kept under a key that is lost is another value, and nobody can tell which (see `Sealed.is_rekeyed`).

        Args:
            identity: Of the component that it is for: digests of different components cannot be compared.

        Raises:
            StackspecError: a secret in it has no value here.
            ExpressionError: it cannot be evaluated.
        """
        if not all(map(self._can_read, encrypted_in(expression))):
            return Sealed(expression, _LOST)
        return Sealed(expression, self.digest(identity, self._value(expression)))

    def digest(self, identity: str, value: Value) -> str:
        """What tells a value from another of the component."""
        data = canonical([identity, value]).encode("utf-8", "surrogatepass")
        return f"{self.key_id}:{self._key.code('stackspec secrets: value', data)[:32]}"

    def proved(self, component: AppliedComponent) -> AppliedComponent:
        """The component as it is to be recorded, with the proof that it was recorded so by who has the key.

        Whoever can write the state could else have a secret sent wherever they like.
        """
        if not contains_sealed([component.config, component.outputs]):
            return replace(component, proof="")
        return replace(component, proof=f"{self.key_id}:{self._proof(component)}")

    def holds(self, component: AppliedComponent) -> bool:
        """Whether a recorded component is as it was recorded under the key that there is now."""
        if not component.proof and not contains_sealed([component.config, component.outputs]):
            return True
        return compare_digest(component.proof, f"{self.key_id}:{self._proof(component)}")

    def _proof(self, component: AppliedComponent) -> str:
        record = component_to_json(component)
        said = [component.address.type, *(record.get(name) for name in ("identity", "flavor", "config", "outputs"))]
        # The order of a mapping's keys is another once it was recorded.
        sealed = sorted(canonical(one) for one in record.get("sealed", ()) if one["at"][0] != "environment")
        data = canonical([*said, sealed]).encode("utf-8", "surrogatepass")
        return self._key.code("stackspec secrets: record", data)[:32]

    def config(self, component: AppliedComponent) -> ValueMap:
        """The config of a recorded component as it really is; for hooks only.

        Raises:
            StackspecError: a secret in it has no value here, or nobody can tell whether it was recorded so.
        """
        if contains_sealed(component.config):
            self._demand(component)
        opened: ValueMap = self.opened(component.config)
        return opened

    def outputs(self, component: AppliedComponent) -> ValueMap:
        """The outputs of a recorded component as they really are; raises as `config`."""
        if contains_sealed(component.outputs):
            self._demand(component)
        opened: ValueMap = self.opened(component.outputs)
        return opened

    def _demand(self, component: AppliedComponent) -> None:
        if not self.holds(component):
            changed = component.proof.startswith(f"{self.key_id}:")
            raise _lost("the record of it was changed by another than stackspec" if changed else _OTHER_KEY)

    def opened(self, value: Value) -> Value:
        """A value with what is sealed in it as it really is; for hooks only.

        Raises:
            StackspecError: a secret in it has no value here.
        """
        if isinstance(value, Sealed):
            try:
                return self._value(Encrypted(value.kept) if value.kept else value.expression)
            except ExpressionError as error:
                raise StackspecError.of(error.code, error.message, hint=error.hint) from error.with_traceback(None)
        if isinstance(value, Mapping):
            return {key: self.opened(item) for key, item in value.items()}
        return [self.opened(item) for item in value] if isinstance(value, list) else value

    def keeping(self, value: Value) -> Value:
        """A value with its secrets kept as they are now: of what a thing is and cannot change, such as its place.

        Whoever removes the thing later needs them so, whatever the secrets have become.

        Raises:
            StackspecError: a secret has no value here, or what encrypts is not installed.
        """
        if isinstance(value, Sealed):
            # What is kept already is what the thing was made with; its secrets may be others by now.
            return value if value.kept else replace(value, kept=self._token(self.opened(value)))
        if isinstance(value, Mapping):
            return {key: self.keeping(item) for key, item in value.items()}
        return [self.keeping(item) for item in value] if isinstance(value, list) else value

    def _can_read(self, encrypted: Encrypted) -> bool:
        try:
            self._decrypted(encrypted.token)
        except StackspecError as error:
            if any(one.code != _KIND.code for one in error.diagnostics):
                raise
            return False  # it was kept under a key that is lost
        return True

    def encrypted(self, identity: str, value: Value) -> Sealed:
        """A value that is not known from anywhere else, such as a sensitive output, for state to keep.

        Raises:
            StackspecError: there is no key, or what encrypts is not installed.
        """
        return Sealed(Encrypted(self._token(value)), self.digest(identity, value))

    def as_seen(self, identity: str, recorded: Value, seen: Value) -> Value:
        """What was seen of a field, for a plan to compare with what is recorded of it."""
        if contains_sealed(recorded):
            if canonical(self.opened(recorded)) == canonical(seen):
                return recorded
            # Nobody asks what exactly it is: that it is another is all that a plan tells.
            return Sealed(Literal(HIDDEN), self.digest(identity, seen))
        return HIDDEN if self.redactor.tells(seen) else seen

    def _value(self, expression: Expression) -> Value:
        found = reduce(expression, Scope({}, _no_output, {}, self._opened))
        assert isinstance(found, Literal), "everything in it is known"
        self.redactor.add(found.value)  # what is made of a secret tells as much as it does
        return found.value

    def _opened(self, hidden: Hidden) -> Literal:
        if isinstance(hidden, Encrypted):
            return Literal(self._decrypted(hidden.token))
        value = self._values.value(self._current(hidden))
        if isinstance(value, Unavailable):
            raise StackspecError.of(value.code, value.message, hint=value.hint)
        return Literal(value.reveal())

    def _decrypted(self, token: str) -> Value:
        cipher = self._cipher()
        from cryptography.fernet import InvalidToken

        try:
            return json.loads(cipher.decrypt(token.encode()))
        except InvalidToken:
            raise _lost(_OTHER_KEY) from None

    def _token(self, value: Value) -> str:
        return self._cipher().encrypt(canonical(value).encode("utf-8", "surrogatepass")).decode()

    def _cipher(self) -> Fernet:
        try:
            from cryptography.fernet import Fernet
        except ModuleNotFoundError as error:
            raise not_installed() from error
        from base64 import urlsafe_b64encode

        return Fernet(urlsafe_b64encode(self._key.derived("stackspec secrets: outputs")))


def not_installed() -> StackspecError:
    """The error where what encrypts is not installed."""
    message = "a value with a secret in it is kept encrypted, and the package 'cryptography' is not installed"
    return StackspecError.of("SS0602", message, hint="run: pip install 'stackspec[secrets]'")


def _lost(message: str) -> StackspecError:
    key = f"{LOCAL_FOLDER}/secrets.key or {SECRETS_KEY_VARIABLE}"
    return StackspecError.of(_KIND.code, message, hint=f"bring the key back, {key}; or apply, which records it anew")


def _no_output(reference: ComponentOutput) -> Expression:
    raise ExpressionError("SS0402", f"{reference} is not known")
