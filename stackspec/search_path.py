"""Where modules are looked for: nowhere in the checkout that is worked on, which may be anybody's.

Only what is built into the interpreter or frozen into it is imported here: no file takes the place of that. (Hence no
`__future__` either, which is a file.)
"""

import os
import site
import sys

_MARKS = (".git", "stackspec.yaml", "stacks")
"""What the root of a checkout, or of a project, holds."""


def forget_the_checkout(arguments: list[str]) -> None:
    """Take off the search path whatever lies in the checkout, however it came there and however it is written.

    The checkout is everything below the outermost folder, from the working directory or that of `--chdir` upwards,
    that looks like the root of one, or else the folder itself. A folder that the checkout lies in goes as well, and so
    does a relative one. What stays is the interpreter's own, which may be a virtual environment in the checkout, and
    the folder that this package was imported from: who put a stackspec there develops it.

    What Python itself imports before it comes here cannot be helped: a `sitecustomize.py`, what the script that starts
    the command needs, with `-m` also `runpy`, and a package `stackspec` that is found first. `python -P` keeps the
    working directory away from these, `python -I` every folder of PYTHONPATH too.

    Args:
        arguments: The command line's words; what cannot be the folder of `--chdir` does no harm.
    """
    roots = [_way(_root(folder)) for folder in _folders(arguments)]
    own = {_identity(folder) for folder in _own_folders()}
    package = _identity(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    def stays(entry: str) -> bool:
        here = _identity(entry)
        if here is None or not os.path.isabs(entry):
            return False
        if here in own or here == package:
            return True
        way = _way(entry)
        for root in roots:
            holds, lies_in = here in root, root[0] in way
            # A folder of the interpreter's own may lie in the checkout, as the checkout may in one of those.
            if (holds or lies_in) and not (own.intersection(way) - {*root}):
                return False
        return True

    sys.path[:] = [entry for entry in sys.path if stays(entry)]


def _folders(arguments: list[str]) -> list[str]:
    """Where the working directory and whatever the arguments may name as the folder to start in really are."""
    found = [os.curdir, os.environ.get("STACKSPEC_CHDIR", os.curdir)]
    for number, word in enumerate(arguments):
        if word.startswith("--chdir"):
            _, equals, folder = word.partition("=")
        elif word.startswith("-") and not word.startswith("--") and "C" in word:
            folder = equals = word[word.index("C") + 1 :]
        else:
            continue
        found += [folder] if equals else arguments[number + 1 : number + 2]
    folders = {}
    for folder in found:
        try:
            folders[os.path.realpath(folder, strict=True)] = True
        except (OSError, ValueError):
            continue  # it is not there, and nothing can be imported from it
    return [*folders]


def _root(folder: str) -> str:
    """The outermost folder that looks like the root of what a folder belongs to, or itself."""
    way = root = folder
    while True:
        if any(os.path.lexists(os.path.join(way, mark)) for mark in _MARKS):
            root = way
        above = os.path.dirname(way)
        if above == way:
            return root
        way = above


def _own_folders() -> list[str]:
    """The standard library's folders and those that packages are installed in."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = os.path.join(sys.base_exec_prefix, sys.platlibdir, version)
    return [os.path.dirname(os.path.abspath(os.__file__)), library, *site.getsitepackages()]


def _way(path: str) -> list[tuple[int, int]]:
    """What is at a path and above it, the nearest first.

    Folders are told apart as the system does: neither links nor another spelling, a bind mount or capital letters, make
    two of one.
    """
    found = []
    path = os.path.realpath(path)
    while True:
        identity = _identity(path)
        if identity is not None:
            found.append(identity)
        above = os.path.dirname(path)
        if above == path:
            return found
        path = above


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file or folder from others; None where it is not there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
