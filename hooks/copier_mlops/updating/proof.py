"""Prove, before anything is written, that an update loses nothing of what people wrote."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from copier_mlops.errors import ToolError, some
from copier_mlops.git import Entry, Repository, git, path_in
from copier_mlops.rendering.versions import File, Rendered
from copier_mlops.repository.project import ANSWERS_FILE
from copier_mlops.updating.merge import Merged, lines_of
from copier_mlops.updating.toml_merge import lost_values


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


def lost_lines(
    base: Rendered, ours: Mapping[str, File], merged: Merged, places: Collection[str]
) -> Iterator[tuple[str, bytes]]:
    """Prove that the merge keeps every line that people wrote: yield those that it would lose.

    Independent of how it was merged: the lines that the repository has more often than the old
    render must stand where the path, or the path it was moved to, ends up; or be named.

    Parameters
    ----------
    base : Rendered
        The old version with the old answers.
    ours : mapping
        The repository's files.
    merged : Merged
        The merge to be judged.
    places : collection of str
        Paths that were looked at.
    """
    for name in places:
        own = ours.get(name)
        written = lines_of(own) - lines_of(base.files.get(merged.follows.get(name, name)))
        if own is None or not written:
            continue
        target = merged.renamed.get(name, name)
        if patch := merged.patches.get(name):
            yield from ((name, line) for line in written - added_lines(merged.files[patch.path]))
            continue
        result = merged.files.get(target, ours.get(target))
        rendered = base.files.get(merged.follows.get(name, name))
        if target in merged.by_value and result and rendered:
            for lost in lost_values(rendered.content, own.content, result.content):
                yield name, lost.encode()
            continue
        for line in written - lines_of(result):
            yield name, line


def added_lines(patch: File | None) -> Counter[bytes]:
    """Count the lines that a patch adds."""
    _, at, hunks = (patch.content if patch else b"").partition(b"\n@@ ")
    lines = lines_of(File(at + hunks)).elements()
    return Counter(line[1:] for line in lines if line[:1] == b"+")
