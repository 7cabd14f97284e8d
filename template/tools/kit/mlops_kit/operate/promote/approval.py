"""Approvals: a committed file that says who approves which model for which environment, and why.

git is what proves them: the author of the commit is who approves, and where the environment asks
for it, the commit's signature. A file that is not committed approves nothing. It names nobody
itself, so that no address stands in a file that everybody reads.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlops_kit.core.bundle import SHORT
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_text
from mlops_kit.core.programs import answer_of
from mlops_kit.core.settings import Promotion, read_yaml

FOLDER = Path("approvals")
GOOD = "G"  # of a key that is trusted here; with U anybody may have made one
FIELDS = ("sha256", "environment", "at", "reason")


@dataclass(frozen=True)
class Approval:
    """An approval that holds: who, why, and the commit that says so."""

    by: str
    reason: str
    commit: str
    signed: bool


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
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "reason": reason.strip(),
    }
    file = place(environment, sha256)
    write_text(file, yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    return file


def demanded(
    asked: Promotion, environment: str, sha256: str, built_by: str | None
) -> Approval | None:
    """Return the approval that the environment demands; None where it demands none.

    Raises
    ------
    MlopsError
        When there is none, it is not committed, about another model or environment, by somebody
        who may not, or not signed as asked.
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
    if answer_of("git", "ls-files", "--error-unmatch", "--", str(file)) is None:
        raise MlopsError(f"{file.as_posix()} is not committed, so nobody stands for it: commit it.")
    if answer_of("git", "status", "--porcelain", "--", str(file)):
        raise MlopsError(f"{file.as_posix()} was changed since it was committed: commit it again.")
    commit, author, address, signature = _commit(file)
    known = {author.casefold(), address.casefold()}
    if asked.approvers and not known & set(map(str.casefold, asked.approvers)):
        raise MlopsError(
            f"{author} may not approve for {environment}; promotion.approvers names "
            f"{', '.join(asked.approvers)}."
        )
    if asked.four_eyes and built_by is not None and author.casefold() == built_by.casefold():
        raise MlopsError(
            f"{author} built the model and approves it, and promotion.four_eyes of {environment} "
            "asks for another person."
        )
    if asked.signed and signature != GOOD:
        raise MlopsError(
            f"The commit {commit[:SHORT]} that approves has no good signature (git says "
            f"{signature or 'N'}): sign it (git commit -S), and let git here trust the key."
        )
    return Approval(author, told["reason"], commit, signature == GOOD)


def _commit(file: Path) -> tuple[str, str, str, str]:
    """Return a file's last commit: hash, author's name and address, state of the signature."""
    told = answer_of("git", "log", "-1", "--format=%H%x09%an%x09%ae%x09%G?", "--", str(file)) or ""
    parts = told.splitlines()[-1].split("\t") if told else []
    if len(parts) != 4:
        raise MlopsError(f"git does not say who committed {file.as_posix()}: fetch its history.")
    return parts[0], parts[1], parts[2], parts[3]
