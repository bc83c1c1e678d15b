"""A data validator whose suites are files in a directory of this machine: a suite is what data is checked against."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

from stackspec.core.whole_file import write_whole
from stackspec.flavors.contract import FlavorConfig, FlavorOutputs, HookError, Observation, setting
from stackspec.flavors.data_validator import DataValidator, Failure, Report
from stackspec.flavors.extras import require_extra
from stackspec.flavors.owned.directory import DirectoryFlavor

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_EXAMPLES = 5


class SuiteFolder(DirectoryFlavor, DataValidator, ABC):
    """The parent of a flavor that is a library and a directory of suites: what the library does is the flavor's.

    Attributes:
        package: The module of the library.
        suffix: What the names of its suites' files end with.
    """

    package: ClassVar[str]
    suffix: ClassVar[str]
    occupies = frozenset({"path"})

    class Config(FlavorConfig):
        """A directory of suites."""

        path: str | None = setting(
            "The directory of the suites, a file each; one that was there before is used, and never deleted. Null for "
            "a private one.",
            default=None,
            path=True,
            requires_replacement=True,
            min_length=1,
            examples=["./suites"],
        )
        delete_data: bool = setting(
            "Whether removing the component removes the suites too. Without it a directory that holds any is kept, a "
            "private one as well.",
            default=False,
        )

    config: Config

    @abstractmethod
    def parsed(self, text: str) -> Any:
        """What the text of a suite says, without the library.

        Raises:
            ValueError: it is no such text.
        """

    @abstractmethod
    def suite(self, name: str, text: str) -> Any:
        """The library's own object for a suite. What it raises is told as what is wrong with the suite."""

    @abstractmethod
    def check(self, frame: Any, suite: Any) -> list[Failure]:
        """What a data frame of pandas does not pass; it stays as it is."""

    @property
    def place(self) -> str | None:
        """The directory of suites."""
        return self.config.path

    @property
    def delete_contents(self) -> bool:
        """As the config says, in the private folder too: suites are the work of people."""
        return self.config.delete_data

    def observe(self) -> Observation:
        """See whether the directory is there, which suites are in it, and which of them nobody can read."""
        seen = super().observe()
        if not seen.provisioned:
            return seen
        broken = [name for name in self._names() if not self._is_readable(name)]
        told = f"{len(self._names())} suite(s)"
        if broken:
            told += f", of which cannot be read: {', '.join(broken)}"
        return Observation(provisioned=True, detail=f"{told}; the directory {seen.detail}")

    def provision(self) -> FlavorOutputs:
        """Make the directory, or take the one that is there, once the library is known to be."""
        self._require()
        return super().provision()

    def update(self, previous: Self) -> FlavorOutputs:
        """Nothing that changes in place touches the directory: see to it that it is there."""
        return self.provision()

    def suites(self) -> list[str]:
        """The names of the suites that there are, sorted."""
        self._provisioned()
        return self._names()

    def define(self, suite: str, text: str) -> None:
        """Keep a suite, once the library understands it."""
        self._provisioned()
        file = self._file(suite)
        self._built(suite, text)
        try:
            write_whole(file, text.encode(), 0o666)
        except OSError as error:
            raise HookError(f"cannot write {file}: {error.strerror}") from error

    def validate(self, data: Any, suite: str) -> Report:
        """What a suite finds of some data, which is copied first: a schema may change what it checks."""
        self._provisioned()
        try:
            text = self._file(suite).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            known = ", ".join(self._names()) or "none"
            raise HookError(f"{self.context.address} has no suite '{suite}'", f"there are: {known}") from error
        except (OSError, ValueError) as error:
            raise HookError(f"{self._file(suite)} cannot be read: {type(error).__name__}") from error
        built = self._built(suite, text)
        import pandas

        frame = data.copy() if isinstance(data, pandas.DataFrame) else pandas.DataFrame(list(data))
        try:
            return Report(suite, tuple(self.check(frame, built)))
        except Exception as error:  # a library's own kinds
            why = " ".join(str(error).split())[:300]
            raise HookError(f"{self.package} cannot check the data by '{suite}': {why}") from error

    def _require(self) -> None:
        require_extra(self.extra or "", self.package, "pandas")

    def _provisioned(self) -> None:
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")

    def _built(self, name: str, text: str) -> Any:
        self._require()
        try:
            self.parsed(text)
            return self.suite(name, text)
        except Exception as error:  # a library's own kinds, of which there are many
            why = " ".join(str(error).split())[:300]
            hint = f"write it as the documentation of {self.package} says"
            raise HookError(f"'{name}' of {self.context.address} is no suite: {why}", hint) from error

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise HookError(f"'{name}' cannot be the name of a suite", "use letters, digits, '_', '-' and '.'")
        return self._directory().path / f"{name}{self.suffix}"

    def _names(self) -> list[str]:
        files = self._directory().path.glob(f"[!.]*{self.suffix}")
        return sorted(file.name.removesuffix(self.suffix) for file in files)

    def _is_readable(self, name: str) -> bool:
        try:
            self.parsed((self._directory().path / f"{name}{self.suffix}").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return True


def examples(values: Any) -> tuple[Any, ...]:
    """Some of the values that do not pass, each as Python has it."""
    some = list(values)[:_EXAMPLES]
    return tuple(one.item() if hasattr(one, "item") else one for one in some)
