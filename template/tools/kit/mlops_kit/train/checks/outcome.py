"""Which single features are the outcome in another spelling.

A feature determines the outcome when it tells nearly every row of it, those with the commonest
outcome and all others alike, so that a rare outcome is not told by saying "never":

- by its values: each has one outcome, as words, codes, booleans and flags that are upside down, or
  a band of amounts of its own; also by the words of a text alone, whatever number stands in it;
- by one value, or none at all, against all others: a refund that is there for one outcome only;
- by its order: an amount in another unit, rounded, or bent in a way that keeps its order.

A threshold of a measurement is no such relation: a measurement may separate two outcomes by merit.
"""

from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted
from mlops_kit.room import rooms
from mlops_kit.train.checks.amounts import (
    NEARLY,
    VALUES,
    is_line,
    numbers_of,
    tells_by_bands,
    tells_by_order,
)

if TYPE_CHECKING:
    import duckdb
    import numpy
    import polars

    Codes = numpy.ndarray

# Training rows that a value needs before it is taken for a sign, and holdout rows that each outcome
# needs to confirm what training says of the values.
FEW = 5
# Rows that are looked at.
MOST_ROWS = 20_000
ACKNOWLEDGED = "determined"


def refuse_determining(features: "duckdb.DuckDBPyRelation", names: list[str]) -> None:
    """Refuse features that determine the outcome, unless a person vouches for it."""
    if not is_vouched_for() and (found := determining_in(features, names)):
        columns = ", ".join(f'"{name}"' for name in found)
        what = f"column {columns} determines the outcome"
        if len(found) > 1:
            what = f"columns {columns} determine the outcome, each alone"
        raise MlopsError(
            f"features.py: {what}: that is the outcome in another spelling, or what is written "
            "once it is known. Use only what is known before; if that is so by nature, say why "
            f"under acknowledged.{ACKNOWLEDGED} in conf/compare.yaml."
        )


def is_vouched_for() -> bool:
    """Tell whether a person says why a feature may determine the outcome."""
    return any(room.vouches(ACKNOWLEDGED) for room in rooms())


def determining_in(features: "duckdb.DuckDBPyRelation", names: list[str]) -> list[str]:
    """Name what `determining_features` finds; of many rows every nth is looked at."""
    carried = [name for name in ("time", "split", "y_true") if name in features.columns]
    wanted = ", ".join(map(quoted, [*carried, *names]))
    rows = features.filter("split <> 'gap'").project(f"{wanted}, row_number() OVER () AS place")
    step = -(-len(features) // MOST_ROWS)
    looked_at = rows.filter(f"place % {max(step, 1)} = 0").project(wanted).pl()
    return determining_features(looked_at, names)


def determining_features(rows: "polars.DataFrame", names: list[str]) -> list[str]:
    """Name the features that determine the outcome, each alone.

    Parameters
    ----------
    rows : polars.DataFrame, shape (n_rows, ...)
        Training and holdout rows, with `split`, `y_true`, the features, and `time` if known.
    names : list of str
        The features.
    """
    outcome = _codes(rows["y_true"])
    held = (rows["split"] == "holdout").to_numpy()
    amounts = numbers_of(rows["y_true"])
    # What grows with time is in the order of all that does: a population, and the year.
    grows = (
        amounts is not None
        and "time" in rows.columns
        and tells_by_order(_codes(rows["time"]).astype(float), amounts)
    )
    return [
        name
        for name in names
        if _is_the_same(rows[name], rows["y_true"], outcome)
        or _determines(rows[name], outcome, amounts, held, by_order=not grows)
    ]


def _is_the_same(feature: "polars.Series", truth: "polars.Series", outcome: "Codes") -> bool:
    """Tell whether the feature is the outcome, value by value; of lists, in nearly all rows."""
    import polars as pl

    if not outcome.any():
        return False
    lists = [isinstance(column.dtype, pl.List) for column in (feature, truth)]
    one, other = (_texts(column) for column in (feature, truth))
    told = (one == other).fill_null(value=False).to_numpy()
    return bool(told.all()) or (all(lists) and _is_nearly_all(told, outcome))


def _texts(column: "polars.Series") -> "polars.Series":
    """Write values as text, shape (n,); a list is the set of its items."""
    import polars as pl

    if not isinstance(column.dtype, pl.List):
        return column.cast(pl.String)
    return column.list.eval(pl.element().cast(pl.String).unique().sort()).list.join("\0")


def _determines(
    feature: "polars.Series",
    outcome: "Codes",
    amounts: "Codes | None",
    held: "Codes",
    by_order: bool,
) -> bool:
    import numpy as np
    import polars as pl

    codes = _codes(feature)
    known = codes >= 0
    if (
        _tells_by_values(codes[known], outcome[known], held[known])
        or _tells_by_values(codes + 1, outcome, held)
        or _tells_by_values(known.astype(np.int64), outcome, held)
        or _tells_by_one_value(codes, outcome, held)
        or _tells_by_words(feature, outcome, held)
    ):
        return True
    if amounts is None:
        return False
    if by_order and feature.dtype == pl.String and tells_by_bands(codes + 1, amounts, held):
        return True
    numbers = numbers_of(feature)
    if numbers is None:
        return False
    known = ~np.isnan(numbers)
    if is_line(numbers[known], amounts[known]):
        return True
    if not by_order:
        return False
    # What is empty may stand for nothing: before the smallest value, or after the largest.
    filled = [np.where(known, numbers, end) for end in (-np.inf, np.inf)]
    wanted = [(numbers[known], amounts[known]), *((each, amounts) for each in filled)]
    return any(tells_by_order(values, truth) for values, truth in wanted[: 3 - 2 * known.all()])


def _codes(column: "polars.Series") -> "Codes":
    """Code equal values alike from 0 on and empty ones as -1, shape (n,); a list is a set."""
    import numpy as np
    import polars as pl

    if isinstance(column.dtype, pl.List):
        column = _texts(column)
    ranks = column.rank("dense").fill_null(0).to_numpy()
    return ranks.astype(np.int64) - 1


def _tells_by_values(levels: "Codes", outcome: "Codes", held: "Codes") -> bool:
    """Tell whether the commonest outcome of each value is that of nearly all rows.

    Training says which, of the values that are frequent there, and the holdout confirms it: what
    is equal within a person or a shop only, and drawn apart with them, is no sign of anything.
    """
    import numpy as np

    if levels.size == 0:
        return False
    if np.unique(levels).size == 2 == np.unique(outcome).size and _is_one_to_one(levels, outcome):
        # One to one in every row: two values are always on a line.
        return bool(min(np.bincount(levels)[np.unique(levels)]) >= FEW)
    kinds = int(outcome.max()) + 1
    pairs, counts = np.unique((levels * kinds + outcome)[~held], return_counts=True)
    best = np.zeros(int(levels.max()) + 1, np.int64)
    # In growing order, so that the commonest outcome of a value is written last.
    order = np.argsort(counts, kind="stable")
    best[pairs[order] // kinds] = pairs[order] % kinds
    often = np.bincount(levels[~held], minlength=best.size) >= FEW
    told = (best[levels] == outcome) & often[levels]
    if not (_is_nearly_all(told, outcome) and _is_nearly_all(told[held], outcome[held])):
        return False
    common = outcome == np.bincount(outcome).argmax()
    return bool(min(np.sum(told & held & common), np.sum(told & held & ~common)) >= FEW)


def _is_one_to_one(levels: "Codes", outcome: "Codes") -> bool:
    import numpy as np

    return np.unique(levels * (int(outcome.max()) + 1) + outcome).size == 2


def _tells_by_words(feature: "polars.Series", outcome: "Codes", held: "Codes") -> bool:
    """Tell whether a text tells the outcome without its numbers, as "RF" of RF-004711 does."""
    import polars as pl

    if feature.dtype != pl.String:
        return False
    words = feature.str.replace_all(r"\d+", "0")
    return _tells_by_values(_codes(words) + 1, outcome, held)


def _tells_by_one_value(codes: "Codes", outcome: "Codes", held: "Codes") -> bool:
    """Tell whether the commonest value, such as 0, goes with one outcome and all amounts do not.

    In every row: instruments too have a smallest value, and some measure by merit.
    """
    import numpy as np

    counts = np.bincount(codes + 1)
    common = (codes + 1 == counts.argmax()).astype(np.int64)
    if np.sum(counts > 0) <= VALUES or np.unique(common * (outcome.max() + 1) + outcome).size > 2:
        return False
    return _tells_by_values(common, outcome, held)


def _is_nearly_all(told: "Codes", outcome: "Codes") -> bool:
    """Tell whether nearly all rows of the commonest outcome are told, and of the others."""
    import numpy as np

    common = outcome == np.bincount(outcome).argmax()
    return all(
        part.any() and np.sum(part & ~told) <= round(NEARLY * part.sum())
        for part in (common, ~common)
    )
