"""Prove, before anything is written, that an update loses nothing of what people wrote."""

import os
from collections.abc import Mapping
from pathlib import Path

from .errors import ToolError, some
from .git import Entry, Repository, git, path_in
from .merge import Merged, lost_lines
from .project import ANSWERS_FILE
from .versions import File, Rendered


def prove(
    repo: Repository,
    base: Rendered,
    ours: Mapping[str, File],
    merged: Merged,
    tree: Mapping[str, Entry],
) -> None:
    """Refuse a merge that would lose a line, or write over what git does not keep.

    Raises
    ------
    ToolError
        With the first few paths.
    """
    lost = {name for name, _ in lost_lines(base, ours, merged, ours) if name != ANSWERS_FILE}
    if lost:
        raise ToolError(f"The merge would lose lines of {some(lost)}; nothing was written.")
    in_the_way = []
    for name, file in merged.files.items():
        path = path_in(repo.folder, name)
        above = any((repo.folder / up).is_file() for up in Path(name).parents if up != Path())
        if file is not None and (
            above or path.is_dir() or (os.path.lexists(path) and name not in tree)
        ):
            in_the_way.append(name)
    if in_the_way:
        raise ToolError(
            f"The new version has {some(in_the_way)}, and files that git does not keep are there; "
            "move them away, or commit them."
        )
    flagged = git("ls-files", "-v", "-z", "--", ".", cwd=repo.folder)
    hidden = {line[2:] for line in flagged.split("\0") if line[:1] != "H" and line}
    if hidden := hidden & merged.files.keys():
        raise ToolError(
            f"git is told to ignore changes of {some(hidden)} (git ls-files -v); "
            "git update-index --no-assume-unchanged --no-skip-worktree shows them again."
        )
