"""Secrets in a password store of `pass`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from stackspec.secret_stores.contract import (
    Answer,
    Missing,
    Secret,
    SecretStore,
    StoreConfig,
    StoreError,
    each_alone,
    setting,
)
from stackspec.secret_stores.private_file import as_text, names_in
from stackspec.secret_stores.program import Program


class PassSecretStore(SecretStore):
    """The password store of `pass`: an entry's first line is its value, as the program has it."""

    type = "pass"
    path_form = "the name of an entry, such as team/db"

    class Config(StoreConfig):
        """Which password store it is."""

        directory: str | None = setting(
            "Its folder, relative to the project's root, or under an allowed path; by default PASSWORD_STORE_DIR, or "
            "~/.password-store.",
            default=None,
            path=True,
        )

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        folder = self._folder()
        program = Program(self.place, "pass", "pass", {"PASSWORD_STORE_DIR": str(folder)})
        return each_alone(lambda path: self._value(path, folder, program), paths)

    def _folder(self) -> Path:
        if self.config.directory is not None:
            return self.place.path(self.config.directory)
        usual = os.path.join(self.place.environ.get("HOME", "/nonexistent"), ".password-store")
        return Path(self.place.environ.get("PASSWORD_STORE_DIR") or usual)

    def _value(self, path: str, folder: Path, program: Program) -> Secret | Missing:
        if path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise StoreError(f"'{path}' leads out of the password store", unfit=True)
        if self.config.directory is not None:
            self.place.path(f"{self.config.directory}/{path}.gpg")  # a link in the project leads nowhere else
        # Of a folder the program prints what is in it, and what it says of an entry that is not there is for people.
        if not (folder / f"{path}.gpg").is_file():
            return self._missing(path, folder)
        said = program.output(["show", "--", path])
        if isinstance(said, int):
            hint = "run it by hand, and read what it says: the key may be missing, or locked, or the entry changed"
            raise StoreError(f"pass show '{path}' failed with exit code {said}", hint, unfit=True)
        return Secret(as_text(said.partition(b"\n")[0], f"the entry '{path}'"))

    def _missing(self, path: str, folder: Path) -> Missing:
        if not folder.is_dir():
            return Missing(f"there is no password store '{self.config.directory or folder}'")
        inner, slash, _ = path.rpartition("/")
        if self.config.directory is not None:
            self.place.path(f"{self.config.directory}/{inner}")
        names = names_in(folder / inner)
        if names is None:
            return Missing(f"the password store has no '{path}', nor a folder '{inner}'")
        entries = tuple(inner + slash + name.removesuffix(".gpg") for name in names if name.endswith(".gpg"))
        return Missing(f"the password store has no '{path}'", entries)
