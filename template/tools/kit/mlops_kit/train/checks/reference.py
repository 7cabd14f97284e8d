"""A small summary of what training saw, by column and month, that later rows are set against.

A monitor needs no training rows: each column has a grid of at most CELLS cells, and exact counts of
the rows in each cell, month by month. A column of few values has a cell for each, so that nothing
is lost; of others the cells are quantiles.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars

CELLS = 20
LEVELS = 40  # of a text; the rest is one cell
# Months that are kept, the latest; fewer where there are so many columns that the card would grow.
MONTHS = 36
BUDGET = 60_000  # numbers of all columns and months
ANSWER, OUTCOME = "(answer)", "(outcome)"
POOLED = ""
# What the log has in place of a text that training never saw, and of a rare one among very many.
STRANGE, RARE = "(not in training)", "(rare in training)"

Grid = dict[str, Any]


def summary(
    train: "pandas.DataFrame",
    names: list[str],
    holdout: "pandas.DataFrame",
    answers: "numpy.ndarray",
    classes: Any = None,
) -> dict[str, Any]:
    """Summarise features and outcome of the rows that a model learned from and was judged on.

    Parameters
    ----------
    train : pandas.DataFrame, shape (n_rows, ...)
        Training rows, with `y_true`, and `time` where rows have one; the cells are theirs.
    names : list of str
        The features.
    holdout : pandas.DataFrame, shape (m_rows, ...)
        What it was judged on, and what the answers are about: those about training rows look surer
        than they are.
    answers : numpy.ndarray
        (m_rows,) scores or predictions, (m_rows, n_classes) probabilities, or items, best first.
    classes : sequence, optional
        The classes in the order of the probabilities.

    Returns
    -------
    dict
        By column its grid, and by month (`months`, the oldest first) `counts` of shape (n_months,
        n_cells), rows without a value (`missing`) and with one that training lacks (`strange`).
    """
    import numpy as np

    most = max(1, min(MONTHS, BUDGET // (CELLS * (len(names) + 2))))
    found = {}
    own, later = months_of(train), months_of(holdout)
    for name in [*names, "y_true"]:
        first, second = as_series(train[name]), as_series(holdout[name])
        grid = grid_of(first)
        parts = [_placed(first, grid, own), _placed(second, grid, later)]
        found[OUTCOME if name == "y_true" else name] = grid | _by_month(grid, parts, most)
    given = answered(np.asarray(answers), classes)
    grid = grid_of(given)
    found[ANSWER] = grid | _by_month(grid, [_placed(given, grid, later)], most)
    return found


def answered(answers: "numpy.ndarray", classes: Any = None) -> "polars.Series":
    """Say in one value each what was answered: the number, the likeliest class, the first item."""
    import polars as pl

    if answers.ndim == 1:
        return pl.Series(ANSWER, answers)
    if answers.dtype.kind == "f" and classes is not None:
        return pl.Series(ANSWER, [str(classes[place]) for place in answers.argmax(axis=1)])
    return pl.Series(ANSWER, [str(one[0]) if len(one) else None for one in answers])


def months_of(table: "pandas.DataFrame") -> "numpy.ndarray":
    """Month of each row as YYYY-MM, shape (n_rows,); one name for all where there is no time."""
    import numpy as np
    import pandas as pd

    if "time" not in table:
        return np.full(len(table), POOLED, dtype="U7")
    when = pd.to_datetime(table["time"], utc=True).dt.tz_localize(None)
    return when.to_numpy().astype("datetime64[M]").astype("U7")


def as_series(values: "pandas.Series") -> "polars.Series":
    """Return a column of pandas as polars has it; what polars has no type for becomes text."""
    import polars as pl

    try:
        return pl.Series(str(values.name), pl.from_pandas(values.reset_index(drop=True)))
    except Exception:  # of mixed objects each library says something else
        return pl.Series(str(values.name), [None if one is None else str(one) for one in values])


def grid_of(values: "polars.Series") -> Grid:
    """Choose the cells of a column: `edges` (a cell ends with each) or `levels`.

    Returns
    -------
    dict
        `kind` is number, or level for what has no order; mean and deviation of numbers.
    """
    import numpy as np

    numbers = as_numbers(values)
    if numbers is None:
        counted = _texts(values).drop_nulls().value_counts(sort=True)
        names = counted.to_series(0).head(LEVELS).to_list()
        return {"kind": "level", "levels": sorted(names), "complete": len(counted) <= LEVELS}
    there = numbers[np.isfinite(numbers)]
    if not len(there):
        return {"kind": "number", "edges": [], "mean": None, "sd": None, "low": None, "high": None}
    distinct = np.unique(there)
    edges = distinct[:-1]
    if len(distinct) > CELLS:
        shares = np.arange(1, CELLS) / CELLS
        edges = np.unique(np.quantile(there, shares, method="inverted_cdf"))
        edges = edges[edges < distinct[-1]]
    return {
        "kind": "number",
        "edges": edges.tolist(),
        "low": float(distinct[0]),
        "high": float(distinct[-1]),
        "mean": float(there.mean()),
        "sd": float(there.std()),
    }


def cells_of(grid: Grid) -> int:
    """Count the cells; of levels, the last holds every other one."""
    return len(grid["edges"] if grid["kind"] == "number" else grid["levels"]) + 1


def coded(values: "polars.Series", grid: Grid) -> "tuple[numpy.ndarray, numpy.ndarray]":
    """Place each value in its cell.

    Returns
    -------
    tuple of numpy.ndarray, shape (n,) each
        The cell, -1 where there is no value; and whether the value is one that training never saw.
    """
    import numpy as np
    import polars as pl

    if grid["kind"] == "level":
        texts = _texts(values)
        places = pl.DataFrame({"level": pl.Series(grid["levels"], dtype=pl.String)}).with_row_index(
            "cell"
        )
        asked = pl.DataFrame({"level": texts})
        joined = asked.join(places, on="level", how="left", maintain_order="left")["cell"]
        codes = joined.cast(pl.Int64).fill_null(len(grid["levels"])).to_numpy().copy()
        strange = (texts == STRANGE).fill_null(False).to_numpy()
        away = (codes == len(grid["levels"])) & (bool(grid["complete"]) | strange)
        empty = texts.is_null().to_numpy()
    else:
        numbers = as_numbers(values)
        if numbers is None:  # texts where training had numbers
            numbers = values.cast(pl.String).cast(pl.Float64, strict=False).to_numpy()
            strange = np.isnan(numbers) & values.is_not_null().to_numpy()
        else:
            strange = np.zeros(len(numbers), bool)
        empty = np.isnan(numbers) & ~strange
        codes = np.searchsorted(np.asarray(grid["edges"], float), numbers, side="left")
        low, high = grid["low"], grid["high"]
        away = strange if low is None else strange | (numbers < low) | (numbers > high)
        codes[strange] = len(grid["edges"])
    codes[empty] = -1
    return codes, away & ~empty


def as_numbers(values: "polars.Series") -> "numpy.ndarray | None":
    """Numbers, moments as days, lists as their lengths, shape (n,), NaN for none; else None."""
    import polars as pl

    kind = values.dtype
    if kind.is_numeric():
        return values.cast(pl.Float64).to_numpy()
    if kind in (pl.Date, pl.Datetime):
        moments = values.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64)
        return (moments / 86_400_000_000).to_numpy()
    if isinstance(kind, pl.List | pl.Array):
        lists = values.cast(pl.List(kind.inner)) if isinstance(kind, pl.Array) else values
        return lists.list.len().cast(pl.Float64).to_numpy()
    return None


def _texts(values: "polars.Series") -> "polars.Series":
    import polars as pl

    return values.cast(pl.String, strict=False)


def _placed(
    values: "polars.Series", grid: Grid, when: "numpy.ndarray"
) -> "tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]":
    return (when, *coded(values, grid))


def _by_month(grid: Grid, parts: list[Any], most: int) -> dict[str, Any]:
    import numpy as np

    when, codes, strange = (np.concatenate(each) for each in zip(*parts, strict=True))
    months, place = np.unique(when, return_inverse=True)
    cells = cells_of(grid)
    # What has no value stands in a column of its own, before the others.
    table = np.bincount(place * (cells + 1) + codes + 1, minlength=len(months) * (cells + 1))
    away = np.bincount(place, strange, minlength=len(months)).astype(int)
    table = np.column_stack([table.reshape(len(months), cells + 1), away])
    older, kept = table[:-most].sum(axis=0, keepdims=True), table[-most:]
    names = months[-most:].tolist()
    if older.any():
        kept, names = np.vstack([older, kept]), [POOLED, *names]
    return {
        "months": names,
        "missing": kept[:, 0].tolist(),
        "strange": kept[:, -1].tolist(),
        "counts": kept[:, 1:-1].tolist(),
    }
