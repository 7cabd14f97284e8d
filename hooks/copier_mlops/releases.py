"""Which versions a template has: read from its tags and its record, compared, and named."""

import re
import tomllib
from pathlib import Path

from packaging.version import InvalidVersion, Version

from .errors import ToolError
from .git import ask_git, git


def released(clone: Path) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Read the versions from the tags and from releases.toml, as PEP 440 orders them.

    A bare number (``20251231``, ``v1``) beside tags such as ``1.2.0`` is a date, a build or a
    moving alias, though PEP 440 takes it for a version, and plain Copier, too.

    Returns
    -------
    versions, candidates : dict of str
        Commit of each release and of each pre-release, oldest first.
    unread : tuple of str
        The other tags.

    Raises
    ------
    ToolError
        releases.toml cannot be read.
    """
    tags = {tag: parsed(tag) for tag in git("tag", "--list", cwd=clone).splitlines()}
    dotted = any(version and len(version.release) > 1 for version in tags.values())
    found: dict[Version, str] = {}
    unread = []
    for tag, version in tags.items():
        commit = ask_git(
            "rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}", cwd=clone
        )
        if version is None or not commit or (dotted and len(version.release) == 1):
            unread.append(tag)
        elif found.setdefault(version, commit) != commit:
            unread.append(tag)  # 1.0.0 and v1.0.0 on two commits: the first one, as Copier.
    # The record wins over a tag, which somebody may have moved.
    try:
        record = tomllib.loads(show(clone, "HEAD", "releases.toml") or "")
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"releases.toml of the template is not TOML: {error}.") from error
    for text, commit in record.items():
        if (version := parsed(text)) and (known := commit_of(clone, str(commit))):
            found[version] = known
    final = {str(version): found[version] for version in sorted(found) if not version.is_prerelease}
    early = {str(version): found[version] for version in sorted(found) if version.is_prerelease}
    return final, early, tuple(unread)


def parsed(text: str) -> Version | None:
    """Return a version, or None if PEP 440 knows no such version."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def commit_of(clone: Path, revision: str) -> str | None:
    """Return the commit that a tag, branch, commit or description names, if there is one."""
    if re.search(r"[\s\0]", revision):
        return None
    for candidate in (revision, f"refs/remotes/origin/{revision}"):
        command = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        if found := ask_git(*command, f"{candidate}^{{commit}}", cwd=clone):
            return found.splitlines()[-1]
    return None


def show(clone: Path, commit: str, name: str) -> str | None:
    """Return the text of a file at a commit, or None."""
    return ask_git("show", f"{commit}:{name}", cwd=clone)
