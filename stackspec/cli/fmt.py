"""`stackspec fmt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import Argument, Option, Output, OutputFormat

if TYPE_CHECKING:
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import Diagnostic
    from stackspec.formatting import Formatted, Formatting


def fmt(
    names: Annotated[
        list[str] | None,
        Argument("Only these files and folders; '-' is standard input, written to standard output.", "[FILES]..."),
    ] = None,
    check: Annotated[bool, Option(("--check",), "Write nothing; exit with 1 where a file would change.")] = False,
    diff: Annotated[bool, Option(("--diff",), "Write nothing; show what would change as a unified diff.")] = False,
    output: Output = OutputFormat.TEXT,
) -> int:
    """Lay manifests out in the one way: order of keys, indentation, quotes; comments stay with what they are about."""
    from stackspec.cli.session import Session
    from stackspec.core.diagnostic import StackspecError
    from stackspec.formatting import Formatting

    with Session(output) as session:
        stream, write = names == ["-"], not (check or diff)
        if "-" in (names or ()) and not stream:
            raise StackspecError.of("SS0901", "'-' stands alone: its text is the whole answer")
        if stream and write and session.json:
            raise StackspecError.of("SS0901", "the text of '-' is the answer itself, not JSON", hint="add --diff")
        formatting = Formatting(names or ())
        session.guard(formatting.root)
        files, problems = _read(session, formatting)
        if any(one.code == "SS0111" for one in problems):
            raise StackspecError(problems)  # nothing is written where it is not clear what was meant
        if stream and write:
            session.report(problems)
            session.answer("".join(one.text or "" for one in files))
            return 1 if problems else 0
        changed = [one for one in files if one.differs]
        if write and changed:
            session.require_trust()
            changed = [one for one in changed if _written(formatting, one, problems)]
        _answer(session, changed, problems, len(files), written=write, diff=diff)
    return 1 if problems or (check and changed) else 0


def _read(session: Session, formatting: Formatting) -> tuple[list[Formatted], list[Diagnostic]]:
    """Every file that can be read, and what is wrong with the others."""
    from stackspec.core.diagnostic import Diagnostic

    files, problems, wrong = [], [], {}
    for one in formatting.found():
        if isinstance(one, Diagnostic):
            problems.append(one)
        elif one.problems:
            problems += one.problems
            wrong[one.source.file] = one.source
        else:
            files.append(one)
    session.speak_of(wrong)
    return files, problems


def _written(formatting: Formatting, one: Formatted, problems: list[Diagnostic]) -> bool:
    """Write a file; whether it could be, else why not is added."""
    from stackspec.core.diagnostic import StackspecError

    try:
        formatting.write(one)
    except StackspecError as error:
        problems += error.diagnostics
        return False
    return True


def _answer(
    session: Session, changed: list[Formatted], problems: list[Diagnostic], count: int, *, written: bool, diff: bool
) -> None:
    from stackspec.render import FORMAT_VERSION
    from stackspec.render.diagnostics import diagnostics_json
    from stackspec.render.text import safe

    if session.json:
        document = {
            "format_version": FORMAT_VERSION,
            "written": written,
            "files": [one.source.file for one in changed],
            "diff": "".join(one.diff for one in changed),
            "diagnostics": diagnostics_json(problems),
        }
        session.answer_json(document)
        return
    session.report(problems)
    session.answer("".join(one.diff if diff else f"{safe(one.source.file)}\n" for one in changed))
    done = "formatted" if written else "would be formatted"
    session.tell(f"{len(changed)} of {count} file{'' if count == 1 else 's'} {done}.")
