"""conf/privacy-baseline.json: findings that somebody accepted, why, and until when.

JSON, because the pre-commit hook reads it with the standard library. An entry names a place, an
entity and how many; never a value and never its hash, since the hash of a short identifier is
found by trying all of them. More findings than accepted close the gate again.
"""

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.gate.scan import UNREADABLE, today

BASELINE_FILE = Path("conf/privacy-baseline.json")
KEYS = ("place", "entity", "count", "reason", "until")


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

    def covers(self, finding: Finding) -> bool:
        """Tell whether the finding is in this place, or in a part of this file."""
        inside = finding.place.removeprefix(self.place)
        is_here = finding.place.startswith(self.place) and (not inside or inside[0] in ":,( ")
        return is_here and finding.entity == self.entity


def load_baseline(file: Path = BASELINE_FILE) -> list[Accepted]:
    """Read the accepted findings; a project without the file has none.

    Raises
    ------
    BaselineError
        When the file is damaged, or an entry lacks its place, entity, count, reason or end.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if file == BASELINE_FILE:
            return []
        raise BaselineError(f"{file.as_posix()} does not exist; correct the name.") from None
    except ValueError as error:
        raise BaselineError(f"{file.as_posix()} is not valid JSON; mend it there.") from error
    entries = content.get("accepted") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BaselineError(f'{file.as_posix()} must hold a list under "accepted"; mend it there.')
    return [_entry(one, f"{file.as_posix()}, entry {n}") for n, one in enumerate(entries, 1)]


def _entry(content: object, where: str) -> Accepted:
    if not isinstance(content, dict) or set(content) != set(KEYS):
        raise BaselineError(f"{where} must have exactly these keys: {', '.join(KEYS)}.")
    place, entity, count, reason, until = (content[key] for key in KEYS)
    if entity not in KINDS and entity != UNREADABLE:
        raise BaselineError(f'{where}: "entity" is none that the check knows; see its report.')
    if not isinstance(place, str) or not place or not isinstance(reason, str) or not reason.strip():
        raise BaselineError(f'{where}: "place" and "reason" must be texts that say something.')
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise BaselineError(f'{where}: "count" must be a whole number from 1.')
    try:
        return Accepted(place, entity, count, reason, date.fromisoformat(until))
    except (TypeError, ValueError) as error:
        raise BaselineError(f'{where}: "until" must be a day such as 2027-06-30.') from error


def not_accepted(
    findings: list[Finding], accepted: list[Accepted], file: Path = BASELINE_FILE
) -> list[Finding]:
    """Return the findings that close the gate; of an ended allowance they say so."""
    left = {entry: entry.count for entry in accepted}
    closing = []
    for finding in findings:
        entry = next((each for each in accepted if each.covers(finding)), None)
        if entry is None:
            closing.append(finding)
        elif entry.until < today():
            why = f"its allowance in {file.as_posix()} ended on {entry.until}"
            closing.append(replace(finding, why="; ".join(filter(None, (finding.why, why)))))
        elif finding.count > left[entry]:
            why = f"{file.as_posix()} accepts {entry.count}"
            closing.append(replace(finding, why="; ".join(filter(None, (finding.why, why)))))
        else:
            left[entry] -= finding.count
    return closing


def ended(accepted: list[Accepted]) -> list[Accepted]:
    """Return the entries whose last day has passed, whether or not anything is found there."""
    return [entry for entry in accepted if entry.until < today()]
