"""Which tags of a template are its versions, and which only look like one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

CALENDAR = 1900  # a first number from here on is a year or a date, never a major version


@dataclass(frozen=True)
class Tags:
    """The tags of a template, sorted by what they are."""

    versions: dict[Version, str] = field(default_factory=dict)
    """Tag by version, oldest first."""
    others: list[str] = field(default_factory=list)
    """Tags that are not read as versions."""

    @property
    def newest(self) -> str | None:
        """Return the tag of the newest final release."""
        final = [tag for version, tag in self.versions.items() if not version.is_prerelease]
        return final[-1] if final else None


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
            others.append(read[version])
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
