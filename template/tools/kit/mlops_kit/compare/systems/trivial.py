"""Predictors that need no model: the least that a candidate must beat."""

from typing import TYPE_CHECKING, Any

from mlops_kit.compare.systems.seasonal import last_known, seasonal_naive
from mlops_kit.compare.systems.spec import Trivial
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.core.words import counted
from mlops_kit.train.classes import Classes, positions

if TYPE_CHECKING:
    import numpy
    import pandas

NUMBERS = ("classification", "regression")
TASKS = {
    "majority": ("classification",),
    "prior": ("classification",),
    "mean": ("regression",),
    "median": ("regression",),
    "last_value": NUMBERS,
    "seasonal_naive": NUMBERS,
    "popularity": ("recommendation",),
    "random": (*NUMBERS, "recommendation"),
}


def trivial(
    spec: Trivial,
    train: "pandas.DataFrame",
    rows: "pandas.DataFrame",
    task: str,
    seed: int,
    known: "pandas.DataFrame | None" = None,
) -> "numpy.ndarray":
    """Predict `rows` without looking at their features.

    Parameters
    ----------
    train, rows : DataFrame
        With id, and time for last_value and seasonal_naive; `train` with y_true.
    seed : int
        Of the strategy random.
    known : DataFrame, optional
        id, known_at and y_true of every outcome, where it is noted when each is known: last_value
        and seasonal_naive use what was known at each row's time, not only what `train` holds.

    Returns
    -------
    numpy.ndarray
        Shape (n,), or (n, k) items, best first.
    """
    import numpy as np

    _refuse_other_task(spec, task)
    y, n = train["y_true"], len(rows)
    match spec.strategy:
        case "majority":
            return np.full(n, float(y.mean() >= 0.5))
        case "prior" | "mean":
            return np.full(n, float(y.mean()))
        case "median":
            return np.full(n, float(y.median()))
        case "popularity":
            return np.tile(_ranked_items(train)[: spec.k], (n, 1))
        case "random":
            return _random(spec, train, n, task, seed)
    if known is None:
        values = _earlier(spec, train, rows)
    elif spec.season:
        return seasonal_naive(spec.name, spec.season, known, rows)
    else:
        values = last_known(spec.name, known, rows)
    # An entity without a past gets what holds for all.
    return np.where(np.isnan(values), float(y.mean()), values)


def trivial_classes(
    spec: Trivial,
    train: "pandas.DataFrame",
    rows: "pandas.DataFrame",
    classes: Classes,
    seed: int,
) -> "numpy.ndarray":
    """Give each of several classes a probability, shape (n, n_classes), without any feature.

    Parameters as in trivial(). `majority` and the last values are sure of one class; `random` draws
    the probabilities evenly from all that add up to 1.
    """
    import numpy as np

    _refuse_other_task(spec, "classification")
    n, codes = len(rows), positions(train["y_true"], classes)
    shares = np.bincount(codes, minlength=len(classes)) / codes.size
    sure = np.eye(len(classes))
    match spec.strategy:
        case "majority":
            return np.tile(sure[shares.argmax()], (n, 1))
        case "prior":
            return np.tile(shares, (n, 1))
        case "random":
            return np.random.default_rng(seed).dirichlet(np.ones(len(classes)), n)
    last = _earlier(spec, train.assign(y_true=codes), rows)
    known = ~np.isnan(last)
    # An entity without a past gets what holds for all.
    chances = np.tile(shares, (n, 1))
    chances[known] = sure[last[known].astype(np.int64)]
    return chances


def _refuse_other_task(spec: Trivial, task: str) -> None:
    if task not in TASKS[spec.strategy]:
        known = ", ".join(name for name, tasks in TASKS.items() if task in tasks)
        raise MlopsError(f"{spec.name}: {spec.strategy} does not suit a {task}; use {known}.")


def _earlier(spec: Trivial, train: "pandas.DataFrame", rows: "pandas.DataFrame") -> "numpy.ndarray":
    """y_true of the same id last time, or a season before; NaN where there is none."""
    import numpy as np

    if "time" not in train.columns:
        raise MlopsError(f"{spec.name}: {spec.strategy} needs a time in rows() of features.py.")
    values = _last_values(train, rows)
    if spec.season:
        values = np.where(np.isnan(seasonal := _same_season(spec, train, rows)), values, seasonal)
        if none := int(np.isnan(seasonal).sum()):
            progress(
                "compare",
                f"{spec.name}: {none:,} of {counted(len(rows), 'row')} have no outcome "
                f"{spec.season} before: the last one of their series is taken, or what holds for "
                "all",
            )
    return values


def _ranked_items(train: "pandas.DataFrame") -> "numpy.ndarray":
    """Every item of the training rows, most frequent first, equal ones in the items' own order."""
    import numpy as np

    items = train["y_true"].explode().dropna().to_numpy()
    if items.size == 0:
        raise MlopsError("No training row has a true item: nothing is popular.")
    names, counts = np.unique(np.array(items.tolist()), return_counts=True)
    return names[np.argsort(-counts, kind="stable")]


def _random(
    spec: Trivial, train: "pandas.DataFrame", n: int, task: str, seed: int
) -> "numpy.ndarray":
    import numpy as np

    random = np.random.default_rng(seed)
    if task == "classification":
        return random.random(n)
    if task == "regression":
        return random.choice(train["y_true"].to_numpy(np.float64), n)
    items = _ranked_items(train)
    return np.stack([random.permutation(items)[: spec.k] for _ in range(n)])


def _last_values(train: "pandas.DataFrame", rows: "pandas.DataFrame") -> "numpy.ndarray":
    """Latest y_true of the same id strictly before each row's time; NaN where there is none."""
    import numpy as np
    import pandas as pd

    past = train[["id", "time", "y_true"]].sort_values("time", kind="stable")
    wanted = rows[["id", "time"]].assign(position=range(len(rows)))
    wanted = wanted.sort_values("time", kind="stable")
    for table in (past, wanted):
        table["time"] = pd.to_datetime(table["time"]).astype("datetime64[us]")
    found = pd.merge_asof(wanted, past, on="time", by="id", allow_exact_matches=False)
    return found.sort_values("position")["y_true"].to_numpy(np.float64)


def _same_season(
    spec: Trivial, train: "pandas.DataFrame", rows: "pandas.DataFrame"
) -> "numpy.ndarray":
    """y_true of the same id one season before, or two or more; NaN where there is none."""
    import numpy as np
    import pandas as pd

    length, unit = str(spec.season).split()
    offset: Any = pd.DateOffset
    known = pd.Series(
        train["y_true"].to_numpy(np.float64),
        index=pd.MultiIndex.from_arrays([train["id"], pd.to_datetime(train["time"])]),
    )
    earliest = known.index.get_level_values(1).min()
    times = pd.to_datetime(rows["time"])
    values, seasons = np.full(len(rows), np.nan), 1
    while True:
        before = times - offset(**{unit: seasons * int(length)})
        if before.max() < earliest or not np.isnan(values).any():
            return values
        earlier = known.reindex(pd.MultiIndex.from_arrays([rows["id"], before])).to_numpy()
        values = np.where(np.isnan(values), earlier, values)
        seasons += 1
