"""Approvals: a committed file that says who approves which model for which environment, and why.

git is what proves them: the author of the commit is who approves, and where the environment asks
for it, the commit's signature and whose it is. A file that is not committed approves nothing. It
names nobody itself, so that no address stands in a file that everybody reads.

A commit that approves holds approvals and nothing else, so that nobody changes who may approve in
the same breath; and the rules in force are those that are committed. An approval counts for one
promotion: what was taken back afterwards needs another one.
"""

import re
import time
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_kit.core.bundle import SHORT
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import loader, read_yaml, sha256_of, write_text
from mlops_kit.core.programs import answer_of
from mlops_kit.core.settings import Promotion, settings_files

FOLDER = Path("approvals")
GOOD = "G"  # of a key that is trusted here; with U anybody may have made one
FIELDS = ("sha256", "environment", "at", "reason")
CLOCKS = 300  # seconds that two machines' clocks may differ by


@dataclass(frozen=True)
class Approval:
    """An approval that holds: who, why, the commit that says so, and the file's own digest."""

    by: str
    reason: str
    commit: str
    signed: bool
    sha256: str


@dataclass(frozen=True)
class Commit:
    """What git says of a commit: who wrote it, and who signed it."""

    sha: str
    author: str
    address: str
    signature: str
    signer: str
    at: int


def place(environment: str, sha256: str) -> Path:
    """Where the approval of a bundle, or of a model that was trained there, stands."""
    return FOLDER / environment / f"{sha256[:SHORT]}.yaml"


def approve(environment: str, sha256: str, what: str, reason: str) -> Path:
    """Write an approval, for its author to commit.

    Raises
    ------
    MlopsError
        When no reason is given.
    """
    import yaml

    if not reason.strip():
        raise MlopsError("Say in --reason why this model may go there; it is kept.")
    told = {
        "sha256": sha256,
        "environment": environment,
        "what": what,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "reason": reason.strip(),
    }
    file = place(environment, sha256)
    write_text(file, yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    return file


def refuse_other_rules(asked: Promotion) -> None:
    """Refuse rules of promotion that differ from those which are committed.

    A line that was never committed, or a variable, would let anybody in without a reviewer.

    Raises
    ------
    MlopsError
        When a key of `promotion` is another one than the commit's.
    """
    import yaml

    files = [file.as_posix() for file in settings_files()]
    texts = [answer_of("git", "show", f"HEAD:./{file}") for file in files]
    if texts[-1] is None:  # nothing is committed that could be got round
        return
    told: dict[str, Any] = {}
    for text in texts:
        told |= (yaml.load(text or "", Loader=loader()) or {}).get("promotion") or {}
    committed, present = Promotion.model_validate(told).model_dump(), asked.model_dump()
    if changed := [key for key in present if present[key] != committed[key]]:
        raise MlopsError(
            f"Nothing is promoted: promotion.{changed[0]} is {present[changed[0]]} here, and "
            f"{committed[changed[0]]} in the commit: commit {files[-1]} (its reviewers see it), "
            "or restore it, and set no MLOPS_PROMOTION variable."
        )


def demanded(
    asked: Promotion,
    environment: str,
    sha256: str,
    built_by: str | None,
    used: Container[str] = (),
) -> Approval | None:
    """Return the approval that the environment demands; None where it demands none.

    Parameters
    ----------
    used : container of str
        Digests of approvals that have let a model in before.

    Raises
    ------
    MlopsError
        When there is none, it is not committed, about another model or environment, by somebody
        who may not, not signed as asked, or was used before.
    """
    if not asked.approval:
        return None
    file = place(environment, sha256)
    mend = f"`uv run mlops approve --to {environment}`, commit {file.as_posix()}, then again"
    if not file.is_file():
        raise MlopsError(
            f"Nothing is promoted: {environment} demands an approval of {sha256[:SHORT]}, and "
            f"there is no {file.as_posix()}: {mend}."
        )
    told = {key: str(value) for key, value in read_yaml(file).items()}
    if lacking := [key for key in FIELDS if not told.get(key)]:
        raise MlopsError(f"{file.as_posix()} does not say {lacking[0]}: write it anew by {mend}.")
    if (told["sha256"], told["environment"]) != (sha256, environment):
        raise MlopsError(
            f"{file.as_posix()} approves {told['sha256'][:SHORT]} for {told['environment']}, and "
            f"this is {sha256[:SHORT]} for {environment}: {mend}."
        )
    commit = _approving_commit(file, asked.branch)
    known = {commit.author.casefold(), commit.address.casefold()}
    if asked.approvers and not known & set(map(str.casefold, asked.approvers)):
        raise MlopsError(
            f"{commit.author} may not approve for {environment}; promotion.approvers names "
            f"{', '.join(asked.approvers)}."
        )
    if asked.four_eyes and built_by is not None and commit.author.casefold() == built_by.casefold():
        raise MlopsError(
            f"{commit.author} built the model and approves it, and promotion.four_eyes of "
            f"{environment} asks for another person."
        )
    if asked.signed:
        _refuse_another_signer(commit)
    if (own := sha256_of(file)) in used:
        raise MlopsError(
            f"{file.as_posix()} has let this model in before, and it was taken back: if it may "
            f"come again, {mend}."
        )
    return Approval(commit.author, told["reason"], commit.sha, commit.signature == GOOD, own)


def _approving_commit(file: Path, branch: str | None) -> Commit:
    """Find the commit that approves, and see that it is one."""
    stored = answer_of("git", "rev-parse", "--verify", "--quiet", f"HEAD:./{file.as_posix()}")
    if stored is None:
        raise MlopsError(f"{file.as_posix()} is not committed, so nobody stands for it: commit it.")
    # Of the contents, as git's own state can be told to look away from a file.
    if answer_of("git", "hash-object", "--", str(file)) != stored:
        raise MlopsError(f"{file.as_posix()} was changed since it was committed: commit it again.")
    commit = _commit(file)
    shallow = Path(answer_of("git", "rev-parse", "--git-path", "shallow") or "")
    if shallow.is_file() and commit.sha in shallow.read_text(encoding="utf-8").split():
        raise MlopsError(
            f"This clone's history is cut off before {file.as_posix()} was committed, so that git "
            "names somebody else: git fetch --unshallow, then again."
        )
    others = [name for name in _changed(commit.sha) if not name.startswith(f"{_prefix()}{FOLDER}/")]
    if others:
        raise MlopsError(
            f"The commit {commit.sha[:SHORT]} that approves also changes {others[0]}: approve in a "
            "commit of approvals alone, so that what is approved is all that it says."
        )
    if commit.at > time.time() + CLOCKS:
        raise MlopsError(
            f"The commit {commit.sha[:SHORT]} that approves is of the future: set the clock (NTP) "
            "of this machine, or of the one where it was made."
        )
    ancestor = ("git", "merge-base", "--is-ancestor", commit.sha)
    if branch and answer_of(*ancestor, branch) is None:
        raise MlopsError(
            f"The commit {commit.sha[:SHORT]} that approves is not in {branch} "
            "(promotion.branch): merge it there, git fetch, then again."
        )
    return commit


def _commit(file: Path) -> Commit:
    """Return a file's last commit."""
    form = "--format=%H%x00%an%x00%ae%x00%G?%x00%GS%x00%ct"
    told = answer_of("git", "--no-replace-objects", "log", "-1", form, "--", str(file)) or ""
    parts = told.split("\0")
    if len(parts) != 6:
        raise MlopsError(f"git does not say who committed {file.as_posix()}: fetch its history.")
    return Commit(parts[0], parts[1], parts[2], parts[3], parts[4], int(parts[5]))


def _changed(commit: str) -> list[str]:
    """Name the files that a commit changes against its first parent, from the repository's top."""
    parent = answer_of("git", "rev-parse", "--verify", "--quiet", f"{commit}^1")
    listed = (
        ("git", "diff", "--name-only", "-z", "--no-renames", parent, commit)
        if parent
        else ("git", "ls-tree", "-r", "-z", "--full-tree", "--name-only", commit)
    )
    return [name for name in (answer_of(*listed) or "").split("\0") if name]


def _prefix() -> str:
    return answer_of("git", "rev-parse", "--show-prefix") or ""


def _refuse_another_signer(commit: Commit) -> None:
    """A name in a commit is what anybody writes; whose key signed it is what counts."""
    if commit.signature != GOOD:
        raise MlopsError(
            f"The commit {commit.sha[:SHORT]} that approves has no good signature (git says "
            f"{commit.signature or 'N'}): sign it (git commit -S), and let git here trust the key."
        )
    inside = re.search(r"<([^<>]+)>\s*$", commit.signer)
    signer = (inside[1] if inside else commit.signer).strip().casefold()
    if signer != commit.address.casefold():
        raise MlopsError(
            f"The commit {commit.sha[:SHORT]} says that it is by {commit.address}, and the key of "
            f"{signer or 'nobody'} signed it: the one who approves signs with a key of their own."
        )
