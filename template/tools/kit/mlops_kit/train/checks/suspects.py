"""Columns that give the outcome away, by every check of the pipeline that looks at rows alone."""

from typing import TYPE_CHECKING

from mlops_kit.train.checks.outcome import MOST_ROWS, determining_features
from mlops_kit.train.evidence import telling

if TYPE_CHECKING:
    import polars

    from mlops_kit.train.classes import Classes

# More labels of numbers are amounts.
MOST_CLASSES = 20
DETERMINES = "determines the outcome: it is the outcome in another spelling, or written after it"
TELLS = "tells the outcome nearly without a mistake, alone"
TOGETHER = "gives the outcome together with another column, as {}"


def suspects(rows: "polars.DataFrame", names: list[str]) -> dict[str, str]:
    """Say of each column that gives the outcome away why it is suspected.

    The first kind is refused by the pipeline, the second makes it doubt a result.

    Parameters
    ----------
    rows : polars.DataFrame, shape (n_rows, ...)
        Has `split` (train, holdout), `y_true` and the columns; of many rows every nth is looked at.
    names : list of str
        The columns.
    """
    import polars as pl

    rows = rows.gather_every(max(-(-len(rows) // MOST_ROWS), 1))
    if rows["y_true"].dtype.is_float() and not (rows["y_true"] % 1 != 0).any():
        rows = rows.with_columns(pl.col("y_true").cast(pl.Int64))
    if rows["y_true"].n_unique() < 2:
        return {}
    found = dict.fromkeys(determining_features(rows, names), DETERMINES)
    left = [name for name in names if name not in found]
    if left:
        train, holdout = (
            rows.filter(pl.col("split") == part).to_pandas() for part in ("train", "holdout")
        )
        alone, pairs = telling(train, holdout, left, _classes(rows["y_true"]))
        found |= dict.fromkeys(alone, TELLS)
        for pair in pairs:
            for name in pair.features:
                found.setdefault(name, TOGETHER.format(pair.formula))
    return found


def _classes(truth: "polars.Series") -> "Classes | None":
    """Return the classes of an outcome, or None of amounts."""
    if truth.dtype.is_float() or (truth.dtype.is_numeric() and truth.n_unique() > MOST_CLASSES):
        return None
    return sorted(truth.drop_nulls().unique().to_list(), key=str)
