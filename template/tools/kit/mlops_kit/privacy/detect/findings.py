"""What a search returns: spans of a text, verdicts about columns, findings in places.

Imported by the pre-commit hook: nothing here may import more than the standard library.
"""

from dataclasses import dataclass
from typing import NamedTuple

from mlops_kit.privacy.detect.kinds.kind import Role

# From here on a likelihood is meant to be acted on. Below it lie years, weekdays, towns and other
# things that are personal beside others only.
LIKELY = 0.5


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text hold an entity, this likely (0 to 1)."""

    start: int
    end: int
    entity: str
    likelihood: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column is, judged by header and values; `entity` is empty when nothing is personal.

    Attributes
    ----------
    rows, matches : int
        Values looked at (without nulls), and how many of them look like the entity.
    reasons : tuple of str
        Why, in words; never a value.
    """

    column: str
    entity: str
    kind: Role
    likelihood: float
    reasons: tuple[str, ...]
    rows: int
    matches: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data where there should be none: what, where and how often; never the value.

    Attributes
    ----------
    place : str
        File, and inside it column, JSON path, sheet, cell or tag, as a person would look it up.
    position : int
        Row or line of the first one, counted from 1; 0 when there is none.
    why : str
        When the place could not be read or an allowance has ended: what is wrong, in words.
    """

    place: str
    entity: str
    count: int
    position: int
    likelihood: float
    why: str = ""
