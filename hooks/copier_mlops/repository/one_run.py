"""Let one run at a time work in a repository, and give it a folder of its own there."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from copier_mlops.errors import ToolError
from copier_mlops.git import Repository


@contextmanager
def only_one(repo: Repository) -> Iterator[None]:
    """Keep every other run out of this repository; the system lets go when a process is killed.

    Raises
    ------
    ToolError
        Another run holds it.
    """
    folder = own_folder(repo)
    if folder.is_symlink():
        raise ToolError(f"{folder} is a symbolic link and would be written through; remove it.")
    if not folder.is_dir():
        refuse_read_only(repo.git_dir)
    folder.mkdir(exist_ok=True)
    # SQLite brings a lock that every system releases with its process.
    if (folder / "lock").is_symlink():
        raise ToolError(f"{folder / 'lock'} is a symbolic link; remove it.")
    try:
        connection = sqlite3.connect(folder / "lock", timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise ToolError(f"{folder / 'lock'} is damaged ({error}); remove it.") from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    except sqlite3.OperationalError as error:
        raise ToolError(f"Another copier-mlops works in {repo.top}; wait until it ends.") from error
    except sqlite3.DatabaseError as error:
        raise ToolError(f"{folder / 'lock'} is damaged ({error}); remove it.") from error
    finally:
        connection.close()


def refuse_read_only(*folders: Path) -> None:
    """Refuse folders in which nothing can be written, before anything is worked out."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            raise ToolError(f"Cannot write in {folder}; mend its permissions, then run this again.")


def own_folder(repo: Repository) -> Path:
    """Return the folder below the git directory that is ours."""
    return repo.git_dir / "copier-mlops"
