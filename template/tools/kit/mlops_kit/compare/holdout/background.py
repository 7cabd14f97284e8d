"""What is known about the rows of a comparison that their table does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, NotRequired, Required

from typing_extensions import TypedDict

from mlops_kit.compare.explain.record import Chosen, Importance, about_search


def today() -> date:
    """Return the day of this run, in UTC: the same on every machine."""
    return datetime.now(UTC).date()


class Read(TypedDict):
    """What the data stage read of a table."""

    files: int
    """How many files; 0 where the source has none."""
    not_read: list[str]
    """Files of its folder that were left alone."""
    rows: int
    """Rows that were read."""
    set_aside: int
    """Rows that break the contract: no later stage sees them."""
    reasons: dict[str, int]
    """Why, and how often, the commonest first."""
    missing: dict[str, int]
    """Missing values by column, where there are any."""
    left_out: NotRequired[dict[str, int]]
    """Rows that keep the contract and went no further, as to hide people: why, and how many."""


class Cutoff(TypedDict):
    """One of several fits of the candidate, on the outcomes that were known by then."""

    cutoff: str
    """When."""
    training_rows: int
    """From how many rows."""
    holdout_rows: int
    """How many rows it predicts: those up to the next."""


class Data(TypedDict, total=False):
    """What the decision was made from."""

    tables: Required[dict[str, Read]]
    """By table of conf/sources.yaml."""
    training_rows: int
    """Rows that the candidate learned from."""
    augmented_rows: int
    """How many rows augment() of model.py made of them; absent where there is none."""
    features: int
    """How many it has."""
    holdout_days: list[str]
    """First and last day of the holdout, where its rows have dates."""
    cutoffs: list[Cutoff]
    """When the candidate was fitted, where that was several times; the last one is registered."""


class Seen(TypedDict):
    """Rows of the holdout that are equal to training rows of others in all features."""

    rows: int
    """Their number."""
    limit: float
    """The largest share of the holdout that they may be (data.copies of conf/compare.yaml)."""
    by_chance: bool
    """Whether their outcomes differ as those of rows with a few coarse features do."""
    sentence: str
    """The same for a person."""


class Alone(TypedDict):
    """A feature that nearly reaches the model alone."""

    feature: str
    """Its name."""
    measure: Literal["AUC", "R2"]
    """What is compared, on the holdout."""
    value: float
    """The feature's own."""
    model: float
    """The model's."""


class Features(TypedDict, total=False):
    """What is known about the features."""

    looked_ahead: bool
    """Whether looking into the future was searched for; absent where nobody noted it."""
    seen: Seen
    """Rows that training has seen; absent where the table does not say."""
    alone: list[Alone]
    """Features that nearly reach the model alone, the strongest first."""
    sentences: list[str]
    """All of it for a person."""


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
    tables : dict
        By table, what the data stage read, set aside and found missing (reports/data/reading.json).
    trained_on : tuple of int, or None
        Training rows and features.
    cutoffs : tuple of dict
        When the candidate was fitted, in time, where that was several times.
    search : Chosen, optional
        How the model's setting was chosen, where it was searched.
    importance : Importance, optional
        What the model looks at, where it was asked.
    augmented_rows : int or None
        What the team's augment() made of the training rows.
    together : tuple of dict
        features, formula: two features that give the outcome together.
    """

    horizon_days: int | None = None
    known_until: date | None = None
    source: str = ""
    telling: tuple[str, ...] = ()
    of_pipeline: bool = False
    determining: tuple[str, ...] = ()
    alone: tuple[dict[str, Any], ...] = ()
    looked_ahead: tuple[bool, str] | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)
    trained_on: tuple[int, int] | None = None
    cutoffs: tuple[Cutoff, ...] = ()
    search: Chosen | None = None
    importance: Importance | None = None
    augmented_rows: int | None = None
    together: tuple[dict[str, Any], ...] = ()


def background_of(card: dict[str, Any], read: Mapping[str, Any]) -> Background:
    """Read what the train stage noted in models/model.json; older cards note nothing.

    `read` is what the data stage noted of each table.
    """
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
        read,
        (card["training_rows"], len(card["features"])) if "training_rows" in card else None,
        tuple(card.get("cutoffs", ())),
        about_search(card),
        augmented_rows=card.get("augmented_rows"),
        together=tuple(noted.get("telling_pairs", ())),
    )
