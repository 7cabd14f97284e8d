"""What the train stage notes about the holdout's rows, so that compare needs no features."""

from typing import TYPE_CHECKING, Any

from mlops_kit.core.settings import OPEN_ZONE
from mlops_kit.core.utc import connect
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.train.checks.alone import alone
from mlops_kit.train.checks.copies import codes_of, same_rows
from mlops_kit.train.checks.outcome import determining_in, is_vouched_for
from mlops_kit.train.look_ahead import what_was_checked

if TYPE_CHECKING:
    import numpy
    import pandas

# The sample's answers are no facts that were recorded.
ANSWERS = "oracle"
# Rows drawn to find features that tell the outcome; of text, levels that are no names of rows.
MOST_ROWS = 20_000
MOST_LEVELS = 100
MOST_NAMED = 3
# As near perfect as a system must be to be doubted (compare/perfect.py).
NEAR_PERFECT = 0.999
REST = 0.01


def notes(
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    names: list[str],
    answers: "numpy.ndarray",
    horizon: Any,
) -> dict[str, Any]:
    """Note the outcome's horizon, the last day of its facts, and features that give it away.

    Parameters
    ----------
    train, holdout : pandas.DataFrame
        Have split, y_true and the features.
    names : list of str
        The features.
    answers : numpy.ndarray, shape (n_holdout, ...)
        The model's predictions of the holdout.
    horizon : anything
        What params.yaml says under features.horizon_days; None when it says nothing.

    Returns
    -------
    dict
        looked_ahead (checked, sentence); and where it is known: horizon_days, known_until (ISO
        date) with known_from (words), telling_features, determining_features, alone.
    """
    sources = load_sources()
    checked, sentence = what_was_checked(sources, "time" in holdout)
    found: dict[str, Any] = {"looked_ahead": {"checked": checked, "sentence": sentence}}
    if isinstance(horizon, int) and horizon > 0:
        found["horizon_days"] = horizon
        if newest := newest_fact(sources):
            found["known_until"], table = newest
            found["known_from"] = f"the newest row of table {table}"
    if telling := telling_features(holdout, names):
        found["telling_features"] = telling
    if is_vouched_for():
        with connect() as connection:
            features = connection.read_parquet(str(OPEN_ZONE / "features.parquet"))
            if determining := determining_in(features, names):
                found["determining_features"] = determining
    if near := alone(train, holdout, names, answers):
        found["alone"] = near
    return found


def same_features(holdout: "pandas.DataFrame", names: list[str]) -> "numpy.ndarray":
    """Give rows with equal features and time the same number, shape (n_rows,)."""
    return same_rows(holdout, [*names, "time"] if "time" in holdout else names)


def newest_fact(sources: Sources) -> tuple[str, str] | None:
    """Find the newest time of the open tables, as an ISO date, and the table that holds it."""
    found = []
    with connect() as connection:
        for name, table in sources.tables.items():
            file = OPEN_ZONE / "tables" / f"{name}.parquet"
            if table.time is None or name == ANSWERS or not file.is_file():
                continue
            connection.read_parquet(str(file)).create_view("facts", replace=True)
            rows = connection.execute(f'SELECT TRY_CAST(max("{table.time}") AS DATE) FROM facts')
            ((newest,),) = rows.fetchall()
            if newest is not None:
                found.append((newest.isoformat(), name))
    return max(found, default=None)


def telling_features(rows: "pandas.DataFrame", names: list[str]) -> list[str]:
    """Name features, at most MOST_NAMED, that determine the outcome of `rows` each alone.

    A number tells it in its order (AUC for two outcomes, least squares for numbers), a feature of
    few levels by the outcome's mean of each level.
    """
    import pandas as pd

    if len(rows) > MOST_ROWS:
        rows = rows.sample(MOST_ROWS, random_state=0)
    outcome = pd.to_numeric(rows["y_true"], errors="coerce")
    if outcome.isna().any() or outcome.nunique() < 2:
        return []
    truth = outcome.to_numpy(float)
    found = (name for name in names if _tells(rows[name], truth))
    return [name for name, _ in zip(found, range(MOST_NAMED), strict=False)]


def _tells(feature: "pandas.Series", truth: "numpy.ndarray") -> bool:
    import numpy as np
    import pandas as pd

    told = []
    if pd.api.types.is_numeric_dtype(feature) or pd.api.types.is_bool_dtype(feature):
        values = feature.astype(float).to_numpy()
        # A value that is missing may tell the outcome too.
        told.append(np.where(np.isnan(values), np.nanmin(values, initial=0.0) - 1, values))
    levels = codes_of(feature)
    if levels.max(initial=0) < min(MOST_LEVELS, len(truth) / 20):
        told.append((np.bincount(levels, truth) / np.bincount(levels))[levels])
    return any(np.ptp(values) > 0 and _fits(values, truth) for values in told)


def _fits(values: "numpy.ndarray", truth: "numpy.ndarray") -> bool:
    """Tell whether `values` order two outcomes, or are a line through the numbers."""
    import numpy as np

    if np.unique(truth).size == 2:
        from sklearn.metrics import roc_auc_score

        found = roc_auc_score(truth == truth.max(), values)
        return max(found, 1 - found) >= NEAR_PERFECT
    return bool(1 - np.corrcoef(values, truth)[0, 1] ** 2 <= REST**2)
