"""Holdout rows that training has seen: rows of others that are equal in all features."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    import pandas

UNSEEN = -1.0


def seen_in_training(
    train: "pandas.DataFrame", holdout: "pandas.DataFrame", names: list[str]
) -> "numpy.ndarray":
    """Look for training rows that are equal in all features, of another id (or group).

    Parameters
    ----------
    train, holdout : pandas.DataFrame
        Have id, y_true and the features; group where it is known.
    names : list of str
        The features.

    Returns
    -------
    numpy.ndarray, shape (n_holdout,)
        The share of the ids of such training rows that have the same outcome; UNSEEN where there
        are none.
    """
    import numpy as np
    import pandas as pd

    both = pd.concat([train, holdout], ignore_index=True)
    who = codes_of(both["group" if "group" in both else "id"])
    cell = same_rows(both, names)
    outcome = _pairs(cell, codes_of(both["y_true"]))
    known = np.arange(len(both)) < len(train)
    found = [_others(each, who, known) for each in (cell, outcome)]
    return np.where(found[0] > 0, found[1] / np.maximum(found[0], 1), UNSEEN)


def _others(cell: "numpy.ndarray", who: "numpy.ndarray", known: "numpy.ndarray") -> "numpy.ndarray":
    """Count for each row not `known` the others, by `who`, that are known and in its cell."""
    import numpy as np

    size = int(who.max(initial=0)) + 1
    members = np.unique(cell[known] * size + who[known])
    several = np.bincount(members // size, minlength=int(cell.max(initial=0)) + 1)
    itself = np.isin(cell[~known] * size + who[~known], members)
    return several[cell[~known]] - itself


def same_rows(table: "pandas.DataFrame", names: list[str]) -> "numpy.ndarray":
    """Give rows that are equal in the columns `names` the same number, shape (n_rows,)."""
    import numpy as np

    codes = np.zeros(len(table), np.int64)
    for name in names:
        codes = _pairs(codes, codes_of(table[name]))
    return codes


def _pairs(one: "numpy.ndarray", other: "numpy.ndarray") -> "numpy.ndarray":
    """Code pairs of codes from 0 on."""
    import pandas as pd

    return pd.factorize(one * (int(other.max(initial=0)) + 1) + other)[0]


def codes_of(column: "pandas.Series") -> "numpy.ndarray":
    """Code equal values alike from 0 on; missing values are equal, and so are equal lists."""
    import pandas as pd

    try:
        return pd.factorize(column, use_na_sentinel=False)[0]
    except TypeError:
        # Lists; the repr of an array leaves the middle out.
        texts = column.map(lambda value: repr(getattr(value, "tolist", lambda: value)()))
        return pd.factorize(texts, use_na_sentinel=False)[0]
