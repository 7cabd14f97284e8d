"""Parts of the training rows that learn and judge in turn, apart as params.yaml splits the rest."""

from typing import TYPE_CHECKING, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import open_table
from mlops_kit.data.config import load_sources
from mlops_kit.train.checks.copies import codes_of, same_rows
from mlops_kit.train.splits.split import IN_TIME, KNOWN_AT

if TYPE_CHECKING:
    import numpy
    import pandas

    from mlops_kit.train.features import Split

# Rows below which a part says nothing.
FEWEST = 20


class Fold(NamedTuple):
    """Positions of the rows that learn, and of those that judge, shape (n,) each."""

    learn: "numpy.ndarray"
    judge: "numpy.ndarray"


def folds_of(
    train: "pandas.DataFrame",
    names: list[str],
    split: "Split",
    number: int,
    seed: int,
    classes: bool,
) -> list[Fold]:
    """Divide training rows as the holdout was divided off, so that each fold judges unseen rows.

    By time: each fold judges the rows after those that it learns from, with the same gap between,
    and a later fold learns from more. Otherwise whole entities, groups or equal rows are drawn.
    Folds without enough rows, or without each outcome on both sides (`classes`), are left out.

    Parameters
    ----------
    train : pandas.DataFrame
        Training rows only: id, y_true, the features, time or group where there are.
    names : list of str
        The features.
    number : int
        Folds at most.

    Raises
    ------
    MlopsError
        When no fold is left, or the groups of the rows are not known.
    """
    by_time = split.method in IN_TIME
    found = _in_time(train, split, number) if by_time else _drawn(train, names, split, number, seed)
    kept = [
        fold
        for fold in found
        if min(len(fold.learn), len(fold.judge)) >= FEWEST
        and not (classes and _lacks_an_outcome(train["y_true"], fold))
    ]
    if not kept:
        raise MlopsError(
            f"params.yaml: model.search has no use of {len(train):,} training rows: in none of "
            f"{number} folds both sides have {FEWEST} rows{' and every outcome' * classes}; ask "
            "for fewer folds, collect more, or write the setting by hand."
        )
    return kept


def _in_time(train: "pandas.DataFrame", split: "Split", number: int) -> list[Fold]:
    """Cut the times so that each part has as many rows as whole periods allow."""
    import numpy as np
    import pandas as pd

    times, gap = train["time"], 0
    if pd.api.types.is_numeric_dtype(times) or not split.gap_days:
        # Numbers and texts have an order, and no days.
        times = pd.factorize(times, sort=True)[0]
    else:
        times = times.astype("datetime64[us]").to_numpy()
        gap = np.timedelta64(split.gap_days, "D")
    ordered = np.sort(times)
    places = [len(train) * part // (number + 1) for part in range(1, number + 1)]
    starts = np.unique(ordered[places])
    ends = [*starts[1:], None]
    found = []
    for start, end in zip(starts, ends, strict=True):
        # As the features stage does it: an outcome is known only after the gap.
        learn = (times < start) & (times <= start - gap)
        if KNOWN_AT in train:
            learn = (train[KNOWN_AT] <= start).to_numpy()
        judge = (times >= start) & (True if end is None else times < end)
        found.append(Fold(np.flatnonzero(learn), np.flatnonzero(judge)))
    return found


def _drawn(
    train: "pandas.DataFrame", names: list[str], split: "Split", number: int, seed: int
) -> list[Fold]:
    from sklearn.model_selection import GroupKFold

    units = units_of(train, names, split)
    if (several := int(units.max()) + 1) < number:
        raise MlopsError(
            f"params.yaml: model.search.folds is {number}, and the training rows are of {several} "
            f"{'copies' if split.method == 'copies' else 'groups'} that stay whole: ask for fewer."
        )
    # (Its stubs are of an earlier release.)
    folds = GroupKFold(number, shuffle=True, random_state=seed)  # type: ignore[call-arg]
    return [Fold(learn, judge) for learn, judge in folds.split(train, groups=units)]


def units_of(train: "pandas.DataFrame", names: list[str], split: "Split") -> "numpy.ndarray":
    """Code what a split keeps whole, shape (n_rows,), from 0 on in the order of the rows.

    Raises
    ------
    MlopsError
        When the split is by groups, and neither the open table of the entity nor rows() tells them.
    """
    if split.method == "copies":
        return same_rows(train, names)
    if split.method != "group":
        return codes_of(train["id"])
    sources = load_sources()
    file = open_table(sources.entity.table)
    if file.is_file():
        with connect() as connection:
            table = connection.read_parquet(str(file))
            if split.column in table.columns:
                entity, column = quoted(sources.entity.column), quoted(str(split.column))
                pairs = table.project(f"{entity} AS id, {column} AS unit").distinct().df()
                known = pairs.drop_duplicates("id").set_index("id")["unit"]
                return codes_of(train["id"].map(known))
    if "group" in train:
        return codes_of(train["group"])
    raise MlopsError(
        f'params.yaml: the split keeps groups of "{split.column}" whole, which the open table '
        f'{sources.entity.table} does not have: give them in rows() of features.py as "group".'
    )


def _lacks_an_outcome(truth: "pandas.Series", fold: Fold) -> bool:
    return any(truth.iloc[rows].nunique() < truth.nunique() for rows in fold)
