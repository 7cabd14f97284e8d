"""Which files must be clean, and the findings of one of them; standard library only."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mlops_kit.core.gate.listing import SelectionError, staged, tracked, untracked
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.work import limited
from mlops_kit.privacy.gate.scan import (
    UNREADABLE,
    ColumnScan,
    in_file_name,
    merged,
    scan_pieces,
)
from mlops_kit.privacy.read.open_file import pieces_of_bytes, pieces_of_file

RESTRICTED = ("data/restricted/", ".secrets/")
# Made by commands and ignored by git, but read by everybody: data/ without what is restricted.
MADE = ("data", "models", "reports", "mlruns", "mlartifacts")
REGISTRIES = "mlflow*.db"  # one for each environment
NEVER = frozenset({".git", ".venv", "__pycache__", "node_modules"})
REMOTES = ".dvc-remote"  # and .dvc-remote-staging, .dvc-remote-prod
IN_GIT = "is in git though it is restricted; run `git rm --cached` on it"
# What the check itself writes, about to be written anew.
OWN_REPORTS = frozenset(f"reports/privacy/check.{kind}" for kind in ("json", "md", "sarif"))


class Chosen(NamedTuple):
    """A file to check; `staged` holds its bytes when git's index counts and not the folder.

    `why` says what is wrong with it before it is opened.
    """

    path: Path
    staged: bytes | None = None
    is_link: bool = False
    why: str = ""


def project_files() -> list[Chosen]:
    """Return everything that must be clean: what git has or would take, and what commands made."""
    in_git = tracked()
    paths = in_git | untracked()
    for made in (*map(Path, MADE), *Path().glob(REGISTRIES)):
        paths |= {path.as_posix() for path in _below(made)}
    return [
        Chosen(Path(name), why=IN_GIT if name.startswith(RESTRICTED) else "")
        for name in sorted(paths - OWN_REPORTS)
        if os.path.lexists(name) and (name in in_git or not name.startswith(RESTRICTED))
    ]


def named_files(paths: list[Path]) -> list[Chosen]:
    """Return the named files, and every file below the named folders."""
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        raise SelectionError(f"{missing[0].as_posix()} does not exist; correct the path.")
    return [Chosen(file) for path in paths for file in sorted(_below(path))]


def staged_files() -> list[Chosen]:
    """Return what the next commit would add or change, as it is staged."""
    return [
        Chosen(
            Path(one.name),
            one.content,
            one.is_link,
            IN_GIT if one.name.startswith(RESTRICTED) else "",
        )
        for one in staged()
    ]


def _below(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        if os.path.lexists(path):
            yield path
        return
    for entry in os.scandir(path):
        if entry.name not in NEVER and not entry.name.startswith(REMOTES):
            yield from _below(Path(path, entry.name))


def findings_of(file: Chosen, in_column: ColumnScan) -> list[Finding]:
    """Return what is personal in one file, its name included."""
    place, name = in_file_name(file.path.as_posix())
    if why := file.why or _not_to_be_opened(file):
        return merged([*name, Finding(place, UNREADABLE, 1, 0, 1.0, why)])
    if file.staged is not None and not file.is_link:
        pieces = pieces_of_bytes(file.staged, place, file.path.name)
    elif file.path.is_symlink() or file.is_link:
        return name  # what it leads to is read where it is
    else:
        pieces = pieces_of_file(file.path, place)
    with limited(place):
        return [*name, *scan_pieces(pieces, in_column)]


def _not_to_be_opened(file: Chosen) -> str:
    if file.is_link or file.path.is_symlink():
        target = os.fsdecode(file.staged) if file.staged is not None else os.readlink(file.path)
        reached = (file.path.parent / target).resolve()
        inside = Path.cwd().resolve()
        if not reached.exists():
            return "is a link that leads nowhere; remove it"
        if not reached.is_relative_to(inside):
            return "is a link that leaves the repository; put the file here or remove the link"
        if f"{reached.relative_to(inside).as_posix()}/".startswith(RESTRICTED):
            return "is a link into what is restricted; remove it"
        return ""
    if file.staged is not None:
        return ""
    mode = file.path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "is another repository inside this one; check it there"
    return "" if stat.S_ISREG(mode) else "is no ordinary file; remove it"
