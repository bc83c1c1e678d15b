"""`stackspec schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from stackspec.cli.options import Argument, Option


def schema(
    name: Annotated[str, Argument("'manifest' (any kind), a kind, or a flavor as type/flavor.", "[NAME]")] = "manifest",
    write: Annotated[
        str | None,
        Option(("--write",), "Write all schemas under this folder instead of printing one.", "DIR"),
    ] = None,
) -> int:
    """Print or write the JSON Schemas that editors use."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError, did_you_mean
    from stackspec.flavors.registry import Registry
    from stackspec.render.schemas import published_schemas
    from stackspec.render.text import safe

    with Session() as session:
        schemas = published_schemas(Registry())
        if write is not None:
            try:
                for file, document in schemas.items():
                    path = Path(write, f"{file}.schema.json")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            except OSError as error:
                raise StackspecError.of("SS0902", f"cannot write {error.filename}: {error.strerror}") from error
            session.answer(f"{len(schemas)} schemas in {safe(write)}\n")
            return 0
        wanted = f"flavors/{name}" if "/" in name else name.lower()
        if wanted not in schemas:
            known = [file.removeprefix("flavors/") for file in schemas]
            raise StackspecError.of("SS0901", f"there is no schema '{name}'", hint=did_you_mean(name, known))
        session.answer_json(schemas[wanted])
    return 0
