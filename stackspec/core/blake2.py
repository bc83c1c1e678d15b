"""BLAKE2b as CPython's own module has it.

`hashlib` has it from there and loads OpenSSL beside it, which takes a third of the time that a command needs to tell
that nothing has changed.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b
except ImportError:  # another Python than CPython
    from hashlib import blake2b

__all__ = ["blake2b"]
