"""Findings that somebody accepted, why, and until when: a JSON file under conf/.

JSON, because pre-commit hooks read it with the standard library. An entry names a place, an
entity and how many; never a value and never its hash, since the hash of a short value is
found by trying all of them. More findings than accepted close the gate again.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol, TypeVar

from mlops_kit.core import utc

KEYS = ("place", "entity", "count", "reason", "until")


class Found(Protocol):
    """What a gate finds: a dataclass that says where, what, how many, and what else."""

    @property
    def place(self) -> str: ...  # noqa: D102
    @property
    def entity(self) -> str: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102
    @property
    def why(self) -> str: ...  # noqa: D102


F = TypeVar("F", bound=Found)


class BaselineError(ValueError):
    """The file cannot be used: one sentence."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Findings of one entity in one file, or in one place inside it, that are known and right.

    Attributes
    ----------
    until : date
        The last day on which the entry counts.
    """

    place: str
    entity: str
    count: int
    reason: str
    until: date

    def covers(self, finding: Found) -> bool:
        """Tell whether the finding is in this place, or in a part of this file."""
        inside = finding.place.removeprefix(self.place)
        is_here = finding.place.startswith(self.place) and (not inside or inside[0] in ":,( ")
        return is_here and finding.entity == self.entity


def load_accepted(file: Path, known: Callable[[str], bool], optional: bool) -> list[Accepted]:
    """Read the accepted findings.

    Parameters
    ----------
    known : callable
        Whether an entity is one that this gate looks for.
    optional : bool
        Whether the file may be missing, which accepts nothing.

    Raises
    ------
    BaselineError
        When the file is damaged, or an entry lacks its place, entity, count, reason or end.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if optional:
            return []
        raise BaselineError(f"{file.as_posix()} does not exist; correct the name.") from None
    except ValueError as error:
        raise BaselineError(f"{file.as_posix()} is not valid JSON; mend it there.") from error
    entries = content.get("accepted") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BaselineError(f'{file.as_posix()} must hold a list under "accepted"; mend it there.')
    return [_entry(one, f"{file.as_posix()}, entry {n}", known) for n, one in enumerate(entries, 1)]


def _entry(content: object, where: str, known: Callable[[str], bool]) -> Accepted:
    if not isinstance(content, dict) or set(content) != set(KEYS):
        raise BaselineError(f"{where} must have exactly these keys: {', '.join(KEYS)}.")
    place, entity, count, reason, until = (content[key] for key in KEYS)
    if not isinstance(entity, str) or not known(entity):
        raise BaselineError(f'{where}: "entity" is none that the check knows; see its report.')
    if not isinstance(place, str) or not place or not isinstance(reason, str) or not reason.strip():
        raise BaselineError(f'{where}: "place" and "reason" must be texts that say something.')
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise BaselineError(f'{where}: "count" must be a whole number from 1.')
    try:
        return Accepted(place, entity, count, reason, date.fromisoformat(until))
    except (TypeError, ValueError) as error:
        raise BaselineError(f'{where}: "until" must be a day such as 2027-06-30.') from error


def not_accepted(findings: Sequence[F], accepted: list[Accepted], file: Path) -> list[F]:
    """Return the findings that close the gate; of an ended allowance they say so."""
    left = {entry: entry.count for entry in accepted}
    closing: list[F] = []
    for finding in findings:
        entry = next((each for each in accepted if each.covers(finding)), None)
        if entry is None:
            closing.append(finding)
        elif entry.until < utc.today():
            why = f"its allowance in {file.as_posix()} ended on {entry.until}"
            closing.append(_with(finding, why))
        elif finding.count > left[entry]:
            closing.append(_with(finding, f"{file.as_posix()} accepts {entry.count}"))
        else:
            left[entry] -= finding.count
    return closing


def _with(finding: F, why: str) -> F:
    said = "; ".join(filter(None, (finding.why, why)))
    return replace(finding, why=said)  # type: ignore[type-var]


def ended(accepted: list[Accepted]) -> list[Accepted]:
    """Return the entries whose last day has passed, whether or not anything is found there."""
    return [entry for entry in accepted if entry.until < utc.today()]
