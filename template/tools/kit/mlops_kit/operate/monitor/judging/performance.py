"""How good the answers were, window by window, once outcomes are known: with intervals."""

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.holdout.values import truth_and_predictions
from mlops_kit.compare.inference.effect import design_of_groups, single_effect
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.monitor.config import MonitorConfig
from mlops_kit.operate.monitor.judging.drift import Series
from mlops_kit.operate.monitor.served import ANSWERS

if TYPE_CHECKING:
    import polars

MOST_SLICES = 20
PLOTTED = 60  # days


class Judged(NamedTuple):
    """Figures of the labelled rows: series by day, and what a page shows of the last window."""

    series: list[Series]
    windows: list[dict[str, Any]]
    notes: list[str]


def judge(
    rows: "polars.DataFrame",
    first: np.datetime64,
    size: int,
    task: str,
    config: MonitorConfig,
    compare: CompareConfig,
    before: float | None,
    most: int = PLOTTED,
) -> Judged:
    """Judge each day's window of labelled rows.

    Parameters
    ----------
    rows : polars.DataFrame
        As `labelled.labelled_rows` gives them.
    first, size
        The days of the series.
    before : float or None
        The metric when the model was judged; the first half of the windows where not known.
    most : int
        How many days are judged, the last ones.
    """
    metric = compare.primary.found(compare.data.threshold)
    name = compare.primary.metric
    empty = np.full(size, np.nan)
    if metric.scaled:
        return Judged([], [], [f"{name} needs the scale of each series, which rows do not carry"])
    # In the order of days a window is a slice, which costs nothing.
    rows = rows.sort("day", maintain_order=True)
    place = (rows["day"].to_numpy().astype("datetime64[D]") - first).astype(int)
    ends = np.unique(place[(place >= 0) & (place < size)])[-most:]
    windows, value, low, high = [], empty.copy(), empty.copy(), empty.copy()
    counts, ratio, sure = empty.copy(), empty.copy(), np.zeros(size, bool)
    # An alarm needs both: more than the limit, and more than chance.
    alpha, reach = config.chance, float(ndtri(1 - config.chance / 2))
    for end in ends.tolist():
        part = _window(rows, place, end, config)
        counts[end] = len(part)
        if counts[end] < config.min_rows:
            continue
        found = value_of(part, task, compare, alpha)
        if found is None:
            continue
        value[end], low[end], high[end] = found
        foretold = _foretold(part, task, compare)
        if foretold is not None:
            ratio[end], error = foretold
            apart = abs(math.log(ratio[end]))
            sure[end] = apart > math.log(config.calibration) and apart > reach * error
        windows.append(
            {"day": str(first + end), "rows": int(counts[end]), "value": value[end],
             "lower": low[end], "upper": high[end]}
        )  # fmt: skip
    if before is None and len(windows) >= 4:
        before = float(np.median([one["value"] for one in windows[: len(windows) // 2]]))
    if not windows:
        return Judged([], [], [])
    series = []
    higher = metric.direction == "higher"
    if before is not None:
        limit = before * (1 - config.worse if higher else 1 + config.worse)
        with np.errstate(invalid="ignore"):
            more = (value < limit) if higher else (value > limit)
            worse = more & ((high < before) if higher else (low > before))
        details = {"lower": low, "upper": high, "rows": counts, "before": before, "metric": name}
        series.append(Series("worse", "", value, limit, worse, details=details))
        series += _slices(rows, place, ends, task, config, compare, value, size)
    if np.isfinite(ratio).any():
        series.append(Series("calibration", "", ratio, config.calibration, sure))
    return Judged(series, windows, [])


def _window(
    rows: "polars.DataFrame", place: Any, end: int, config: MonitorConfig
) -> "polars.DataFrame":
    start, stop = np.searchsorted(place, [end - config.window_days, end], side="right")
    return rows.slice(int(start), int(stop - start))


def value_of(
    rows: "polars.DataFrame", task: str, compare: CompareConfig, alpha: float
) -> tuple[float, float, float] | None:
    """The primary metric of some rows with its bounds; None where it has no value."""
    import pyarrow as pa

    metric = compare.primary.found(compare.data.threshold)
    answer = next((name for name in ANSWERS if name in rows.columns), None)
    if answer is None:
        return None
    truth_column = pa.chunked_array([_truth(rows, task)])
    raw = rows[answer].to_arrow()
    if task == "recommendation":
        raw = pa.array([[str(each) for each in one] for one in rows[answer]], pa.list_(pa.string()))
    elif pa.types.is_large_list(raw.type):
        raw = raw.cast(pa.list_(pa.float64()))
    try:
        truth, predictions, _ = truth_and_predictions(
            truth_column, {"candidate": pa.chunked_array([raw])}, metric, compare
        )
        found = metric.function(truth, predictions["candidate"])
        if not math.isfinite(found.value):
            return None
        if found.influence is None:
            return found.value, math.nan, math.nan
        groups = _whose(rows).rank("dense").to_numpy().astype(np.int64) - 1
        effect = single_effect(found, design_of_groups(groups), alpha)
    except MlopsError:  # a window of one class, say: it has no value
        return None
    return effect.estimate, *_possible(effect.lower, effect.upper, metric)


def _possible(lower: float, upper: float, metric: Metric) -> tuple[float, float]:
    """Cut an interval of the normal distribution at the best value that a metric can have."""
    if metric.own:
        return lower, upper
    if metric.direction == "lower":
        return max(lower, 0.0), upper
    return lower, min(upper, 1.0) if metric.unit == "share" else upper


def _whose(rows: "polars.DataFrame") -> "polars.Series":
    """Whom each row is about; of a request that names nobody, each row is of its own."""
    import polars as pl

    nobody = pl.lit("row ") + pl.int_range(pl.len()).cast(pl.String)
    return rows.select(
        pl.coalesce(pl.lit("id ") + pl.col("id").cast(pl.String), nobody)
    ).to_series()


def _truth(rows: "polars.DataFrame", task: str) -> Any:
    import polars as pl
    import pyarrow as pa

    if task == "recommendation":
        return pa.array([json.loads(one) for one in rows["outcome"]], pa.list_(pa.string()))
    if task == "regression":
        return rows["outcome"].cast(pl.Float64).to_arrow()
    numbers = rows["outcome"].cast(pl.Float64, strict=False)
    if numbers.null_count():
        return pa.array(rows["outcome"].to_list(), pa.string())
    return numbers.to_arrow()


def _foretold(
    rows: "polars.DataFrame", task: str, compare: CompareConfig
) -> tuple[float, float] | None:
    """Mean outcome by mean answer and the error of its logarithm (delta method), of 0 and 1."""
    import polars as pl

    if task != "classification" or "score" not in rows.columns:
        return None
    truth = rows["outcome"].cast(pl.Float64, strict=False)
    if compare.data.classes and len(compare.data.classes) == 2:
        truth = (rows["outcome"] == str(compare.data.classes[1])).cast(pl.Float64)
    if truth.null_count() or not rows["score"].is_between(0, 1).all():
        return None
    came, told = truth.to_numpy(), rows["score"].to_numpy()
    if came.mean() <= 0 or told.mean() <= 0:
        return None
    own = came / came.mean() - told / told.mean()
    return came.mean() / told.mean(), float(own.std() / math.sqrt(own.size))


def _slices(
    rows: "polars.DataFrame",
    place: Any,
    ends: Any,
    task: str,
    config: MonitorConfig,
    compare: CompareConfig,
    whole: Any,
    size: int,
) -> list[Series]:
    """Set each group's value against that of all rows, and against what its gap was before."""
    metric = compare.primary.found(compare.data.threshold)
    higher = metric.direction == "higher"
    fair = compare.fairness.columns if compare.fairness else ()
    found = []
    names = [name for name in dict.fromkeys([*compare.columns, *config.slices])
             if name in rows.columns]  # fmt: skip
    for name in names:
        levels = rows[name].cast(str).unique().drop_nulls().sort().to_list()
        if len(levels) > MOST_SLICES:
            continue
        for level in levels:
            mine = (rows[name].cast(str) == level).fill_null(False).to_numpy()
            own, own_place = rows.filter(mine), place[mine]
            gap, beyond = np.full(size, np.nan), np.zeros(size, bool)
            alpha = config.chance / (2 * len(levels))
            usual: list[float] = []
            for end in ends.tolist():
                part = _window(own, own_place, end, config)
                if len(part) < config.min_rows or not np.isfinite(whole[end]):
                    continue
                value = value_of(part, task, compare, alpha)
                if value is None:
                    continue
                behind = (whole[end] - value[0]) if higher else (value[0] - whole[end])
                surely = (whole[end] - value[2]) if higher else (value[1] - whole[end])
                gap[end] = behind / abs(whole[end]) if whole[end] else np.nan
                if len(usual) >= 7:
                    base = max(float(np.median(usual[:-3] or usual)), 0.0)
                    scale = abs(whole[end])
                    beyond[end] = gap[end] - base > config.gap and surely / scale > base
                usual.append(gap[end])
            if np.isfinite(gap).any():
                kind = "fairness" if name in fair else "slice"
                found.append(Series("gap", f"{name} = {level}", gap, config.gap, beyond,
                                    details={"kind": kind}))  # fmt: skip
    return found
