"""Merge what the template renders now into a repository, given what it rendered before."""

import tempfile
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from copier_mlops.git import run_git
from copier_mlops.rendering.versions import EXECUTABLE, FILE, LINK, File, Rendered
from copier_mlops.updating.toml_merge import merge_toml

SAME_FILE = 0.6  # share of common lines from which a new file is an old one that was moved
UNRELATED = 0.2  # a file with less in common was never the template's: adopt kept it
SHORT = 10  # lines; a shorter file may well have been rewritten
BESIDE = ".template"  # where adopt puts the template's version of such a file
LARGEST_MOVED = 1_000_000  # bytes; larger files are not compared line by line


class Patch(NamedTuple):
    """An edit that is kept beside the code, and the files that its lines may have gone to."""

    path: str
    candidates: dict[str, list[int]]
    """The likeliest first, with the lines of the old file whose surroundings it holds."""


@dataclass
class Merged:
    """What an update would do: nothing is written yet."""

    files: dict[str, File | None] = field(default_factory=dict)
    """What to write, by path; None removes."""
    conflicts: dict[str, dict[int, File]] = field(default_factory=dict)
    """By path, as git numbers them: 1 the old render, 2 the repository's, 3 the new render."""
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    """Managed files that nobody had edited and the template no longer has."""
    renamed: dict[str, str] = field(default_factory=dict)
    follows: dict[str, str] = field(default_factory=dict)
    """Where the owner moved rendered files: the rendered path, by the owner's."""
    by_value: set[str] = field(default_factory=set)
    """Paths that were merged by what they mean, and not line by line."""
    patches: dict[str, Patch] = field(default_factory=dict)
    """By path: edits of files that the template split, which a person must work in."""
    notes: dict[str, str] = field(default_factory=dict)
    """What a person should look at, by path."""


def merge(
    base: Rendered,
    theirs: Rendered,
    ours: Mapping[str, File],
    moved: Mapping[str, str],
    labels: tuple[str, str, str],
) -> Merged:
    """Merge each rendered path by its owner's rule.

    Parameters
    ----------
    base, theirs : Rendered
        The old version with the old answers, and the new version with the new ones.
    ours : mapping
        The repository's tracked files. Untracked ones are the caller's business.
    moved : mapping
        Where the template moved a path; see ``renames``.
    labels : tuple of str
        What stands at conflict markers for the repository, the old and the new version.
    """
    merged, own, old = Merged(), dict(ours), dict(base.files)
    base_seeded = set(base.seeded)
    rendered_as: dict[str, str] = {}
    for source, target in moved.items():
        if target in own or target in old or source not in old or source in theirs.files:
            continue
        if target not in theirs.files:  # The answers leave it out: it is dropped where it was.
            continue
        old[target] = old.pop(source)
        if source in own and is_not_rendered(source, own, old[target], source in base_seeded):
            # Where the template's file went is no reason to move another one of that name.
            merged.notes[source] = f"yours stays; it is not the template's, which is {target} now"
            del old[target]
            continue
        rendered_as[target] = source
        if source in base_seeded:
            base_seeded.add(target)
        if source in own:
            merged.renamed[source] = target
            own[target] = merged.files[target] = own.pop(source)
            merged.files[source] = None
    new = dict(theirs.files)
    gone = [
        name
        for name in old
        if new.get(name, old[name]) != old[name]
        and is_elsewhere(name, own.get(name), old[name], own)
    ]
    for source, target in moved_by_owner(gone, old, own, {*old, *new}).items():
        merged.follows[target] = rendered_as.get(source, source)
        if source in own:
            merged.notes[source] = f"yours is kept; the template's changes went to {target}"
        else:
            merged.notes[source] = f"you moved it to {target}; the template's changes went there"
        old[target], new[target] = old.pop(source), new.pop(source)
    for name in sorted({*old, *new}):
        if name in theirs.seeded or (name in base_seeded and name not in new):
            if name not in own and name not in old:
                merged.files[name] = new[name]
                merged.added.append(name)
        else:
            merge_managed(merged, name, (old.get(name), own.get(name), new.get(name)), labels)
    return merged


def merge_managed(
    merged: Merged,
    name: str,
    versions: tuple[File | None, File | None, File | None],
    labels: tuple[str, str, str],
) -> None:
    """Merge one path that the template manages; ``versions`` are the old, ours and the new."""
    old, own, new = versions
    if own is None:
        if new is not None and old is None:
            merged.files[name] = new
            merged.added.append(name)
        elif new is not None and new != old:
            merged.notes[name] = "you deleted it; the template changed it and did not bring it back"
        return
    if new in (own, old):
        return
    if own == old:
        merged.files[name] = new
        (merged.changed if new else merged.dropped).append(name)
        return
    stages = {1: old, 2: own, 3: new}
    if new is None:
        merged.notes[name] = "the template dropped it and you had edited it; your file is kept"
        merged.conflicts[name] = {stage: file for stage, file in stages.items() if file}
        return
    result, clean = merge_files(old, own, new, labels)
    if not clean and old and name.endswith("pyproject.toml") and not is_unrelated(own, old):
        by_value = merge_toml(old.content, own.content, new.content)
        if by_value is not None:
            content, left_out = by_value
            windows = has_windows_ends(own.content)
            content = with_ends_of(own.content, content) if windows else content
            result, clean = File(content, own.mode), True
            merged.by_value.add(name)
            if left_out:
                listing = ", ".join(left_out)
                merged.notes[name] = f"yours has no {listing} any more; the template changed it"
    if not clean and old is not None and is_unrelated(own, old):
        merged.notes[name] = "yours is not the template's file; its changes did not go there"
        return
    if result != own:
        merged.files[name] = result
    if clean:
        merged.changed.append(name)
    else:
        merged.conflicts[name] = {stage: file for stage, file in stages.items() if file}


def is_elsewhere(name: str, own: File | None, old: File, names: Container[str]) -> bool:
    """Tell whether what the template rendered at a path is not there, but perhaps elsewhere."""
    return f"{name}{BESIDE}" in names or is_unrelated(own, old)


def is_not_rendered(name: str, own: Mapping[str, File], old: File, seeded: bool) -> bool:
    """Tell whether a file only has the name of the template's; a seed may be all the team's."""
    return f"{name}{BESIDE}" in own or (not seeded and is_unrelated(own[name], old))


def is_unrelated(own: File | None, old: File) -> bool:
    """Tell whether a file is missing, or was never the one that the template rendered there."""
    if own is None or own == old:
        return own is None
    lines, mine = lines_of(old), lines_of(own)
    if LINK in (own.mode, old.mode) or is_binary(own) or is_binary(old) or lines.total() < SHORT:
        return False
    # Every text has empty lines; they say nothing about where it came from.
    del lines[b""], mine[b""]
    return likeness(mine, lines) < UNRELATED


def merge_files(
    old: File | None, own: File, new: File, labels: tuple[str, str, str]
) -> tuple[File, bool]:
    """Merge two changed files; a binary, or a link, stays the repository's and is a conflict."""
    mode = new.mode if old is None or own.mode == old.mode else own.mode
    before = old or File(b"", own.mode)
    if own.content in (before.content, new.content):
        return File(new.content, mode), True
    if before.content == new.content:
        return File(own.content, mode), True
    if LINK in (own.mode, new.mode) or any(map(is_binary, (before, own, new))):
        return own, False
    # A repository with Windows line ends keeps them, and no line counts as changed for it.
    windows = has_windows_ends(own.content) and b"\r\n" not in new.content
    mine = own.content.replace(b"\r\n", b"\n") if windows else own.content
    if windows and mine == before.content:
        content, clean = new.content, True
    else:
        content, clean = merge_text(before.content, mine, new.content, labels)
    return File(with_ends_of(own.content, content) if windows else content, mode), clean


def merge_text(
    old: bytes, own: bytes, new: bytes, labels: tuple[str, str, str]
) -> tuple[bytes, bool]:
    """Merge lines with ``git merge-file``; return the text and whether it has no conflict."""
    with tempfile.TemporaryDirectory(prefix="copier-mlops-merge-") as scratch:
        for name, content in {"own": own, "old": old, "new": new}.items():
            (Path(scratch) / name).write_bytes(content)
        arguments = [part for label in labels for part in ("-L", label)]
        command = ("merge-file", "--stdout", "--quiet", *arguments, "own", "old", "new")
        code, merged = run_git(*command, cwd=Path(scratch), ok=range(128))
    return merged, code == 0


def is_binary(file: File) -> bool:
    """Tell whether contents are no text, as git does: a zero byte near the start."""
    return b"\0" in file.content[:8000]


def has_windows_ends(content: bytes) -> bool:
    """Tell whether most lines end with carriage return and newline."""
    return 2 * content.count(b"\r\n") > content.count(b"\n")


def with_ends_of(own: bytes, content: bytes) -> bytes:
    """Give the lines of a merge Windows ends, but for lines that never had one in ``own``."""
    lines = set(own.split(b"\n"))
    bare = {line for line in lines if not line.endswith(b"\r") and line + b"\r" not in lines}
    *whole, last = content.split(b"\n")
    return b"".join(line + (b"\n" if line in bare else b"\r\n") for line in whole) + last


def moved_by_owner(
    gone: Iterable[str], old: Mapping[str, File], own: Mapping[str, File], rendered: Container[str]
) -> dict[str, str]:
    """Find where the owner moved rendered files: the unrendered file that shares most lines.

    Parameters
    ----------
    gone : iterable of str
        Rendered paths that the repository does not have.
    old, own : mapping
        What was rendered, and the repository's files.
    rendered : container of str
        Paths that cannot be a moved file.
    """
    free = {
        name: lines_of(file)
        for name, file in own.items()
        if name not in rendered and len(file.content) <= LARGEST_MOVED
    }
    found = {}
    for name in gone:
        wanted = lines_of(old[name])
        near = {
            candidate: likeness(wanted, lines)
            for candidate, lines in free.items()
            if kind_of(candidate) == kind_of(name)
        }
        best = max(near, key=near.__getitem__, default=None)
        if best is not None and near[best] >= SAME_FILE:
            found[name] = best
            del free[best]
    return found


def kind_of(name: str) -> str:
    """Return the ending of a file's name; what adopt put beside it counts as the same kind."""
    return PurePosixPath(name.removesuffix(BESIDE)).suffix


def likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    """Return the share of lines that two files have in common."""
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def lines_of(file: File | None) -> Counter[bytes]:
    """Count each line, without its line end; a binary is one line."""
    if file is None:
        return Counter()
    if file.mode not in (FILE, EXECUTABLE) or is_binary(file):
        return Counter([file.content])
    return Counter(line.rstrip(b"\r") for line in file.content.split(b"\n"))
