"""Where a place in a project is in the repository around it, and the page of it on the web."""

from __future__ import annotations

import posixpath
from urllib.parse import quote

from stackspec.core.diagnostic import Span
from stackspec.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class CheckoutPlace:
    """Where a project is.

    Attributes:
        folder: Its folder, from the repository's root, with `/`; empty for the root itself.
        url: What stands before a path in the address of a file's page at the commit; empty where nobody knows it.
    """

    folder: str = ""
    url: str = ""

    def path(self, span: Span) -> str | None:
        """The file of a place, from the repository's root; None where it is not in it, as standard input."""
        path = posixpath.normpath(posixpath.join(self.folder, span.file))
        outside = path.startswith(("/", "../", "<")) or path in (".", "..")
        return None if outside else path

    def link(self, span: Span) -> str | None:
        """The target of a link to a line: an address where one is known, else a path from the repository's root."""
        if (path := self.path(span)) is None:
            return None
        target = quote(path.encode("utf-8", "surrogateescape"))
        return f"{self.url}/{target}#L{span.line}" if self.url else f"{target}#L{span.line}"


HERE = CheckoutPlace()
"""A project that is a repository's root, and no page of it is known."""
