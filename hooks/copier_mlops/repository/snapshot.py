"""Remember the exact state before the first write, so that an operation can always be undone.

Everything lies in ``.git/copier-mlops/``. A snapshot becomes valid by one rename and ends by one
rename: a process killed in between leaves either the whole snapshot or none. Undoing may itself be
killed and repeated.
"""

import base64
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from copier_mlops.errors import ToolError
from copier_mlops.git import Repository, ask_git, git, path_in, refuse_busy
from copier_mlops.repository.one_run import own_folder
from copier_mlops.repository.whole_files import digest, place_beside, restore, save, sha

RUNNING, DONE = "running", "done"


@dataclass
class Snapshot:
    """What was there before an operation, and what the operation has said about itself."""

    command: str
    details: dict[str, Any]
    head: str
    """The full name of the branch, or the commit of a detached HEAD."""
    commit: str
    has_index: bool
    saved: dict[str, dict[str, Any]]
    """By path from the top of the repository: kind, mode, times, and the name of the copy."""
    missing_folders: list[str]
    phase: str = RUNNING
    written: dict[str, str] = field(default_factory=dict)
    branches: dict[str, list[str]] = field(default_factory=dict)
    """Branches made by the operation, each with the commits that it may point to."""


def current(repo: Repository) -> Snapshot | None:
    """Return the snapshot of the last operation, if it was neither undone nor forgotten."""
    try:
        text = (own_folder(repo) / "operation" / "snapshot.json").read_text(encoding="utf-8")
        return Snapshot(**json.loads(text))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ToolError(
            f"{own_folder(repo) / 'operation'} is damaged; look at git status."
        ) from error


def begin(
    repo: Repository,
    command: str,
    paths: Mapping[str, bytes | None] | Iterable[str],
    details: dict[str, Any],
) -> None:
    """Save all that an operation may change; call it inside ``only_one``, before the first write.

    Parameters
    ----------
    repo : Repository
        Where it works.
    command : str
        The command's name, as a person writes it.
    paths : mapping or iterable of str
        Every path, from the top of the repository, that may be written or removed, ignored and
        untracked ones too. A mapping also says what will stand there (None: nothing): other
        contents are then known to be a person's.
    details : dict
        What is needed to run it again.

    Raises
    ------
    ToolError
        An interrupted operation waits here, git is busy, or a path leaves the repository.
    """
    refuse_interrupted(repo)
    refuse_busy(repo)
    folder = own_folder(repo)
    fresh = folder / "new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    named = isinstance(paths, Mapping)
    missing: dict[str, None] = {}
    saved = {}
    for number, name in enumerate(sorted(set(paths))):
        path = path_in(repo.top, name)
        # A link there would be written through, a file written over.
        if os.path.lexists(place_beside(path)):
            raise ToolError(
                f"{place_beside(path)} stands where a file would be written; move it away."
            )
        saved[name] = save(path, fresh / str(number))
        for parent in Path(name).parents:
            if parent != Path() and not (repo.top / parent).exists():
                missing[parent.as_posix()] = None
    has_index = (repo.git_dir / "index").exists()
    if has_index:
        shutil.copy2(repo.git_dir / "index", fresh / "index")
    commit = git("rev-parse", "HEAD", cwd=repo.top)
    head = ask_git("symbolic-ref", "--quiet", "HEAD", cwd=repo.top) or commit
    planned = {name: sha(content) for name, content in dict(paths).items()} if named else {}
    snapshot = Snapshot(
        command, details, head, commit, has_index, saved, list(missing), written=planned
    )
    _store(fresh, snapshot)
    _remove(repo)
    fresh.rename(folder / "operation")


@contextmanager
def undone_on_error(
    repo: Repository,
    command: str,
    paths: Mapping[str, bytes | None] | Iterable[str],
    details: dict[str, Any],
) -> Iterator[None]:
    """Begin, and finish; a full disk, Ctrl-C or any other error brings the former state back."""
    begin(repo, command, paths, details)
    try:
        yield
        finish(repo)
    except BaseException:
        abort(repo, command)
        raise


def refuse_interrupted(repo: Repository) -> None:
    """Refuse to start while an operation waits that was killed half-way."""
    before = current(repo)
    if before and before.phase == RUNNING:
        name = before.command
        raise ToolError(
            f"A copier-mlops {name} was interrupted here; "
            f"run copier-mlops {name} --abort to undo it"
            + (" or --continue to finish it." if name == "update" else ".")
        )


def record_commits(repo: Repository, branch: str, commits: Collection[str]) -> None:
    """Note a branch before it is made, and every commit that it may point to."""
    _change(repo, branches={branch: [*commits]})


def finish(repo: Repository) -> None:
    """Note that the operation is complete, and what it wrote, so that later work is recognised."""
    snapshot = current(repo)
    if snapshot:
        written = {name: digest(path_in(repo.top, name)) for name in snapshot.saved}
        _change(repo, phase=DONE, written=written)


def wrote(repo: Repository, name: str) -> bool:
    """Tell whether a file, from the top, is still what the last complete operation wrote there."""
    snapshot = current(repo)
    found = digest(path_in(repo.top, name))
    return bool(snapshot and found and found == snapshot.written.get(name))


def forget(repo: Repository) -> None:
    """Drop the snapshot: from here on git is the way back."""
    _remove(repo)


def abort(repo: Repository, command: str) -> list[str]:
    """Bring back files, index and branch as they were, and forget the snapshot.

    Returns
    -------
    list of str
        Where files that were edited since are kept, below ``.git/copier-mlops/aborted``.

    Raises
    ------
    ToolError
        Nothing is there to undo, or work was committed since.
    """
    snapshot = current(repo)
    if snapshot is None or snapshot.command != command:
        what = {"adopt": "adoption"}.get(command, command)
        raise ToolError(f"There is no {what} to undo in {repo.top}.")
    commit = git("rev-parse", "HEAD", cwd=repo.top)
    head = ask_git("symbolic-ref", "--quiet", "HEAD", cwd=repo.top) or commit
    made = head.removeprefix("refs/heads/")
    if commit not in [snapshot.commit, *snapshot.branches.get(made, [])] or (
        head != snapshot.head and made not in snapshot.branches
    ):
        raise ToolError(
            f"Since the {command} you committed or changed branch; "
            f"undo with git (it was at {snapshot.commit[:12]})."
        )
    # git's own locks stay behind when it is killed with us; begin() refused older ones.
    if snapshot.phase == RUNNING:
        for name in ("index", "HEAD", *(f"refs/heads/{branch}" for branch in snapshot.branches)):
            lock = git("rev-parse", "--git-path", f"{name}.lock", cwd=repo.top)
            (repo.top / lock).unlink(missing_ok=True)
    folder = own_folder(repo) / "operation"
    kept = _keep_later_edits(repo, snapshot, folder)
    for name, before in snapshot.saved.items():
        restore(repo, name, before, folder)
    for name in sorted(snapshot.missing_folders, key=len, reverse=True):
        with suppress(OSError):  # Not empty: somebody's new file is in it.
            (repo.top / name).rmdir()
    if head != snapshot.head:
        if snapshot.head.startswith("refs/"):
            git("symbolic-ref", "HEAD", snapshot.head, cwd=repo.top)
        else:
            git("update-ref", "--no-deref", "HEAD", snapshot.head, cwd=repo.top)
    for name, commits in snapshot.branches.items():
        if (
            ask_git("rev-parse", "--verify", "--quiet", f"refs/heads/{name}", cwd=repo.top)
            in commits
        ):
            git("update-ref", "-d", f"refs/heads/{name}", cwd=repo.top)
    if snapshot.has_index:
        shutil.copy2(folder / "index", repo.git_dir / "index.copier-mlops")
        (repo.git_dir / "index.copier-mlops").replace(repo.git_dir / "index")
    else:
        (repo.git_dir / "index").unlink(missing_ok=True)
    _remove(repo)
    return kept


def _keep_later_edits(repo: Repository, snapshot: Snapshot, folder: Path) -> list[str]:
    """Copy aside what is neither the former contents nor the operation's: it would be lost."""
    kept = []
    aside = own_folder(repo) / "aborted"
    earlier = len(list(aside.iterdir())) if aside.exists() else 0
    for name, before in snapshot.saved.items():
        path = path_in(repo.top, name)
        former = ""
        if before["kind"] == "file":
            former = digest(folder / before["copy"])
        elif before["kind"] == "link":
            former = sha(base64.b64decode(before["target"]))
        if path.is_dir() and not path.is_symlink():
            raise ToolError(f"{path} is a folder now; move it away, then abort again.")
        if digest(path) not in ("", former, snapshot.written.get(name)):
            target = aside / str(earlier + 1) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target, follow_symlinks=False)
            kept.append(str(target))
    return kept


def _change(repo: Repository, **fields: Any) -> None:
    """Change fields of the stored snapshot in one step."""
    snapshot = current(repo)
    if snapshot is None:
        raise ToolError(
            f"The snapshot below {own_folder(repo)} has gone; nothing more was written."
        )
    for name, value in fields.items():
        setattr(snapshot, name, value)
    _store(own_folder(repo) / "operation", snapshot)


def _store(folder: Path, snapshot: Snapshot) -> None:
    """Write the snapshot's description whole."""
    fresh = folder / "snapshot.json.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(snapshot), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / "snapshot.json")


def _remove(repo: Repository) -> None:
    """Make the snapshot invalid by one rename, then delete it."""
    folder, gone = own_folder(repo) / "operation", own_folder(repo) / "gone"
    shutil.rmtree(gone, ignore_errors=True)
    if folder.exists():
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
