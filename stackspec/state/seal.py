"""A sum over a state that tells when a part of it is changed, lost or doubled; against accidents, not forgers."""

from __future__ import annotations

from hashlib import blake2b

_RANGE = 1 << 128


class Seal:
    """The sum over rows, in any order, that is kept up to date row by row."""

    def __init__(self, total: int = 0) -> None:
        self._total = total

    def copy(self) -> Seal:
        """One that goes on from here by itself."""
        return Seal(self._total)

    def put(self, position: int, kind: str, address: str, text: str) -> None:
        """Count a row in."""
        self._total += _number(f"{position}\0{kind}\0{address}\0{text}")

    def take(self, position: int, kind: str, address: str, text: str) -> None:
        """Count a row out that was counted in."""
        self._total -= _number(f"{position}\0{kind}\0{address}\0{text}")

    def over(self, environment: str, lineage: str, serial: int) -> str:
        """The seal of the rows together with what holds for them all, as text."""
        whole = f"{environment}\0{lineage}\0{serial}\0{self._total % _RANGE}"
        return f"{_number(whole):032x}"


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
