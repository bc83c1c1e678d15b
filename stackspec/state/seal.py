"""A sum over a state that tells when a part of it is changed, lost or doubled; against accidents, not forgers."""

from __future__ import annotations

from collections import Counter

from stackspec.core.blake2 import blake2b

_RANGE = 1 << 128


class Seal:
    """The sums over rows of each kind, in any order, that are kept up to date row by row."""

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()

    def copy(self) -> Seal:
        """One that goes on from here by itself."""
        seal = Seal()
        seal._totals = self._totals.copy()
        return seal

    def put(self, position: int, kind: str, address: str, text: str) -> None:
        """Count a row in."""
        self._totals[kind] += _number(f"{position}\0{kind}\0{address}\0{text}")

    def take(self, position: int, kind: str, address: str, text: str) -> None:
        """Count a row out that was counted in."""
        self._totals[kind] -= _number(f"{position}\0{kind}\0{address}\0{text}")

    def of(self, kind: str) -> str:
        """The seal of the rows of one kind, as text."""
        return f"{self._totals[kind] % _RANGE:032x}"

    def over(self, environment: str, lineage: str, serial: int) -> str:
        """The seal of all rows together with what holds for them all, as text."""
        whole = f"{environment}\0{lineage}\0{serial}\0{sum(self._totals.values()) % _RANGE}"
        return f"{_number(whole):032x}"


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
