"""A frozen dataclass made quickly is as one that the standard library makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, replace
from typing import Any, get_type_hints

import pytest

from stackspec.core.frozen import dataclass as quick

MAKERS: dict[str, Callable[..., Any]] = {"quick": quick, "standard": dataclasses.dataclass}


def makes(dataclass: Callable[..., Any]) -> Any:
    @dataclass(frozen=True, slots=True)
    class Record:
        """What it is."""

        name: str
        size: int = 1
        parts: list[str] = field(default_factory=list, hash=False)
        told: str = field(default="", compare=False)
        hidden: bytes = field(default=b"", repr=False)

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError("size")

        @property
        def twice(self) -> int:
            return self.size * 2

    return Record


@quick(frozen=True, slots=True)
class Pickled:
    """At the top of a module, where pickle finds it."""

    name: str
    size: int = 1


@pytest.fixture(params=MAKERS)
def record(request: pytest.FixtureRequest) -> Any:
    return makes(MAKERS[request.param])


def test_it_has_the_values_that_it_was_given_and_defaults(record: Any) -> None:
    one = record("a", parts=["x"])
    assert (one.name, one.size, one.parts, one.told, one.hidden, one.twice) == ("a", 1, ["x"], "", b"", 2)
    assert record("a").parts is not record("a").parts
    with pytest.raises(TypeError):
        record()
    with pytest.raises(TypeError):
        record("a", 1, [], "", b"", 6)
    with pytest.raises(TypeError):
        record("a", other=1)
    with pytest.raises(ValueError, match="size"):
        record("a", -1)


def test_it_is_what_its_values_are(record: Any) -> None:
    assert record("a", told="x") == record("a", told="y")
    assert hash(record("a", told="x")) == hash(record("a", parts=["x"]))
    assert record("a") != record("a", parts=["x"])
    assert record("a") != ("a", 1, [], "", b"")
    assert record("a") != makes(quick)("a")
    assert len({record("a"), record("a"), record("b")}) == 2


def test_it_does_not_change(record: Any) -> None:
    one = record("a")
    with pytest.raises(FrozenInstanceError):
        one.name = "b"
    with pytest.raises((FrozenInstanceError, TypeError)):  # the standard library's, by a fault of its own
        one.other = "b"
    with pytest.raises(FrozenInstanceError):
        del one.name
    assert one == record("a")
    assert not hasattr(one, "__dict__")


def test_it_is_a_dataclass(record: Any) -> None:
    assert [one.name for one in dataclasses.fields(record)] == ["name", "size", "parts", "told", "hidden"]
    assert replace(record("a", 2), size=3) == record("a", 3)
    assert dataclasses.asdict(record("a", 2))["size"] == 2
    match record("a", 2):
        case record(name, size=2):
            assert name == "a"
        case _:
            pytest.fail("no match")


def test_it_is_told_without_what_is_hidden(record: Any) -> None:
    one = record("a", parts=["x"], hidden=b"secret")
    assert repr(one).endswith("Record(name='a', size=1, parts=['x'], told='')")
    one.parts.append(one)
    assert "..." in repr(one)


def test_it_can_be_copied_and_pickled(record: Any) -> None:
    assert copy.deepcopy(record("a", 2, ["x"])) == record("a", 2, ["x"])
    assert pickle.loads(pickle.dumps(Pickled("a", 2))) == Pickled("a", 2)


def test_what_a_class_says_itself_counts() -> None:
    @quick(frozen=True, slots=True)
    class Own:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, str)

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    assert (Own("a") == "b", hash(Own("a")), repr(Own("a"))) == (True, 7, "own")


def test_what_is_made_of_it_is_told_that_it_is_frozen() -> None:
    @dataclasses.dataclass(frozen=True)
    class More(Pickled):
        more: int = 2

    @quick(frozen=True, slots=True)
    class Most(Pickled):
        most: int = 3

    assert (More("a").more, Most("a").most, Most("a") == Most("a"), More("a").name) == (2, 3, True, "a")
    with pytest.raises(TypeError, match="frozen"):
        dataclasses.dataclass(type("Loose", (Pickled,), {"__annotations__": {"loose": int}}))


def test_it_is_called_as_its_fields_say(record: Any) -> None:
    told = str(inspect.signature(record))
    assert told.startswith("(name: 'str', size: 'int' = 1, parts: 'list[str]' = <factory>, told: 'str' = ''")
    assert set(get_type_hints(record)) == {"name", "size", "parts", "told", "hidden"}
    with pytest.raises(TypeError, match=r"Record\.__init__\(\) missing"):
        record()


def test_a_field_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match=r"only 'dataclasses\.dataclass' takes"):

        @quick(frozen=True, slots=True)
        class Odd:
            name: str = field(init=False)


def test_other_dataclasses_are_the_standard_librarys() -> None:
    @quick(frozen=True, slots=True, order=True)
    class Ordered:
        size: int

    @quick(slots=True)
    class Loose:
        size: int

    assert Ordered(1) < Ordered(2)
    loose = Loose(1)
    loose.size = 2
    assert loose == Loose(2)
