"""Intervals without a formula: a grouped, paired BCa bootstrap for custom metrics and few rows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from mlops_kit.compare.inference.effect import (
    Design,
    Effect,
    Replicates,
    over_folds,
    paired_effect,
    with_periods,
)
from mlops_kit.compare.metrics.estimate import Codes, Estimate, Floats
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError

# With fewer rows than this the bootstrap replaces the closed form.
FEW = 200
REPLICATES = 4999
# Leaving out more units than this one at a time would take longer than the bootstrap itself.
LEFT_OUT = 500
# Row numbers drawn at once: 32 MB.
BATCH = 1 << 22


def effect_of(
    metric: Metric,
    truth: Any,
    candidate: Any,
    incumbent: Any,
    design: Design,
    alpha: float,
    seed: int = 0,
    few: int = FEW,
) -> Effect:
    """Difference of a metric between two systems on the same rows, by the method that fits.

    The closed form of the design; the bootstrap when the metric has no influences or there are
    fewer than `few` rows. Rows in time and means over groups always use the closed form, in time
    with influences of the jackknife if the metric has none. Groups that are also alike in time are
    resampled whole, and what periods share is added. With few rows the more cautious of
    both decides: alone the bootstrap would promote 6 to 16 % of equal candidates at n = 30. Over
    folds the metric is computed in each, and the corrected resampled t-test judges the gains.

    Raises
    ------
    MlopsError
        As paired_effect() and bootstrap_effect().
    """
    sign = 1 if metric.direction == "higher" else -1
    if design.kind == "folds":
        pair = [values_by_fold(metric, truth, system, design) for system in (candidate, incumbent)]
        return over_folds(sign * (pair[0] - pair[1]), design, alpha)
    one, other = metric.function(truth, candidate), metric.function(truth, incumbent)
    if not (math.isfinite(one.value) and math.isfinite(other.value)):
        raise MlopsError(f"The metric has no value on these rows: {metric.undefined}.")
    if design.kind == "time" and (one.influence is None or other.influence is None):
        one, other = (
            Estimate(of.value, _jackknife_influence(metric, truth, system, design))
            for of, system in ((one, candidate), (other, incumbent))
        )
    closed = None
    if one.influence is not None and other.influence is not None:
        effect = closed = paired_effect(one, other, sign, design, alpha)
        bootstrap = len(truth) < few and design.kind != "time" and design.unit == "row"
        if not bootstrap or effect.standard_error == 0:
            return effect

    def difference(truth: Any, candidate: Any, incumbent: Any) -> float:
        gain = metric.function(truth, candidate).value - metric.function(truth, incumbent).value
        return sign * gain

    if closed is not None and one.rows is not None and other.rows is not None:
        # Of a mean, the rows' values are all there is to resample.
        gains = sign * (one.rows - other.rows)
        drawn = bootstrap_effect(lambda rows: float(rows.mean()), (gains,), design, alpha, seed)
        return replace(drawn, estimate=closed.estimate).widened_by(closed)
    drawn = bootstrap_effect(difference, (truth, candidate, incumbent), design, alpha, seed)
    if closed is not None:
        return drawn.widened_by(closed)
    if design.kind == "two-way" and design.n_periods > 1:
        pair = [_jackknife_influence(metric, truth, s, design) for s in (candidate, incumbent)]
        return drawn.widened_by(with_periods(drawn, sign * (pair[0] - pair[1]), design))
    return drawn


def values_by_fold(metric: Metric, truth: Any, system: Any, design: Design) -> Floats:
    """Value of the metric in each fold, shape (n_folds,), in the folds' own order."""
    assert design.groups is not None
    code = np.unique(design.groups, return_inverse=True)[1]
    found = [
        metric.function(take(truth, rows), take(system, rows)).value
        for rows in (np.flatnonzero(code == fold) for fold in range(int(code.max()) + 1))
    ]
    values = np.array(found)
    if not np.isfinite(values).all():
        raise MlopsError("The metric has no value in one of the folds: make folds of more rows.")
    return values


def bootstrap_effect(
    metric_function: Callable[..., float],
    arrays: Sequence[Any],
    design: Design,
    alpha: float,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Effect:
    """Bias-corrected and accelerated interval of `metric_function(*arrays)` (Efron 1987).

    Parameters
    ----------
    metric_function : callable
        The difference, positive when the candidate is better, of resampled `arrays`.
    arrays : sequence of array or pyarrow list array, each of n rows
        The same rows are drawn from all of them; with groups, whole groups.
    seed : int
        The replicates depend on it and on the order of rows: give rows in an order of their own.

    Raises
    ------
    MlopsError
        When rows are ordered in time, or the metric has no value on most of the samples.
    """
    if design.kind == "time":
        raise MlopsError("The bootstrap would break the order of time: use effect_of().")
    n = len(arrays[0])
    starts, sizes, by_group = _layout(design, n)
    n_units = sizes.size
    if n_units < 2:
        raise MlopsError("All rows belong to one group: a comparison needs at least two groups.")
    estimate = float(metric_function(*arrays)) + 0.0
    values: list[float] = []
    draws = _draws(np.random.default_rng(seed), n_units, n)
    for _ in range(2 * replicates):
        rows = _rows_of(next(draws), starts, sizes, by_group)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(metric_function(*(take(array, rows) for array in arrays)))
        # A sample without any positive row has no AUC: draw again.
        if math.isfinite(value):
            values.append(value)
        if len(values) == replicates:
            break
    else:
        raise MlopsError(
            "The metric has no value on most resamples of the holdout: collect more rows."
        )
    ordered = np.sort(np.array(values))
    error = float(ordered.std(ddof=1))
    if ordered[0] == ordered[-1]:
        return _certain(estimate, alpha, n_units)
    left_out = _left_out(metric_function, arrays, starts, sizes, by_group)
    centred = left_out.mean() - left_out
    squares = float((centred**2).sum())
    acceleration = float((centred**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    below = np.searchsorted(ordered, estimate, "left") + np.searchsorted(ordered, estimate, "right")
    share = min(max(below / (2 * replicates), 0.5 / replicates), 1 - 0.5 / replicates)
    bias = float(ndtri(share))
    ends = bias + ndtri(np.array([alpha, 1 - alpha]))
    levels = ndtr(bias + ends / np.maximum(1 - acceleration * ends, 1e-9))
    lower, upper = np.quantile(ordered, levels)
    return Effect(
        estimate,
        error,
        float(lower),
        float(upper),
        math.inf,
        "BCa bootstrap",
        alpha,
        n_units,
        Replicates(ordered, bias, acceleration),
    )


def _certain(estimate: float, alpha: float, n_units: int) -> Effect:
    return Effect(estimate, 0.0, estimate, estimate, math.inf, "BCa bootstrap", alpha, n_units)


def _layout(design: Design, n: int) -> tuple[Codes, Codes, Codes]:
    """Start and size of every unit in the row numbers sorted by unit."""
    if design.kind == "iid" or design.groups is None:
        return np.arange(n), np.ones(n, np.int64), np.arange(n)
    if design.unit == "group":
        raise MlopsError("A mean over groups needs a metric that is a mean over rows.")
    codes = np.unique(design.groups, return_inverse=True)[1]
    sizes = np.bincount(codes)
    return np.cumsum(sizes) - sizes, sizes, np.argsort(codes, kind="stable")


def _draws(random: np.random.Generator, n_units: int, n: int) -> Iterator[Codes]:
    while True:
        yield from random.integers(0, n_units, (max(1, BATCH // n), n_units))


def _rows_of(units: Codes, starts: Codes, sizes: Codes, by_group: Codes) -> Codes:
    if sizes.size == by_group.size:
        return by_group[units]
    size = sizes[units]
    within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    return by_group[np.repeat(starts[units], size) + within]


def take(array: Any, rows: Codes) -> Any:
    return array.take(pa.array(rows)) if isinstance(array, pa.Array) else array[rows]


def _left_out(
    metric_function: Callable[..., float],
    arrays: Sequence[Any],
    starts: Codes,
    sizes: Codes,
    by_group: Codes,
) -> Floats:
    """Value without each unit; of many units, without each of 500 equal sets of them."""
    n_units = sizes.size
    of_unit = np.repeat(np.arange(n_units), sizes)
    # Dealt out like cards, so that neighbours do not stand together.
    part = of_unit % min(n_units, LEFT_OUT)
    values = []
    for index in range(min(n_units, LEFT_OUT)):
        kept = np.sort(by_group[part != index])
        with np.errstate(divide="ignore", invalid="ignore"):
            values.append(float(metric_function(*(take(array, kept) for array in arrays))))
    found = np.array(values)
    return found[np.isfinite(found)]


def _jackknife_influence(metric: Metric, truth: Any, system: Any, design: Design) -> Floats:
    """Influence of each row from leaving out stretches of time, at most 500, shared by its rows."""
    assert design.order is not None
    period = np.unique(design.order, return_inverse=True)[1]
    n_periods = int(period.max()) + 1
    part = period * min(n_periods, LEFT_OUT) // n_periods
    size = np.bincount(part)
    without = np.array(
        [
            metric.function(take(truth, kept), take(system, kept)).value
            for kept in (np.flatnonzero(part != index) for index in range(size.size))
        ]
    )
    influence = (without.mean() - without) * (1 - size / part.size)
    return ((influence - influence.mean()) / size)[part]
