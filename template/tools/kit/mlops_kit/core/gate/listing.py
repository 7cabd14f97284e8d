"""What git has, what it would take, and what is staged; standard library only."""

import os
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

LINK, SUBMODULE = "120000", "160000"


class SelectionError(ValueError):
    """The files cannot be listed: one sentence."""


class Staged(NamedTuple):
    """A file as the next commit would have it; of a link, `content` is where it leads."""

    name: str
    content: bytes
    is_link: bool


def tracked() -> set[str]:
    """Return the files that git has, by their names from here."""
    return _names(_git("ls-files", "-z", "--cached"))


def untracked() -> set[str]:
    """Return the files that git would take: neither in it nor ignored."""
    return _names(_git("ls-files", "-z", "--others", "--exclude-standard"))


def staged() -> Iterator[Staged]:
    """Yield what the next commit would add or change, as it is staged."""
    options = ("--name-only", "--diff-filter=ACMRT", "--no-renames", "--relative", "-z")
    names = _names(_git("diff", "--cached", *options))
    if not names:
        return
    for entry in filter(None, _git("ls-files", "--stage", "-z").split(b"\0")):
        about, _, name = os.fsdecode(entry).partition("\t")
        mode, blob, _ = about.split()
        if name in names and mode != SUBMODULE:
            yield Staged(name, _git("cat-file", "blob", blob), mode == LINK)


def _names(listed: bytes) -> set[str]:
    return {name for name in os.fsdecode(listed).split("\0") if name}


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise SelectionError("The git program is not on the PATH; install git first.") from None
    if done.returncode != 0:
        raise SelectionError("git cannot list this folder's files; run this inside the project.")
    return done.stdout
