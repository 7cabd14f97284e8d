"""How strongly columns go together, and how much each tells of the outcome, on drawn rows."""

from typing import TYPE_CHECKING, Any

from mlops_kit.data.profiling.opened import Column

if TYPE_CHECKING:
    import numpy
    import polars

    Array = numpy.ndarray

MOST_LEVELS = 50
# Columns of which every pair is looked at.
MOST_PAIRED = 60
LEAST_ROWS = 30
BINS = 10
STRONG = 0.8
# A share of chance that is allowed for all columns together (Bonferroni).
ALPHA = 0.01


def related(
    sample: "polars.DataFrame", columns: list[Column], records: list[dict[str, Any]]
) -> dict[str, Any]:
    """Measure each pair of columns, from 0 (nothing) to 1 (one follows from the other).

    Two columns of numbers by Spearman's and Pearson's correlation (the greater; both are given),
    two of categories by Cramér's V without its bias (Bergsma 2013), a number and a category by the
    correlation ratio without its bias (Kelley 1935).

    Returns
    -------
    dict
        `columns`, names; `strength`, a symmetric list of lists, None where it cannot be told;
        `pairs`, the strongest first: a, b, measure, value, and of numbers pearson and spearman;
        `left_out`, names of columns with nothing to compare; `beyond`, how many were too many.
    """
    import numpy as np

    known = {one["name"]: one for one in records}
    kinds: dict[str, tuple[str, Array]] = {}
    left_out, beyond = [], 0
    for one in columns:
        values = _values(sample[one.name], one, known[one.name])
        if values is None:
            left_out += [one.name] if one.kind != "other" else []
        elif len(kinds) < MOST_PAIRED:
            kinds[one.name] = values
        else:
            beyond += 1
    names = list(kinds)
    strength: list[list[float | None]] = [[None] * len(names) for _ in names]
    ranks = {name: _ranks(values) for name, (kind, values) in kinds.items() if kind == "number"}
    pairs: list[dict[str, Any]] = []
    for i, a in enumerate(names):
        strength[i][i] = 1.0
        for j, b in enumerate(names[:i]):
            pair = _pair(kinds[a], kinds[b], ranks.get(a), ranks.get(b))
            if pair is None:
                continue
            pair["value"] = min(pair["value"], 1.0)
            strength[i][j] = strength[j][i] = round(pair["value"], 4)
            pairs.append({"a": b, "b": a} | pair)
    pairs.sort(key=lambda pair: -pair["value"])
    return {
        "rows": len(sample),
        "columns": names,
        "strength": strength,
        "pairs": pairs[:100],
        "left_out": left_out,
        "beyond": beyond,
        "limit": float(np.sqrt(8 / max(len(sample), 1))),
    }


def told(
    sample: "polars.DataFrame", target: Column, columns: list[Column], records: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Measure how much each column tells of the outcome by itself, the most first.

    Mutual information of the outcome and of the column, both in at most tenths of their rows where
    they are amounts, less what chance gives (Miller 1955), as a share of the outcome's entropy.

    Returns
    -------
    list of dict
        column, share (0 to 1), bits, and `chance`: whether it is no more than chance gives.
    """
    import numpy as np
    from scipy.stats import chi2
    from sklearn.metrics import mutual_info_score

    known = {one["name"]: one for one in records}
    truth = sample[target.name]
    keep = truth.is_not_null()
    outcome = _levels(truth.filter(keep), target, known[target.name])
    rows = len(outcome) if outcome is not None else 0
    if outcome is None or rows < LEAST_ROWS or np.unique(outcome).size < 2:
        return []
    shares = np.bincount(outcome) / rows
    entropy = float(-np.sum(shares[shares > 0] * np.log(shares[shares > 0])))
    found = []
    for one in columns:
        levels = _levels(sample[one.name].filter(keep), one, known[one.name])
        if levels is None or one == target:
            continue
        sizes = [np.unique(each).size for each in (levels, outcome)]
        freedom = (sizes[0] - 1) * (sizes[1] - 1)
        if not freedom or sizes[0] > rows / 5:
            continue
        raw = float(mutual_info_score(levels, outcome))
        value = max(raw - freedom / (2 * rows), 0.0)
        chance = chi2.sf(2 * rows * raw, freedom) * len(columns) > ALPHA
        found.append({
            "column": one.name, "share": min(value / entropy, 1.0), "bits": value / np.log(2),
            "chance": bool(chance),
        })  # fmt: skip
    return sorted(found, key=lambda each: -each["share"])


def _values(
    values: "polars.Series", one: Column, record: dict[str, Any]
) -> "tuple[str, Array] | None":
    """Return a column as numbers, NaN where there is none, or as codes from 0 on and -1."""
    import numpy as np
    import pandas as pd
    import polars as pl

    if record.get("constant") or not record["distinct"] or record["identifier"]:
        return None
    if one.kind in ("number", "time"):
        return "number", values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if one.kind == "other" or record["distinct"] > MOST_LEVELS:
        return None
    return "category", pd.factorize(values.cast(pl.String).to_numpy())[0].astype(np.int64)


def _levels(values: "polars.Series", one: Column, record: dict[str, Any]) -> "Array | None":
    """Return a column as few codes from 0 on; what is missing is a level of its own."""
    import numpy as np
    import pandas as pd
    import polars as pl

    if one.kind == "other" or not record["distinct"] or record["identifier"]:
        return None
    if one.kind in ("number", "time") and record["distinct"] > 2 * BINS:
        numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        if np.isnan(numbers).all():
            return None
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]))
        return np.where(np.isnan(numbers), edges.size + 1, np.searchsorted(edges, numbers, "right"))
    texts = values.cast(pl.String).fill_null("\0none").to_numpy()
    return pd.factorize(texts)[0].astype(np.int64)


def _ranks(values: "Array") -> "Array":
    import numpy as np
    from scipy.stats import rankdata

    there = ~np.isnan(values)
    ranks = np.full(values.shape, np.nan)
    ranks[there] = rankdata(values[there])
    return ranks


def _pair(
    a: "tuple[str, Array]", b: "tuple[str, Array]", rank_a: Any, rank_b: Any
) -> dict[str, Any] | None:
    kinds = a[0], b[0]
    if kinds == ("number", "number"):
        pearson, spearman = _correlation(a[1], b[1]), _correlation(rank_a, rank_b)
        if pearson is None or spearman is None:
            return None
        return {"measure": "correlation", "value": max(abs(pearson), abs(spearman)),
                "pearson": pearson, "spearman": spearman}  # fmt: skip
    if kinds == ("category", "category"):
        value = _cramer(a[1], b[1])
        return None if value is None else {"measure": "Cramér's V", "value": value}
    codes, numbers = (a[1], b[1]) if kinds[0] == "category" else (b[1], a[1])
    value = _ratio(codes, numbers)
    return None if value is None else {"measure": "correlation ratio", "value": value}


def _correlation(a: "Array", b: "Array") -> float | None:
    import numpy as np

    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < LEAST_ROWS or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return None
    x, y = a[both] / np.abs(a[both]).max(), b[both] / np.abs(b[both]).max()
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else None


def _cramer(a: "Array", b: "Array") -> float | None:
    import numpy as np

    both = (a >= 0) & (b >= 0)
    n = int(both.sum())
    if n < LEAST_ROWS:
        return None
    x, y = (np.unique(each[both], return_inverse=True)[1] for each in (a, b))
    r, k = int(x.max()) + 1, int(y.max()) + 1
    if min(r, k) < 2:
        return None
    counts = np.bincount(x * k + y, minlength=r * k).reshape(r, k)
    expected = np.outer(counts.sum(1), counts.sum(0)) / n
    phi = float(np.sum((counts - expected) ** 2 / expected)) / n
    phi = max(phi - (k - 1) * (r - 1) / (n - 1), 0.0)
    r_, k_ = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi / max(min(r_, k_) - 1, 1e-12)))


def _ratio(codes: "Array", numbers: "Array") -> float | None:
    import numpy as np

    both = (codes >= 0) & ~np.isnan(numbers)
    n = int(both.sum())
    if n < LEAST_ROWS:
        return None
    x, y = np.unique(codes[both], return_inverse=True)[1], numbers[both]
    y = y / (np.abs(y).max() or 1.0)
    count = np.bincount(x)
    total = float(np.sum((y - y.mean()) ** 2))
    if count.size < 2 or total <= 0 or n <= count.size:
        return None
    means = np.bincount(x, y) / count
    within = float(np.sum((y - means[x]) ** 2))
    return float(np.sqrt(max(1 - (within / (n - count.size)) / (total / (n - 1)), 0.0)))
