"""Find the first arrangement of dependencies that uv can lock and build, in a scratch copy."""

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from copier_mlops.adopting.arrangements import Arrangement
from copier_mlops.adopting.existing import LARGEST_TEXT, REGULAR, Existing
from copier_mlops.errors import ToolError
from copier_mlops.git import Repository, path_in, read_blobs, run_git, tree_of
from copier_mlops.rendering.versions import File
from copier_mlops.repository.project import KIT
from copier_mlops.uv import for_uv, told

LOCK, KIT_PROJECT = "uv.lock", f"{KIT}pyproject.toml"
MOST_FILES = 20_000
QUIET = ("--no-progress", "--color", "never")
LONGEST = 900  # seconds; uv may have to build old distributions to learn what they need
NO_ANSWER = ("failed to fetch", "dns error", "error sending request", "connection", "timed out")
NO_PYTHON = (
    "no interpreter found",
    "failed to inspect python interpreter",
    "querying python at",  # a shim of pyenv for a version that is not switched on
)


@dataclass(frozen=True)
class Settled:
    """The chosen arrangement, its locks by path from the top, and what went wrong, if anything."""

    arrangement: Arrangement
    locks: dict[str, bytes]
    said: str = ""
    """What uv said about the arrangements that it refused."""
    unlocked: str = ""
    """Why there is no lock."""


def settle(
    existing: Existing,
    arrangements: list[Arrangement],
    rendered: Mapping[str, File],
    *,
    wanted: bool,
) -> Settled:
    """Lock the first arrangement that can be locked; the repository itself is not touched.

    Parameters
    ----------
    existing : Existing
        The repository.
    arrangements : list of Arrangement
        The best first; the last one needs no resolution, the template's own lock fits it.
    rendered : mapping
        The template's files: its lock, and the kit, which every arrangement installs.
    wanted : bool
        False: resolve nothing and take the first arrangement.
    """
    uv = shutil.which("uv")
    if len(arrangements) > 1 and (not wanted or uv is None):
        why = "uv is not on the PATH" if wanted else "--no-lock was given"
        return Settled(arrangements[0], {}, unlocked=f"{why}: run `uv lock`, commit uv.lock.")
    environment = for_uv(os.environ)
    # A project that shares the kit of its workspace has neither: the workspace's are there.
    lock, kit = (rendered[n].content if n in rendered else None for n in (LOCK, KIT_PROJECT))
    # The scratch copy has no history to take a version from.
    environment.setdefault("SETUPTOOLS_SCM_PRETEND_VERSION", "0.0.0")
    said = unbuilt = ""
    for arrangement in arrangements[:-1]:
        with tempfile.TemporaryDirectory(prefix="copier-mlops-lock-") as scratch:
            top = Path(scratch)
            before = _export(existing.repo, top)
            folder = top / existing.repo.prefix
            if lock and LOCK not in existing.entries:
                (folder / LOCK).write_bytes(lock)
            files = {name: text.encode() for name, text in arrangement.files.items()}
            for name, content in (files | ({KIT_PROJECT: kit} if kit else {})).items():
                path = path_in(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            done = _lock(uv or "uv", folder, environment, existing.pythons)
            if done.returncode == 0:
                locks = _locks(top, before, existing.repo)
                # Of the template's own arrangement only pyproject.toml is here, and it builds.
                own = arrangement.mode == "whole"
                done = done if own else build(uv or "uv", folder, environment, existing.pythons)
                if done.returncode == 0:
                    return Settled(_explained(arrangement, unbuilt), locks, said)
                unbuilt = said = told(done.stderr.replace(scratch, ""))
                if any(words in said.casefold() for words in NO_ANSWER):
                    why = f"uv could not build your project, as no index answered ({said[-200:]})"
                    return Settled(arrangement, locks, unlocked=f"{why}: run `uv sync`.")
                continue
            said = told(done.stderr.replace(scratch, ""))
            if any(words in said.casefold() for words in NO_PYTHON):
                why = f"uv found no Python {existing.pythons} on this machine: install one"
                return Settled(arrangement, {}, unlocked=f"{why}, run `uv lock`, commit uv.lock.")
            if any(words in said.casefold() for words in NO_ANSWER):
                why = f"uv could not reach the package index ({said[-200:]})"
                return Settled(arrangement, {}, unlocked=f"{why}: run `uv lock`, commit uv.lock.")
    last = _explained(arrangements[-1], unbuilt)
    # The same kit, seen from src/.
    lock = (lock or b"").replace(b'editable = "tools/kit"', b'editable = "../tools/kit"')
    return Settled(last, {f"{existing.repo.prefix}src/{LOCK}": lock}, said[:1500])


def _explained(arrangement: Arrangement, unbuilt: str) -> Arrangement:
    """Give an arrangement the cause why a better one was left out: their own build fails."""
    if not unbuilt:
        return arrangement
    without = (
        "The template's command has an environment of its own in src/, because"
        if arrangement.mode == "apart"
        else "`uv run` does not have your own project, because"
    )
    note = (
        f"{without} your project cannot be built as it stands, so nothing that contains it can be "
        "installed: mend what uv names, undo this adoption, and adopt again."
    )
    return replace(arrangement, note=note)


def _lock(
    uv: str, folder: Path, environ: Mapping[str, str], pythons: str
) -> subprocess.CompletedProcess[str]:
    return _uv([uv, "lock", *QUIET, "--python", pythons], folder, environ)


def build(
    uv: str, folder: Path, environ: Mapping[str, str], pythons: str
) -> subprocess.CompletedProcess[str]:
    """Install the folder's own distribution, if the lock has it, alone into a fresh environment.

    A lock needs its metadata only; a build backend may refuse all the same, for example when no
    module has the distribution's name.
    """
    lock = next(path / LOCK for path in (folder, *folder.parents) if (path / LOCK).is_file())
    here = Path(os.path.relpath(folder, lock.parent)).as_posix()
    sources = [one["source"] for one in tomllib.loads(lock.read_text("utf-8")).get("package", [])]
    if not any(here in (source.get("editable"), source.get("directory")) for source in sources):
        return subprocess.CompletedProcess([], 0, "", "")
    with tempfile.TemporaryDirectory(prefix="copier-mlops-build-") as environment:
        done = _uv([uv, "venv", *QUIET, "--python", pythons, environment], folder, environ)
        if done.returncode == 0:
            options = (*QUIET, "--no-deps", "--python", environment)
            done = _uv([uv, "pip", "install", *options, "--editable", "."], folder, environ)
    return done


def _uv(
    command: list[str], folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        said = f"cause: it took longer than {LONGEST} seconds"
        return subprocess.CompletedProcess(command, 1, "", said)


def _export(repo: Repository, destination: Path) -> dict[str, bytes]:
    """Write the commit's small plain files, and return its locks by path from the top."""
    entries = {
        name: entry.oid
        for name, entry in tree_of(replace(repo, prefix=""), "HEAD").items()
        if entry.mode in REGULAR
    }
    asked = "".join(f"{oid}\n" for oid in entries.values()).encode()
    answers = run_git("cat-file", "--batch-check", cwd=repo.top, data=asked)[1].decode()
    sizes = [int(line.split()[2]) for line in answers.splitlines()]
    names = [
        name
        for name, size in zip(entries, sizes, strict=True)
        if size <= LARGEST_TEXT or Path(name).name == LOCK
    ]
    blobs = read_blobs(repo, [entries[name] for name in names[:MOST_FILES]])
    (destination / repo.prefix).mkdir(parents=True, exist_ok=True)
    locks = {}
    for name in names[:MOST_FILES]:
        path = path_in(destination, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blobs[entries[name]])
        if path.name == LOCK:
            locks[name] = blobs[entries[name]]
    return locks


def _locks(top: Path, before: Mapping[str, bytes], repo: Repository) -> dict[str, bytes]:
    """Return the locks that uv wrote: the project's, or that of a workspace above it."""
    found = {}
    for folder in [top / repo.prefix, *(top / repo.prefix).parents]:
        path = folder / LOCK
        if path.is_file() and before.get(name := path.relative_to(top).as_posix()) != (
            content := path.read_bytes()
        ):
            found[name] = content
        if folder == top:
            break
    own = f"{repo.prefix}{LOCK}"
    if own not in before and len(found) > 1:
        del found[own]  # A member of a workspace: the lock is the workspace's.
    if not found and not before:
        raise ToolError("uv lock ended well and wrote no uv.lock; run it by hand to see why.")
    return found
