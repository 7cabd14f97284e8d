"""Which tags of a template are its versions, and which only look like one."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import InvalidVersion, Version

from copier_mlops.errors import ToolError
from copier_mlops.git import ask_git, git

CALENDAR = 1900  # a first number from here on is a year or a date, never a major version


@dataclass(frozen=True)
class Tags:
    """The tags of a template, sorted by what they are."""

    versions: dict[Version, str] = field(default_factory=dict)
    """Tag by version, oldest first."""
    others: list[str] = field(default_factory=list)
    """Tags that are not read as versions."""


def read_tags(names: Iterable[str], recorded: Iterable[str] = ()) -> Tags:
    """Tell versions from other tags.

    A version is a tag as PEP 440 reads it, with or without a leading ``v``, and with at least two
    numbers: ``v2`` moves along with ``v2.1.3``, and ``20251231`` is a date. Where both years and
    other numbers come first, only one of the two is how this template counts: that of the recorded
    releases, else that of most tags.

    Parameters
    ----------
    names : iterable of str
        The names of all tags.
    recorded : iterable of str
        Releases that the template's own record names.
    """
    read: dict[Version, str] = {}
    others = []
    # Of two names of one version the longer one: 1.2 moves along with 1.2.0.
    for name in sorted(names, key=lambda name: (name.count("."), name)):
        version = version_of(name)
        if version is None:
            others.append(name)
            continue
        if version in read:
            others.append(read.pop(version))
        read[version] = name
    known = [version for text in recorded if (version := version_of(text))]
    years = [version for version in read if version.major >= CALENDAR]
    if 0 < len(years) < len(read):
        judged = known or list(read)
        by_year = 2 * sum(version.major >= CALENDAR for version in judged) > len(judged)
        wrong = [version for version in read if (version.major >= CALENDAR) is not by_year]
        others += [read.pop(version) for version in wrong]
    return Tags({version: read[version] for version in sorted(read)}, sorted(others))


def version_of(tag: str) -> Version | None:
    """Read a tag as a version, or return None."""
    if not re.match(r"v?(\d+!)?\d+\.\d", tag, re.IGNORECASE):
        return None
    try:
        return Version(tag)
    except InvalidVersion:
        return None


def released(clone: Path) -> tuple[dict[Version, str], list[str]]:
    """Return the commit of each version, oldest first, and the tags that are no versions.

    Versions are tags that read as one, and what releases.toml names.

    Raises
    ------
    ToolError
        releases.toml cannot be read.
    """
    try:
        record = tomllib.loads(show(clone, "HEAD", "releases.toml") or "")
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"releases.toml of the template is not TOML: {error}.") from error
    names = git("tag", "--list", cwd=clone).splitlines()
    commits = {tag: commit_of(clone, f"refs/tags/{tag}") for tag in names}
    # A tag may also be on a single file or folder.
    tags = read_tags((tag for tag, commit in commits.items() if commit), record)
    found = {number: str(commits[tag]) for number, tag in tags.versions.items()}
    # The record wins over a tag, which somebody may have moved.
    for text, name in record.items():
        if (number := version_of(text)) and (commit := commit_of(clone, str(name))):
            found[number] = commit
    others = [*tags.others, *(tag for tag, commit in commits.items() if not commit)]
    return {number: found[number] for number in sorted(found)}, sorted(others)


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
