"""Which rows each model learns from and which it predicts: one model, or one for each cut-off."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.train.splits.split import CUTOFF, KNOWN_AT

if TYPE_CHECKING:
    import pandas


# Under this name the card and the registry note from when on a model knows no outcome.
LEARNED_UNTIL = "learned_until"


class Fit(NamedTuple):
    """One training: the rows learned from, those predicted, and when it is made, if it is said."""

    train: "pandas.DataFrame"
    holdout: "pandas.DataFrame"
    cutoff: Any = None

    def record(self) -> dict[str, Any]:
        """Say when, from how many rows, and how many it predicts."""
        return {
            CUTOFF: self.cutoff.isoformat(),
            "training_rows": len(self.train),
            "holdout_rows": len(self.holdout),
        }


def fits_of(table: "pandas.DataFrame") -> list[Fit]:
    """Divide features.parquet into trainings, in the order of time.

    Of several, each learns from every row whose outcome was known at its cut-off, also from those
    that an earlier one predicted. The last is the model that is stored and registered. Their
    `holdout` one below the other is all that is held out, in the order of the table.
    """
    holdout = table[table["split"] == "holdout"]
    if CUTOFF not in table.columns:
        train = table[table["split"] == "train"]
        return [Fit(train.reset_index(drop=True), holdout.reset_index(drop=True))]
    return [
        Fit(
            table[table[KNOWN_AT] <= cutoff].reset_index(drop=True),
            holdout[holdout[CUTOFF] == cutoff].reset_index(drop=True),
            cutoff,
        )
        for cutoff in sorted(holdout[CUTOFF].unique())
    ]


def later(rows: "pandas.DataFrame", until: str | None) -> "pandas.DataFrame":
    """Keep the rows from a time on, which a model that knows no outcome from then on never saw."""
    import pandas as pd

    if until is None or "time" not in rows:
        return rows
    return rows[pd.to_datetime(rows["time"]) >= pd.Timestamp(until)].reset_index(drop=True)


def never_seen(fits: list[Fit], until: str | None) -> list[Fit]:
    """Keep the rows of holdouts in time that a model from elsewhere cannot have learned from.

    Parameters
    ----------
    until : str, optional
        From when on that model knows no outcome; without it rows are not held back by time.

    Raises
    ------
    MlopsError
        When no row is left.
    """
    if until is None:
        return fits
    import pandas as pd

    began = pd.Timestamp(until)
    kept = [each._replace(holdout=later(each.holdout, until)) for each in fits]
    before, after = (sum(len(one.holdout) for one in each) for each in (fits, kept))
    if not after:
        raise MlopsError(
            f"All rows of this holdout are from before {began:%Y-%m-%d}, and the bundle's model "
            "may have learned from what came true then: it can be judged when newer data is here."
        )
    if after < before:
        progress(
            "train",
            f"{before - after:,} of {before:,} holdout rows are not judged: they are from before "
            f"{began:%Y-%m-%d}, and the bundle's model may have learned from what came true then",
        )
    return [each for each in kept if len(each.holdout)]


def outcomes_of(table: "pandas.DataFrame") -> "pandas.DataFrame | None":
    """Return id, known_at and y_true of all rows, where it is noted when an outcome is known.

    Who forecasts a row may use those that were known at its time, though its model is older.
    """
    return table[["id", KNOWN_AT, "y_true"]] if KNOWN_AT in table.columns else None


def learned(rows: Any, last: Any) -> Any:
    """Mark the rows that the stored model learned from, shape (n,).

    Parameters
    ----------
    rows : polars.DataFrame, shape (n, ...)
        Rows of features.parquet.
    last : datetime or None
        The last cut-off, where there are several.
    """
    return rows["split"] == "train" if last is None else rows[KNOWN_AT] <= last


def last_cutoff(file: Path) -> Any:
    """Read the last cut-off of features.parquet, or None where there are not several."""
    import polars as pl

    if CUTOFF not in pl.read_parquet_schema(file):
        return None
    return pl.scan_parquet(file).select(pl.col(CUTOFF).max()).collect().item()
