"""What every secret store must do, as tests to inherit.

class TestMine(StoreConformance):
@pytest.fixture
def case(self, tmp_path):
return StoreCase(lambda paths: {...}, config={...}, place=...)
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stackspec.core.expression import SecretReference, SecretSource
from stackspec.core.secret import Redactor, Secret
from stackspec.secret_stores.contract import StorePlace
from stackspec.secret_stores.values import SecretValues, Unavailable


@dataclass
class StoreCase:
    """A store under test.

    Attributes:
        type: The type of store, as manifests say it.
        put: Has the store hold values: path to value, besides what it holds already.
        config: What a manifest says under `config`.
        odd: Values that the store must give back as they are, beside the usual ones.
    """

    type: str
    put: Callable[[Mapping[str, str]], None]
    root: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    allowed_paths: tuple[Path, ...] = ()

    def values(self, redactor: Redactor | None = None) -> SecretValues:
        """The values of a new command."""

        def place(seconds: float) -> StorePlace:
            return StorePlace(self.root, self.allowed_paths, self.environ, seconds)

        return SecretValues(place, redactor or Redactor())

    def reference(self, path: str, key: str = "key") -> SecretReference:
        """What an expression becomes that names a value of the store."""
        return SecretReference("name", key, SecretSource(self.type, self.config, path))

    def read(self, path: str) -> str | Unavailable:
        """The value at a path, or why there is none."""
        found = self.values().value(self.reference(path))
        return found.reveal() if isinstance(found, Secret) else found

    def read_together(self, *paths: str) -> list[str | Unavailable]:
        """The values at several paths, each another, or why there is none; all asked for at once."""
        found = self.values().values(self.reference(path, path) for path in paths)
        return [one.reveal() if isinstance(one, Secret) else one for one in found.values()]


class StoreConformance:
    """The tests; a store's own tests inherit them and say what the case is."""

    @pytest.fixture
    @abstractmethod
    def case(self, tmp_path: Path) -> StoreCase:
        """The store, with nothing of its own in it."""

    @pytest.fixture
    def paths(self) -> tuple[str, str, str]:
        """Three paths that the store may hold values at; nothing is ever put at the last."""
        return ("FIRST", "SECOND", "NOWHERE")

    ODD = ("'\"", "{{ secrets.x.y }}", "{% if %}", "%41%s\\n", "a b", "ünïcödé ✓ 🔑", "-----", "#no comment", "$HOME")
    """Values that a store must not take apart."""

    def test_a_value_is_what_was_put(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "a value", paths[1]: "another"})
        assert case.read(paths[0]) == "a value"
        assert case.read(paths[1]) == "another"

    @pytest.mark.parametrize("value", ODD)
    def test_no_value_is_taken_apart(self, value: str, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: value})
        assert case.read(paths[0]) == value

    def test_what_is_missing_is_told_by_its_path_and_nothing_else(
        self, case: StoreCase, paths: tuple[str, str, str]
    ) -> None:
        case.put({paths[0]: "the-value-that-nobody-may-see"})
        answer = case.read(paths[2])
        assert isinstance(answer, Unavailable)
        assert answer.code == "SS0802"
        assert paths[2].rpartition("#")[2] in answer.message
        assert "the-value" not in f"{answer.message}{answer.hint}"

    def test_many_are_read_at_once(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "one", paths[1]: "two"})
        references = [case.reference(path, f"key{index}") for index, path in enumerate((*paths, paths[0]))]
        found = case.values().values(references)
        told = [one.reveal() if isinstance(one, Secret) else one.code for one in found.values()]
        assert told == ["one", "two", "SS0802", "one"]

    AMISS = ("", "../away", "/etc/passwd", "nul\0", "a//b", "#", "ünïcödé", " ")
    """Paths that no store has a value at."""

    def test_a_path_that_is_amiss_fails_alone(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "a value"})
        before, good, *after = case.read_together(self.AMISS[0], paths[0], *self.AMISS[1:])
        assert good == "a value"
        assert [type(one) for one in (before, *after)] == [Unavailable] * len(self.AMISS)

    def test_a_value_is_read_once_a_command(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "before"})
        values = case.values()
        first = values.value(case.reference(paths[0]))
        case.put({paths[0]: "after"})
        assert values.value(case.reference(paths[0], "other")) is first
        assert case.read(paths[0]) == "after"

    def test_a_value_shows_nowhere(self, case: StoreCase, paths: tuple[str, str, str]) -> None:
        case.put({paths[0]: "the-value-that-nobody-may-see"})
        redactor = Redactor()
        values = case.values(redactor)
        secret = values.value(case.reference(paths[0]))
        shown = f"{secret} {secret!r} {redactor.hidden('say the-value-that-nobody-may-see')} {vars(values)}"
        assert "the-value" not in shown
        with pytest.raises(TypeError):
            pickle.dumps(secret)
