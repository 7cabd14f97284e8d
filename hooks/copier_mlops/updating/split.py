"""An edit of a file that the template split or merged: moved with its lines, or kept as a patch."""

import os
import re
from collections import Counter
from collections.abc import Container, Mapping
from pathlib import Path

from copier_mlops.git import Repository, unified_diff
from copier_mlops.rendering.versions import LINK, File, Rendered
from copier_mlops.updating.merge import (
    BESIDE,
    Merged,
    Patch,
    has_windows_ends,
    is_binary,
    is_unrelated,
    lines_of,
    merge_files,
    moved_by_owner,
)

PATCHES = "TEMPLATE_UPDATE"


def follow_split_files(
    merged: Merged,
    base: Rendered,
    theirs: Rendered,
    ours: Mapping[str, File],
    split: Mapping[str, list[str]],
    repo: Repository,
) -> None:
    """Settle what ``merge`` left as a conflict because the template has no file of that name.

    An edit goes into one of the new files if it can go nowhere else: there, and only there, it
    merges cleanly as the same edit, and no other new file holds more of the lines around any part
    of it. Any other edit becomes a patch, which names the new files.
    """
    apart = {name: places for name, places in split.items() if name not in theirs.files}
    for name in sorted(apart.keys() & merged.conflicts.keys()):
        own, old = ours[name], base.files.get(name)
        if f"{name}{BESIDE}" in ours:
            continue  # Adoption kept the team's own file, however like the template's it is.
        after = {place: merged.files.get(place, ours.get(place)) for place in apart[name]}
        places = {place: file for place, file in after.items() if file and is_text(file)}
        if old and places and is_text(old) and is_text(own) and not is_unrelated(own, old):
            del merged.conflicts[name], merged.notes[name]
            merged.files[name] = None
            follow(merged, name, old, own, places, repo)
            if name in merged.dropped and own.mode != old.mode:
                there = ", ".join(apart[name])
                merged.notes[name] = f"you changed its mode; the template's is {there} now"
    gone = [name for name in apart if name in base.files and name not in ours]
    found = moved_by_owner(gone, base.files, ours, base.files.keys() | theirs.files.keys())
    for name, place in found.items():
        there = ", ".join(apart[name])
        merged.notes[name] = f"you moved it to {place}, which stays; the template's is {there} now"


def follow(
    merged: Merged,
    name: str,
    old: File,
    own: File,
    places: Mapping[str, File],
    repo: Repository,
) -> None:
    """Put one edit into the only file where it belongs, or keep it as a patch."""
    if has_windows_ends(own.content):
        own = File(own.content.replace(b"\r\n", b"\n"), own.mode)
    if own.content == old.content:
        merged.dropped.append(name)
        return
    patch = unified_diff({name: old.content}, {name: own.content})
    held = lines_held(patch, places)
    lines = {
        place: [at for at, shared in held.items() if shared[place] == max(shared.values()) > 0]
        for place in places
    }
    fits = {}
    for place, file in places.items():
        labels = ("", "", "")  # What has a conflict is not taken.
        result, clean = merge_files(old, own, file, labels)
        nearest = len(lines[place]) == len(held) and place not in merged.conflicts
        if clean and nearest and is_same_edit((old, own), (file, result)):
            fits[place] = result
    if len(fits) == 1:
        [(place, result)] = fits.items()
        merged.files[place] = result
        merged.renamed[name] = place
        merged.notes[place] = f"{name} was split; your edit of it fits only here, and is here"
        return
    ranked = sorted(places, key=lambda place: -sum(shared[place] for shared in held.values()))
    path = free_name(repo, f"{PATCHES}/{name}.patch", merged.files)
    merged.files[path] = File(patch)
    merged.patches[name] = Patch(path, {place: lines[place] for place in ranked})


def lines_held(patch: bytes, places: Mapping[str, File]) -> dict[int, dict[str, int]]:
    """Count, by the first line of each hunk, how many of its old lines each file holds."""
    there = {place: lines_of(file) for place, file in places.items()}
    held = {}
    for hunk in re.split(rb"^(?=@@ )", patch, flags=re.MULTILINE)[1:]:
        header, *lines = hunk.split(b"\n")
        old = Counter(line[1:] for line in lines if line[:1] in (b" ", b"-") and line[1:].strip())
        first = int(header.split(b" ")[1].strip(b"-").split(b",")[0])
        held[first] = {place: (old & its).total() for place, its in there.items()}
    return held


def is_same_edit(one: tuple[File, File], other: tuple[File, File]) -> bool:
    """Tell whether two files were changed by adding and removing the same lines."""
    (before, after), (there, result) = (map(lines_of, pair) for pair in (one, other))
    return after - before == result - there and before - after == there - result


def is_text(file: File) -> bool:
    """Tell whether a file has lines."""
    return file.mode != LINK and not is_binary(file)


def free_name(repo: Repository, path: str, planned: Container[str]) -> str:
    """Return a path where nothing is: an older patch may still wait to be worked in."""
    name, number = path, 1
    while name in planned or os.path.lexists(repo.folder / name):
        number += 1
        name = f"{path.removesuffix('.patch')}.{number}.patch"
    return name


def waiting_patches(folder: Path) -> list[str]:
    """Return the patches of earlier updates that nobody has worked in and deleted."""
    found = (folder / PATCHES).rglob("*.patch")
    return sorted(path.relative_to(folder).as_posix() for path in found)
