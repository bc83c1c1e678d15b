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

    def put(self, *row: object) -> None:
        """Count a row in."""
        self._total = (self._total + _number(row)) % _RANGE

    def take(self, *row: object) -> None:
        """Count a row out that was counted in."""
        self._total = (self._total - _number(row)) % _RANGE

    def over(self, *facts: object) -> str:
        """The seal of the rows together with facts that hold for them all, as text."""
        return f"{_number((*facts, self._total)):032x}"


def _number(parts: tuple[object, ...]) -> int:
    text = "\0".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big")
