"""What the train stage notes about the holdout's rows, so that compare needs no features."""

import functools
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import open_table
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.train.checks.alone import alone
from mlops_kit.train.checks.amounts import VALUES
from mlops_kit.train.checks.copies import codes_of, same_rows
from mlops_kit.train.checks.outcome import determining_in, is_vouched_for
from mlops_kit.train.checks.pairs import Pair, telling_pairs
from mlops_kit.train.classes import Classes, positions
from mlops_kit.train.look_ahead import what_was_checked

if TYPE_CHECKING:
    import numpy
    import pandas

# The sample's answers are no facts that were recorded.
ANSWERS = "oracle"
# Rows drawn of training and of the holdout to find features that tell the outcome; of text, levels
# that are no names of rows; and rows that an outcome needs, or an honest feature tells it by
# chance: among all, and in a holdout that confirms what training says.
MOST_ROWS = 20_000
FEW = 10
FEW_HELD = 5
MOST_LEVELS = 100
MOST_NAMED = 3
# As near perfect as a system must be to be doubted (compare/perfect.py).
NEAR_PERFECT = 0.999
REST = 0.01
# Where rows have no time, nothing in them is the same amount of a day before: an R² of .999.
REST_WITHOUT_TIME = 0.0316
# Rates at which an amount may be another one: of taxes, currencies, discounts; how wide one is,
# relatively, and the share of rows that have one.
MOST_RATES = 4
WIDTH = 0.002
AT_A_RATE = 0.98


def notes(
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    names: list[str],
    answers: "numpy.ndarray",
    horizon: Any,
    classes: Classes | None = None,
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
    classes : list, optional
        The classes in the order of `answers`, when they are more than 0 and 1.

    Returns
    -------
    dict
        looked_ahead (checked, sentence); and where it is known: horizon_days, known_until (ISO
        date) with known_from (words), telling_features, telling_pairs (features, formula),
        determining_features, alone.
    """
    sources = load_sources()
    checked, sentence = what_was_checked(sources, "time" in holdout)
    found: dict[str, Any] = {"looked_ahead": {"checked": checked, "sentence": sentence}}
    if isinstance(horizon, int) and horizon > 0:
        found["horizon_days"] = horizon
        if newest := newest_fact(sources):
            found["known_until"], table = newest
            found["known_from"] = f"the newest row of table {table}"
    features, pairs = telling(train, holdout, names, classes)
    if features:
        found["telling_features"] = features
    if pairs:
        found["telling_pairs"] = [pair._asdict() for pair in pairs]
    if is_vouched_for():
        with connect() as connection:
            features = connection.read_parquet(str(open_table("features")))
            if determining := determining_in(features, names):
                found["determining_features"] = determining
    if near := alone(train, holdout, names, answers, classes):
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
            file = open_table(name)
            if table.time is None or name == ANSWERS or not file.is_file():
                continue
            connection.read_parquet(str(file)).create_view("facts", replace=True)
            rows = connection.execute(
                f"SELECT TRY_CAST(max({quoted(table.time)}) AS DATE) FROM facts"
            )
            ((newest,),) = rows.fetchall()
            if newest is not None:
                found.append((newest.isoformat(), name))
    return max(found, default=None)


def telling(
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    names: list[str],
    classes: Classes | None = None,
) -> tuple[list[str], list[Pair]]:
    """Name features, at most MOST_NAMED, that tell the outcome each alone, and pairs of others.

    A number tells it in its order (AUC of classes, least squares for amounts, an R² of .9999, or of
    .999 where rows have no time), or as an amount at one of few rates, over all rows. A
    feature of few levels tells it by what training says of each level; of words and flags, one
    class is enough, as of a field that belongs to it alone. A few rows are told by chance.
    """
    import numpy as np
    import pandas as pd

    parts = [_some(train), _some(holdout)]
    rows = pd.concat([part[[*names, "y_true"]] for part in parts], ignore_index=True)
    known = np.arange(len(rows)) < len(parts[0])
    if classes is not None:
        truth = positions(rows["y_true"], classes).astype(float)
    else:
        truth = pd.to_numeric(rows["y_true"], errors="coerce").to_numpy(float)
    if np.isnan(truth).any() or np.unique(truth).size < 2:
        return [], []
    amounts, in_time = classes is None and np.unique(truth).size > 2, "time" in holdout
    fits: Any = _sorts
    if amounts:
        fits = functools.partial(_is_line, REST if in_time else REST_WITHOUT_TIME)
    found = (
        name
        for name in names
        if _tells(rows[name], truth, known, fits)
        or (amounts and is_at_few_rates(rows[name], truth, in_time))
    )
    single = list(islice(found, MOST_NAMED))
    left = [name for name in names if name not in single]
    return single, telling_pairs(rows, left, truth, amounts, in_time)


def _some(rows: "pandas.DataFrame") -> "pandas.DataFrame":
    return rows.sample(MOST_ROWS, random_state=0) if len(rows) > MOST_ROWS else rows


def _tells(
    feature: "pandas.Series", truth: "numpy.ndarray", known: "numpy.ndarray", fits: Any
) -> bool:
    import numpy as np
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(feature) or pd.api.types.is_bool_dtype(feature)
    if numeric:
        values = feature.astype(float).to_numpy()
        # A value that is missing may tell the outcome too.
        filled = np.where(np.isnan(values), np.nanmin(values, initial=0.0) - 1, values)
        if fits(filled, truth, FEW):
            return True
    levels = codes_of(feature)
    if levels.max(initial=0) >= min(MOST_LEVELS, known.sum() / FEW_HELD):
        return False
    parts = [truth == code for code in np.unique(truth)] if fits is _sorts else [truth]
    told = [_tells_by_level(levels, part.astype(float), known, fits) for part in parts]
    # Of a measurement a threshold tells one of several classes by merit, as in botany.
    return all(told) if numeric and levels.max(initial=0) > 1 else any(told)


def _tells_by_level(
    levels: "numpy.ndarray", truth: "numpy.ndarray", known: "numpy.ndarray", fits: Any
) -> bool:
    """Tell whether the means of levels fit the outcome: all rows' own, and training's the rest."""
    import numpy as np

    size = levels.max() + 1
    own = np.bincount(levels, truth, size) / np.bincount(levels, minlength=size)
    count = np.bincount(levels[known], minlength=size)
    means = np.bincount(levels[known], truth[known], size) / np.where(count, count, np.inf)
    return fits(own[levels], truth, FEW) and fits(means[levels[~known]], truth[~known], FEW_HELD)


def _is_line(rest: float, values: "numpy.ndarray", truth: "numpy.ndarray", least: int) -> bool:
    """Tell whether `values` are a line through the numbers, of which there are `least`."""
    import numpy as np

    if truth.size < least or min(np.ptp(values), np.ptp(truth)) == 0:
        return False
    return bool(1 - np.corrcoef(values, truth)[0, 1] ** 2 <= rest**2)


def is_at_few_rates(feature: "pandas.Series", truth: "numpy.ndarray", in_time: bool) -> bool:
    """Tell whether nearly all amounts are the feature times one of few rates, as with a tax.

    Rates that are multiples of the smallest are quantities at a price, which is known before.

    Parameters
    ----------
    truth : numpy.ndarray, shape (n_rows,)
        The outcome.
    in_time : bool
        Whether an equal amount may be that of a day before, and says nothing.
    """
    import numpy as np
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(feature):
        return False
    values = feature.astype(float).to_numpy()
    if min(np.unique(values).size, np.unique(truth).size) < VALUES:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = truth / values
    left = np.sort(np.log(rates[np.isfinite(rates) & (rates > 0)]))
    found: list[float] = []
    told = 0
    while len(found) < MOST_RATES and left.size:
        ends = np.searchsorted(left, left + WIDTH, side="right")
        first = int(np.argmax(ends - np.arange(left.size)))
        near = left[first : ends[first]]
        if near.size < FEW:
            break
        left = np.delete(left, slice(first, ends[first]))
        if not (in_time and near[0] <= 0 <= near[-1]):
            found.append(float(np.exp(np.median(near))))
            told += near.size
    times = np.array(found) / min(found, default=1.0)
    priced = len(found) > 1 and bool((np.abs(times - times.round()) < WIDTH * times).all())
    asked = np.count_nonzero((values != 0) | (truth != 0))  # nothing is at every rate
    return bool(told >= AT_A_RATE * asked) and not priced


def _sorts(values: "numpy.ndarray", truth: "numpy.ndarray", least: int) -> bool:
    """Tell whether `values` put the classes of `least` rows one after the other, in any order."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    codes = np.unique(truth)
    codes = codes[np.argsort([np.median(values[truth == code]) for code in codes], kind="stable")]
    cuts = [np.isin(truth, codes[place:]) for place in range(1, codes.size)]
    cuts = [above for above in cuts if min(above.sum(), (~above).sum()) >= least]
    return bool(cuts) and all(roc_auc_score(above, values) >= NEAR_PERFECT for above in cuts)
