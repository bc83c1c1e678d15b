"""A diagnostic code, explained."""

from __future__ import annotations

from typing import Any

from stackspec.core.codes import CODES, documentation
from stackspec.core.diagnostic import StackspecError, nearest
from stackspec.render import FORMAT_VERSION
from stackspec.render.text import Style, safe


def code_named(text: str) -> str:
    """The code that a text names: `SS0208`, `ss0208`, `error[SS0208]` or the slug `unknown-flavor`.

    Raises:
        StackspecError: there is none of the name.
    """
    slugs = {one.slug: code for code, one in CODES.items()}
    wanted = text.strip().rstrip("]:").rpartition("[")[2]
    found = wanted.upper() if wanted.upper() in CODES else slugs.get(wanted.lower().replace("_", "-").replace(" ", "-"))
    if found is not None:
        return found
    close = nearest(wanted[:100], {slug.replace("-", "_"): None for slug in slugs})
    hint = f"did you mean '{close.replace('_', '-')}' ({slugs[close.replace('_', '-')]})?" if close else _near(wanted)
    raise StackspecError.of("SS0901", f"there is no code '{safe(wanted[:80])}'", hint=hint)


def _near(wanted: str) -> str:
    digits = "".join(one for one in wanted if one.isdigit())[:4]
    same = [code for code in CODES if digits and code[2:].startswith(digits[:2])]
    known = f"those that begin like it: {', '.join(same[:12])}" + (", …" if len(same) > 12 else "") if same else ""
    return known or "a diagnostic shows its code in brackets, as in error[SS0208]"


def explanation_text(code: str, style: Style) -> str:
    """What a code means, what provokes it, what to do."""
    one = CODES[code]
    return "\n".join(
        (
            f"{style(code, 'bold')} {style(one.slug, 'bold')}",
            "",
            one.meaning,
            "",
            f"Example:    {one.example}",
            f"What to do: {one.remedy}",
            f"See:        {documentation(code)}",
            "",
        )
    )


def explanation_json(code: str) -> dict[str, Any]:
    """The same as a document; the texts are Markdown."""
    one = CODES[code]
    return {
        "format_version": FORMAT_VERSION,
        "code": code,
        "slug": one.slug,
        "meaning": one.meaning,
        "example": one.example,
        "remedy": one.remedy,
        "url": documentation(code),
    }
