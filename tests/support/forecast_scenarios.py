"""Forecasts of two systems that are equally good: AR(1) errors, series, shocks, horizons.

A row is a forecast of a series, made on the day `order` for `horizon` days ahead. Rows of one
origin look at the same days, and origins a day apart at nearly the same.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from mlops_kit.compare.holdout.times import Times, times_of
from mlops_kit.compare.inference import effect as inference
from mlops_kit.compare.inference import periods
from mlops_kit.compare.inference.needed import FEW_WINDOWS
from mlops_kit.compare.metrics import registry as metrics
from panel_scenarios import ALPHA, FEW_GROUPS, lasting

CUTOFFS = 6
# Days before the first forecast, for what learns.
LEARNED_FROM = 40


class Forecasts(NamedTuple):
    """A design: how many series, origins and horizons, and how errors last."""

    n_series: int
    n_origins: int
    n_horizons: int
    step: int = 1  # days from one origin to the next
    memory: float = 0.5  # of the AR(1) errors, from day to day
    common: float = 0.0  # share of their variance that all series have in common
    # "signals": each knows half of what moves the series; "fitted": and learns at six cut-offs by
    # how much, from few days; "errors": each errs for days, at all horizons alike.
    kind: str = "signals"
    metric: str = "mae"
    design: str = "auto"
    gain: float = 0.0


class Drawn(NamedTuple):
    """One simulated holdout; arrays have shape (n,)."""

    truth: np.ndarray
    candidate: np.ndarray
    incumbent: np.ndarray
    series: np.ndarray
    order: np.ndarray
    horizon: np.ndarray


def draw(random: np.random.Generator, setting: Forecasts) -> Drawn:
    """Draw the rows of one holdout."""
    n_series, n_horizons, memory = setting.n_series, setting.n_horizons, setting.memory
    before = LEARNED_FROM if setting.kind == "fitted" else 0
    days = before + 1 + (setting.n_origins - 1) * setting.step + n_horizons
    one, other = (
        np.sqrt(setting.common) * lasting(random, (1, days), memory)
        + np.sqrt(1 - setting.common) * lasting(random, (n_series, days), memory)
        for _ in range(2)
    )
    series, origin, horizon = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(n_series),
            before + np.arange(setting.n_origins) * setting.step,
            np.arange(1, n_horizons + 1),
            indexing="ij",
        )
    )
    # The last day that is known at an origin is the one before it.
    known, day = origin, origin + horizon
    size = series.size
    if setting.kind != "errors":
        moved = one + other + random.normal(0, 0.5, one.shape)
        truth = moved[series, day]
        slopes = [memory**horizon] * 2
        if setting.kind == "fitted":
            slopes = [fitted(signal, moved, origin, horizon) for signal in (one, other)]
        pair = [
            signal[series, known] * slope
            for signal, slope in zip((one, other), slopes, strict=True)
        ]
        pair[0] += setting.gain * (other[series, known] * memory**horizon)
    else:
        truth = random.normal(0, 1, one.shape)[series, day]
        pair = [
            truth + scale * (error[series, day] + random.normal(0, 0.3, size))
            for scale, error in ((1 - setting.gain, one), (1, other))
        ]
    level = 10.0
    return Drawn(truth + level, pair[0] + level, pair[1] + level, series, origin, horizon)


def fitted(
    signal: np.ndarray, moved: np.ndarray, origin: np.ndarray, horizon: np.ndarray
) -> np.ndarray:
    """Give each row the slope, by horizon, that least squares find at the start of its window."""
    starts = np.unique(origin)
    cutoffs = starts[np.arange(CUTOFFS) * starts.size // CUTOFFS]
    window = np.searchsorted(cutoffs, origin, "right") - 1
    slopes = np.empty((CUTOFFS, horizon.max() + 1))
    for place, cutoff in enumerate(cutoffs):
        for ahead in range(1, horizon.max() + 1):
            # The last outcome that is known then is that of the cut-off's last known day.
            one, outcome = signal[:, : cutoff + 1 - ahead], moved[:, ahead : cutoff + 1]
            slopes[place, ahead] = (one * outcome).sum() / (one**2).sum()
    return slopes[window, horizon]


def times(drawn: Drawn) -> Times:
    """Read the periods as the comparison does."""
    known_at = drawn.order + drawn.horizon
    return times_of(pa.table({"time": drawn.order, "known_at": known_at}))


def design_of(drawn: Drawn, kind: str) -> inference.Design:
    """Take rows as the comparison does; see _design() of compare/holdout/holdout.py."""
    order = times(drawn).order
    if kind == "time" or np.unique(drawn.series).size == 1:
        return inference.Design("time", order=order)
    return inference.Design("two-way", drawn.series, order)


def waits(setting: Forecasts) -> bool:
    """Tell whether the comparison answers inconclusive whatever the figures say."""
    drawn = draw(np.random.default_rng(0), setting)
    found, design = times(drawn), design_of(drawn, setting.design)
    few = setting.n_series < FEW_GROUPS and design.n_periods < FEW_GROUPS
    assert found.windows is not None
    return (
        (few and design.kind != "time")
        or design.n_periods < periods.FEW_PERIODS
        or found.windows < FEW_WINDOWS
    )


def won(setting: Forecasts, drawn: Drawn) -> bool:
    """Tell whether the lower bound of the gain is above zero."""
    metric = metrics.metric_named(
        setting.metric, quantile=0.9 if setting.metric == "pinball" else None
    )
    truth = drawn.truth
    if metric.scaled:
        # The scale of a series is that of its training rows: any number.
        truth = np.column_stack([truth, 1.0 + drawn.series % 3])
    pair = [metric.function(truth, system) for system in (drawn.candidate, drawn.incumbent)]
    design = design_of(drawn, setting.design)
    return bool(inference.paired_effect(pair[0], pair[1], -1, design, ALPHA).lower > 0)


def wins(setting: Forecasts, replicates: int, seed: int) -> int:
    """Count the holdouts on which the candidate wins."""
    return sum(
        won(setting, draw(np.random.default_rng((seed, number)), setting))
        for number in range(replicates)
    )
