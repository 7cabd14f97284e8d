"""Which two features give the outcome together: a formula, or a comparison, of both.

A profit is the revenue without its cost, and what arrived after the promised day is late: neither
column tells it alone. Looked at are, for each pair of numbers:

- amounts: a weighted sum, a product, a quotient and a product of powers, by least squares, against
  what the better of the two reaches alone;
- classes: whether a difference, sum, product or quotient parts them in every row, with many rows
  close to the limit on both sides: classes that lie apart by merit have few there, or mixed ones;
- two classes: whether the one is that two columns, of words too, are equal.

A part of the rows leaves few pairs over, which are then judged by all rows.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy
    import pandas

    Floats = numpy.ndarray

MOST_COLUMNS = 1_000  # more are not looked at: pairs grow with their square
MOST_CLASSES, MOST_NAMED = 20, 3
PART = 60  # rows that are looked at first
LEAST, VALUES = 50, 5  # rows that have both values; different ones of an amount
LIKELY = 0.01  # unexplained share of the variance in that part, from which all rows are looked at
# Unexplained share in all rows: what rounding leaves. Where rows have a time, two days before may
# tell the next nearly, hardly so that nothing is left.
ROUNDED, EXACT = 1e-3, 1e-8
BETTER = 0.1  # of what the better one leaves alone
SAME = 1e-9  # of two columns: what is left of one by the other
NEARLY_ALL = 0.98  # of the rows with both values: in others a formula divides by nothing
CLOSE = 0.1  # of the distance of the quartiles: so near is close to a limit
FEW = 6  # rows that must be close to a limit on each side


class Pair(NamedTuple):
    """Two features, and what of them is the outcome, or parts its classes."""

    features: tuple[str, str]
    formula: str


def telling_pairs(
    rows: "pandas.DataFrame", names: list[str], truth: "Floats", amounts: bool, in_time: bool
) -> list[Pair]:
    """Name pairs of features, at most MOST_NAMED, that give the outcome together.

    Parameters
    ----------
    rows : pandas.DataFrame, shape (n_rows, ...)
        Training and holdout rows.
    names : list of str
        Features that do not tell it alone.
    truth : numpy.ndarray, shape (n_rows,)
        The outcome: amounts, or the number of the class.
    in_time : bool
        Whether rows have a time.
    """
    import numpy as np
    import pandas as pd

    kinds = np.unique(truth).size
    if len(truth) < LEAST or kinds < (VALUES if amounts else 2):
        return []
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(rows[name])]
    numeric = [name for name in numeric if rows[name].nunique() > 1][:MOST_COLUMNS]
    texts = [name for name in names if isinstance(rows[name].dropna().iloc[:1].squeeze(), str)]
    values = rows[numeric].to_numpy(float, na_value=np.nan)
    found: Iterator[Pair] = iter(())
    if amounts:
        found = _of_amounts(values, numeric, truth, EXACT if in_time else ROUNDED)
    elif kinds <= MOST_CLASSES:
        found = _of_classes(values, numeric, truth)
        if kinds == 2:
            event = (truth == truth.max()).astype(int)
            found = chain(found, _of_equals(values, numeric, event),
                          _of_equals(_codes(rows, texts), texts, event))  # fmt: skip
    with np.errstate(all="ignore"):
        told: dict[tuple[str, str], Pair] = {}
        while len(told) < MOST_NAMED and (pair := next(found, None)) is not None:
            told.setdefault(pair.features, pair)
        return list(told.values())


def _part(truth: "Floats", amounts: bool) -> "Floats":
    """Choose the rows that are looked at first, shape (m,): of each class as many."""
    import numpy as np

    order = np.random.default_rng(0).permutation(truth.size)
    if amounts:
        return order[:PART]
    kinds = np.unique(truth)
    return np.concatenate([order[truth[order] == one][: PART // kinds.size] for one in kinds])


def _forms(one: "Floats", other: "Floats", classes: bool) -> "Iterator[tuple[str, Floats]]":
    """Yield what is made of two columns, or of one and several, shape (n, k), with its formula."""
    import numpy as np

    if classes:
        yield "{0} - {1}", one - other
        yield "{0} + {1}", one + other
    yield "{0} * {1}", one * other
    over, under = np.where(other > 0, other, np.nan), np.where(one > 0, one, np.nan)
    yield "{0} / {1}", one / over
    if classes:
        yield "{0} / {1}^2", one / over**2
        yield "{1} / {0}^2", other / under**2
    else:
        yield "{1} / {0}", other / under


# Amounts


def _of_amounts(values: "Floats", names: list[str], truth: "Floats", most: float) -> Iterator[Pair]:
    import numpy as np

    part = _part(truth, amounts=True)
    logs = np.log(np.where(values > 0, values, np.nan))
    log_truth = np.log(np.where(truth > 0, truth, np.nan))
    for first in range(len(names) - 1):
        one, others = values[part, first, None], values[part, first + 1 :]
        left = [
            _left_by_two(one, others, truth[part]),
            _left_by_two(logs[part, first, None], logs[part, first + 1 :], log_truth[part]),
            *(_left_by_line(made, truth[part]) for _, made in _forms(one, others, classes=False)),
        ]
        for place in np.flatnonzero(np.min(left, axis=0) < LIKELY):
            both = [first, first + 1 + int(place)]
            formula = _formula(values[:, both], logs[:, both], truth, log_truth, most)
            if formula is not None:
                pair = (names[both[0]], names[both[1]])
                yield Pair(pair, formula.format(*pair))


def _formula(
    values: "Floats", logs: "Floats", truth: "Floats", log_truth: "Floats", most: float
) -> str | None:
    """Return the formula by which all rows of two columns, shape (n, 2), leave at most so much."""
    import numpy as np

    alone = min(_left_by_line(values, truth).min(), _left_by_line(logs, log_truth).min())
    most = min(most, BETTER * alone)
    one, other = values.T
    left, weights = _fitted(values, truth)
    if left <= most:
        if np.allclose(np.abs(weights), np.abs(weights[0]), rtol=1e-3):
            return "{0} + {1}" if weights.prod() > 0 else "{0} - {1}"
        sign = "+" if weights[1] > 0 else "-"
        return f"{weights[0]:.3g} " + "{0} " + f"{sign} {abs(weights[1]):.3g} " + "{1}"
    for formula, made in _forms(one, other, classes=False):
        if _left_by_line(made[:, None], truth)[0] <= most:
            return formula
    left, powers = _fitted(logs, log_truth)
    return "{0}" + f"^{powers[0]:.2g} * " + "{1}" + f"^{powers[1]:.2g}" if left <= most else None


def _fitted(values: "Floats", truth: "Floats") -> "tuple[float, Floats]":
    """Fit a plane; return the unexplained share of the variance, and the weights, shape (2,)."""
    import numpy as np

    there = np.isfinite(values).all(axis=1) & np.isfinite(truth)
    if there.sum() < max(LEAST, there.size / 2):
        return 1.0, np.zeros(2)
    known, wanted = values[there], truth[there] - truth[there].mean()
    known = known - known.mean(axis=0)
    scale = known.std(axis=0)
    weights = np.linalg.lstsq(known / scale, wanted, rcond=None)[0]
    rest = wanted - known / scale @ weights
    return float(rest @ rest / max(wanted @ wanted, 1e-300)), weights / scale


def _centred(there: "Floats", *columns: "Floats") -> "Iterator[Floats]":
    """Take the mean of the rows that count from each, shape (m, k); 0 in the others."""
    import numpy as np

    rows = np.maximum(there.sum(axis=0), 1)
    for column in columns:
        kept = np.where(there, column, 0.0)
        yield np.where(there, column - kept.sum(axis=0) / rows, 0.0)


def _left_by_line(made: "Floats", truth: "Floats") -> "Floats":
    """Unexplained share of the variance by a line through each column, shape (k,); 1 for none."""
    import numpy as np

    there = np.isfinite(made) & np.isfinite(truth)[:, None]
    x, y = _centred(there, made, truth[:, None])
    left = 1 - (x * y).sum(axis=0) ** 2 / ((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.where(there.sum(axis=0) * 2 >= len(made), np.nan_to_num(left, nan=1.0), 1.0)


def _left_by_two(one: "Floats", others: "Floats", truth: "Floats") -> "Floats":
    """Unexplained share by a plane through one column and each of others, shape (k,)."""
    import numpy as np

    there = np.isfinite(one) & np.isfinite(others) & np.isfinite(truth)[:, None]
    x, z, y = _centred(there, one, others, truth[:, None])
    made = ((x, x), (z, z), (y, y), (x, z), (x, y), (z, y))
    xx, zz, yy, xz, xy, zy = ((a * b).sum(axis=0) for a, b in made)
    own = xx * zz - xz**2
    left = 1 - (zz * xy**2 - 2 * xz * xy * zy + xx * zy**2) / (own * yy)
    well = (there.sum(axis=0) * 2 >= len(others)) & (own > SAME * xx * zz)
    return np.where(well, np.nan_to_num(left, nan=1.0), 1.0)


# Classes


def _of_classes(values: "Floats", names: list[str], truth: "Floats") -> Iterator[Pair]:
    import numpy as np

    part = _part(truth, amounts=False)
    for first in range(len(names) - 1):
        one, others = values[part, first, None], values[part, first + 1 :]
        for number, (formula, made) in enumerate(_forms(one, others, classes=True)):
            for place in np.flatnonzero(_are_parted(made, truth[part])):
                both = [first, first + 1 + int(place)]
                every = next(islice(_forms(*values[:, both].T, classes=True), number, None))[1]
                known = np.isfinite(values[:, both]).all(axis=1)
                if _parts_closely(every[known], truth[known]):
                    pair = (names[both[0]], names[both[1]])
                    yield Pair(pair, formula.format(*pair))


def _are_parted(made: "Floats", truth: "Floats") -> "Floats":
    """Tell of each column, shape (m, k), whether each class has a range of its own."""
    import numpy as np

    kinds = np.unique(truth)
    low = np.stack([np.fmin.reduce(made[truth == one]) for one in kinds])
    high = np.stack([np.fmax.reduce(made[truth == one]) for one in kinds])
    order = np.argsort(low, axis=0)
    low, high = np.take_along_axis(low, order, 0), np.take_along_axis(high, order, 0)
    return np.all(high[:-1] < low[1:], axis=0)


def _parts_closely(made: "Floats", truth: "Floats") -> bool:
    """Tell whether numbers, shape (n,), part the classes in every row, with rows near a limit."""
    import numpy as np

    there = np.isfinite(made)
    if there.sum() < max(LEAST, NEARLY_ALL * made.size):
        return False
    made, truth = made[there], truth[there]
    if np.unique(truth).size < 2 or not _are_parted(made[:, None], truth)[0]:
        return False
    # What floating-point numbers leave over between equal ones is no step.
    steps = np.diff(np.unique(made))
    step = np.median(steps[steps > SAME * np.ptp(made)])
    near = max(CLOSE * float(np.subtract(*np.quantile(made, (0.75, 0.25)))), float(step))
    order = np.argsort(made)
    for cut in np.flatnonzero(np.diff(truth[order])):
        limit = (made[order[cut]] + made[order[cut + 1]]) / 2
        sides = (np.sum((made < limit) & (made > limit - near)),
                 np.sum((made > limit) & (made < limit + near)))  # fmt: skip
        if min(sides) >= FEW:
            return True
    return False


def _of_equals(values: "Floats", names: list[str], event: "Floats") -> Iterator[Pair]:
    """Find two columns that are equal in the rows of one class and in no other, or the opposite."""
    import numpy as np

    part = _part(event, amounts=False)
    for first in range(len(names) - 1):
        likely = _are_equal(values[part, first, None], values[part, first + 1 :], event[part])
        for second in first + 1 + np.flatnonzero(likely):
            one, other = values[:, first, None], values[:, [second]]
            there = np.isfinite(one - other)[:, 0]
            rows = np.bincount(event[there], minlength=2).min()
            if rows >= FEW and _are_equal(one[there], other[there], event[there])[0]:
                pair = (names[first], names[second])
                yield Pair(pair, "{} = {}".format(*pair))


def _are_equal(one: "Floats", others: "Floats", event: "Floats") -> "Floats":
    """Tell of each column, shape (m, k), whether its being equal to one goes with the event."""
    import numpy as np

    there = np.isfinite(one) & np.isfinite(others)
    same = (one == others) == event[:, None]
    return np.all(same | ~there, axis=0) | np.all(~same | ~there, axis=0)


def _codes(rows: "pandas.DataFrame", names: list[str]) -> "Floats":
    """Code the texts of all columns alike, shape (n_rows, k), NaN where there is none."""
    import numpy as np
    import pandas as pd

    if not names:
        return np.empty((len(rows), 0))
    codes = pd.factorize(pd.concat([rows[name].astype(object) for name in names]))[0]
    return np.where(codes < 0, np.nan, codes).reshape(len(names), -1).T
