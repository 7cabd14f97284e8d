"""Run git so that no hook, prompt, pager, signature or inherited setting can join in."""

import os
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from copier_mlops.environment import scrubbed
from copier_mlops.errors import ToolError, last_line

SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.pager=cat",
    "core.editor=true",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "diff.external=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
)
FLAGS = [part for setting in SETTINGS for part in ("-c", setting)]
NOBODY = {"NAME": "copier-mlops", "EMAIL": "copier-mlops@localhost"}


class GitError(ToolError):
    """git ended badly; ``reason`` is what it said last."""

    def __init__(self, command: str, cwd: Path, reason: str) -> None:
        super().__init__(f"git {command} failed in {cwd}: {reason}")
        self.reason = reason


class Entry(NamedTuple):
    """What a commit or the index holds at a path: a git mode such as 100644, and an object id."""

    mode: str
    oid: str


@dataclass(frozen=True)
class Repository:
    """A git working tree, and the folder in it that is worked on.

    ``top`` and ``folder`` are resolved; ``prefix`` is ``""`` or ends with a slash; ``git_dir`` is
    this working tree's own.
    """

    top: Path
    git_dir: Path
    prefix: str

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.top / self.prefix


def run_git(
    *arguments: str | Path,
    cwd: Path,
    data: bytes | None = None,
    environ: Mapping[str, str] | None = None,
    ok: Collection[int] = (0,),
) -> tuple[int, bytes]:
    """Run git and return its exit code and output.

    Raises
    ------
    ToolError
        git is missing, or (``GitError``) ended with a code that is not in ``ok``.
    """
    extra = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *FLAGS, *arguments],
            cwd=cwd,
            env={**scrubbed(os.environ), **extra, **(environ or {})},
            input=data if data is not None else b"",
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolError("git is needed and is not on PATH; install git.") from error
    if done.returncode not in ok:
        said = done.stderr.decode("utf-8", "replace")
        raise GitError(str(arguments[0]), cwd, last_line(said))
    return done.returncode, done.stdout


def git(
    *arguments: str | Path,
    cwd: Path,
    data: bytes | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Run git and return what it printed, without the last newline."""
    output = run_git(*arguments, cwd=cwd, data=data, environ=environ)[1]
    return output.decode("utf-8", "surrogateescape").rstrip("\n")


def ask_git(*arguments: str | Path, cwd: Path) -> str | None:
    """Run git and return what it printed, or None when the answer is no."""
    code, output = run_git(*arguments, cwd=cwd, ok=range(256))
    return output.decode("utf-8", "surrogateescape").rstrip("\n") if code == 0 else None


def identity(cwd: Path) -> dict[str, str]:
    """Return an environment for commits: nobody's name where none is configured."""
    configured = all(ask_git("var", f"GIT_{who}_IDENT", cwd=cwd) for who in ("AUTHOR", "COMMITTER"))
    if configured:
        return {}
    return {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in NOBODY.items()}


def repository_at(path: Path) -> Repository:
    """Return the repository that a folder belongs to.

    Raises
    ------
    ToolError
        No such folder, no git working tree with a commit, or git is in the middle of something.
    """
    folder = path.expanduser().resolve()
    if not folder.is_dir():
        raise ToolError(f"There is no folder {folder}.")
    # One value a line would break on a folder with a newline in its name.
    answers = [
        ask_git("rev-parse", option, cwd=folder)
        for option in ("--show-toplevel", "--absolute-git-dir", "--show-prefix")
    ]
    if ask_git("rev-parse", "--is-bare-repository", cwd=folder) == "true":
        raise ToolError(f"{folder} is a bare repository; clone it, and run this in the clone.")
    if answers[0] is None or answers[1] is None or answers[2] is None:
        raise ToolError(f"{folder} is in no git repository with files; run git init and commit.")
    repo = Repository(Path(answers[0]), Path(answers[1]), answers[2])
    if repo.folder.resolve() != folder:
        raise ToolError(
            f"git has the files of {folder} elsewhere ({repo.folder}); unset core.worktree."
        )
    if ask_git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=folder) is None:
        raise ToolError(f"{folder} has no commit yet; commit your files first.")
    if ask_git("config", "--get", "core.sparseCheckout", cwd=folder) == "true":
        raise ToolError(f"{folder} is a sparse checkout; run git sparse-checkout disable first.")
    return repo


def refuse_busy(repo: Repository) -> None:
    """Refuse while git itself is in the middle of a merge, a rebase or another command."""
    for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"):
        if (repo.git_dir / name).exists():
            raise ToolError(f"git is in the middle of something ({name}); finish or abort it.")
    for name in ("index.lock", "HEAD.lock"):
        if (repo.git_dir / name).exists():
            raise ToolError(
                f"{repo.git_dir / name} exists: another git command runs here, or one was killed; "
                "wait for it, or remove that file."
            )
    if run_git("ls-files", "--unmerged", "-z", cwd=repo.top)[1]:
        raise ToolError("Some files are unmerged (git status lists them); resolve them first.")


def changed_paths(repo: Repository) -> list[str]:
    """Return the project's tracked paths that differ from HEAD, in the index or on disk."""
    command = (
        "status",
        "--porcelain",
        "-z",
        "--untracked-files=no",
        "--no-renames",
        "--ignore-submodules=all",
    )
    output = run_git(*command, "--", ".", cwd=repo.folder)[1].decode("utf-8", "surrogateescape")
    return [line[3:].removeprefix(repo.prefix) for line in output.split("\0") if line]


def tree_of(repo: Repository, revision: str) -> dict[str, Entry]:
    """Return the files of a revision below the project's folder, by path relative to it."""
    command = ("ls-tree", "-r", "-z", "--full-tree", revision)
    output = run_git(*command, cwd=repo.top)[1].decode("utf-8", "surrogateescape")
    entries = {}
    for line in filter(None, output.split("\0")):
        about, _, name = line.partition("\t")
        mode, _, oid = about.split(" ")
        if name.startswith(repo.prefix):
            entries[name.removeprefix(repo.prefix)] = Entry(mode, oid)
    return entries


def read_blobs(repo: Repository, oids: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of blobs, read by one git process."""
    wanted = list(dict.fromkeys(oids))
    asked = "".join(f"{oid}\n" for oid in wanted).encode()
    output = run_git("cat-file", "--batch", cwd=repo.top, data=asked)[1]
    blobs, position = {}, 0
    for oid in wanted:
        end = output.index(b"\n", position)
        header = output[position:end].split(b" ")
        if len(header) != 3 or header[1] != b"blob":
            raise ToolError(f"git has no file contents for {oid}; the repository is incomplete.")
        start, size = end + 1, int(header[2])
        blobs[oid] = output[start : start + size]
        position = start + size + 1
    return blobs


def store(repo: Repository, contents: Iterable[bytes]) -> dict[bytes, str]:
    """Store contents as they are, by one git process without filters; return their object ids."""
    different = list(dict.fromkeys(contents))
    with tempfile.TemporaryDirectory(prefix="copier-mlops-store-") as scratch:
        paths = [Path(scratch) / str(number) for number in range(len(different))]
        for path, content in zip(paths, different, strict=True):
            path.write_bytes(content)
        asked = "".join(f"{path}\n" for path in paths).encode()
        command = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        oids = git(*command, cwd=repo.top, data=asked).split()
    return dict(zip(different, oids, strict=True))


def update_index(
    repo: Repository, index: Path, entries: Iterable[tuple[str, str, int, str]]
) -> None:
    """Put entries (mode, object id, stage, path from the top) into an index that is not git's."""
    lines = (f"{mode} {oid} {stage}\t{name}\0" for mode, oid, stage, name in entries)
    data = "".join(lines).encode("utf-8", "surrogateescape")
    environ = {"GIT_INDEX_FILE": str(index)}
    git("update-index", "-z", "--index-info", cwd=repo.top, data=data, environ=environ)


def unified_diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bytes:
    """Return what differs between two sets of files, whatever a person has set for git diff."""
    # Attributes that a person gave all their files would leave lines out, or run a filter.
    plain = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.attributesFile",
        "GIT_CONFIG_VALUE_0": os.devnull,
        "GIT_CONFIG_KEY_1": "diff.orderFile",
        "GIT_CONFIG_VALUE_1": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
    }
    with tempfile.TemporaryDirectory(prefix="copier-mlops-diff-") as scratch:
        for side, files in (("a", before), ("b", after)):
            (Path(scratch) / side).mkdir()
            for name, content in files.items():
                path = path_in(Path(scratch) / side, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        options = ("--no-prefix", "--no-color", "--no-ext-diff", "--no-textconv", "--unified=3")
        command = ("diff", "--no-index", *options, "a", "b")
        return run_git(*command, cwd=Path(scratch), environ=plain, ok=(0, 1))[1]


def path_in(root: Path, name: str) -> Path:
    """Return the path of a file named by a template or a repository.

    Raises
    ------
    ToolError
        The name would leave ``root``: absolute, ``..``, inside ``.git``, or through a link.
    """
    parts = PurePosixPath(name).parts
    wrong = not parts or name.startswith("/") or "\\" in name or "\0" in name or ":" in parts[0]
    if wrong or any(part == ".." or part.casefold() == ".git" for part in parts):
        raise ToolError(f"The path {name!r} would leave the repository; nothing was written.")
    path = root
    for part in parts[:-1]:
        path /= part
        if path.is_symlink():
            raise ToolError(f"{path} is a symbolic link; {name} cannot be written through it.")
    return root.joinpath(*parts)
