"""What is known about the rows of a comparison that their table does not say."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


def today() -> date:
    """Return the day of this run, in UTC: the same on every machine."""
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Background:
    """How old outcomes must be, how far they are known, and which features give them away.

    Parameters
    ----------
    horizon_days : int or None
        An outcome is complete so many days after its row's time, that day included.
    known_until : date or None
        The last whole day of which facts were recorded when the outcomes were made.
    source : str
        Who says so, for people: "the newest row of orders", "--as-of".
    telling : tuple of str
        Features that tell the outcome of the holdout alone, such as by a threshold.
    determining : tuple of str
        Features that determine the outcome, which a person vouches for.
    alone : tuple of dict
        feature, measure, value, model: features that nearly reach the model alone.
    looked_ahead : tuple of bool and str, or None
        Whether looking into the future was searched for, and a sentence; None where nobody noted.
    of_pipeline : bool
        Whether the pipeline's own rows are judged, and not just any table.
    """

    horizon_days: int | None = None
    known_until: date | None = None
    source: str = ""
    telling: tuple[str, ...] = ()
    of_pipeline: bool = False
    determining: tuple[str, ...] = ()
    alone: tuple[dict[str, Any], ...] = ()
    looked_ahead: tuple[bool, str] | None = None


def background_of(card: dict[str, Any]) -> Background:
    """Read what the train stage noted in models/model.json; older cards note nothing."""
    noted = card.get("holdout") or {}
    until, ahead = noted.get("known_until"), noted.get("looked_ahead")
    return Background(
        noted.get("horizon_days"),
        date.fromisoformat(until) if until else None,
        noted.get("known_from", ""),
        tuple(noted.get("telling_features", ())),
        True,
        tuple(noted.get("determining_features", ())),
        tuple(noted.get("alone", ())),
        (ahead["checked"], ahead["sentence"]) if ahead else None,
    )
