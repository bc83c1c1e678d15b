"""Secrets in a file that GnuPG encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from stackspec.secret_stores.contract import Missing, Secret, SecretStore, StoreConfig, StoreError, setting
from stackspec.secret_stores.document import PATH_FORM, format_of, read_document, value_at
from stackspec.secret_stores.private_file import read_private
from stackspec.secret_stores.program import Program


class GpgSecretStore(SecretStore):
    """A file that GnuPG encrypted as a whole, with YAML, JSON or lines `NAME=value` in it; `gpg` opens it."""

    type = "gpg"
    extra = "gpg"
    path_form = PATH_FORM

    class Config(StoreConfig):
        """Which file it is."""

        path: str = setting("The file; relative to the project's root, or under an allowed path.", path=True)
        format: Literal["auto", "dotenv", "yaml", "json"] = setting(
            "How the file holds its values; by default as its name tells: `db.yaml.gpg`.", default="auto"
        )

    def read(self, paths: Sequence[str]) -> Mapping[str, Secret | Missing]:
        """See `SecretStore.read`."""
        name = self.config.path
        if read_private(self.place, name, encrypted=True) is None:
            return dict.fromkeys(paths, Missing(f"there is no file '{name}'"))
        form = format_of(name, self.config.format)
        gpg = Program(self.place, "gpg", "gnupg")
        said = gpg.output(["--batch", "--quiet", "--no-tty", "--decrypt", "--", str(self.place.path(name))])
        if isinstance(said, int):
            hint = "run it by hand, and read what it says: the key may be missing, or locked, or the file changed"
            raise StoreError(f"gpg --decrypt of '{name}' failed with exit code {said}", hint, unfit=True)
        document = read_document(said, form, f"'{name}'")
        return {path: value_at(document, path) for path in paths}
