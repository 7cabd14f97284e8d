"""Forecasts of two systems that are equally good: AR(1) errors, series, shocks, horizons.

A row is a forecast of a series, made on the day `order` for `horizon` days ahead. Rows of one
origin look at the same days, and origins a day apart at nearly the same.
"""

from typing import NamedTuple

import numpy as np
from mlops_kit.compare.inference import effect as inference
from mlops_kit.compare.inference import periods
from mlops_kit.compare.metrics import registry as metrics
from panel_scenarios import ALPHA, FEW_GROUPS, lasting


class Forecasts(NamedTuple):
    """A design: how many series, origins and horizons, and how errors last."""

    n_series: int
    n_origins: int
    n_horizons: int
    step: int = 1  # days from one origin to the next
    memory: float = 0.5  # of the AR(1) errors, from day to day
    common: float = 0.0  # share of their variance that all series have in common
    kind: str = "signals"  # each knows half of what moves the series; "errors": each errs for days
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
    days = 1 + (setting.n_origins - 1) * setting.step + n_horizons
    one, other = (
        np.sqrt(setting.common) * lasting(random, (1, days), memory)
        + np.sqrt(1 - setting.common) * lasting(random, (n_series, days), memory)
        for _ in range(2)
    )
    series, origin, horizon = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(n_series),
            np.arange(setting.n_origins) * setting.step,
            np.arange(1, n_horizons + 1),
            indexing="ij",
        )
    )
    # The last day that is known at an origin is the one before it.
    known, day = origin, origin + horizon
    size = series.size
    if setting.kind == "signals":
        moved = one + other + random.normal(0, 0.5, one.shape)
        truth = moved[series, day]
        pair = [signal[series, known] * memory**horizon for signal in (one, other)]
        pair[0] += setting.gain * (other[series, known] * memory**horizon)
    else:
        truth = random.normal(0, 1, one.shape)[series, day]
        pair = [
            truth + scale * (error[series, day] + random.normal(0, 0.3, size))
            for scale, error in ((1 - setting.gain, one), (1, other))
        ]
    level = 10.0
    return Drawn(truth + level, pair[0] + level, pair[1] + level, series, origin, horizon)


def design_of(drawn: Drawn, kind: str) -> inference.Design:
    """Take rows as the comparison does; see _design() of compare/holdout/holdout.py."""
    if kind == "time" or np.unique(drawn.series).size == 1:
        return inference.Design("time", order=drawn.order)
    return inference.Design("two-way", drawn.series, drawn.order)


def waits(setting: Forecasts) -> bool:
    """Tell whether the comparison answers inconclusive whatever the figures say."""
    few = setting.n_series < FEW_GROUPS and setting.n_origins < FEW_GROUPS
    return (few and setting.design != "time") or setting.n_origins < periods.FEW_PERIODS


def won(setting: Forecasts, drawn: Drawn) -> bool:
    """Tell whether the lower bound of the gain is above zero."""
    metric = metrics.metric_named(
        setting.metric, quantile=0.9 if setting.metric == "pinball" else None
    )
    pair = [metric.function(drawn.truth, system) for system in (drawn.candidate, drawn.incumbent)]
    design = design_of(drawn, setting.design)
    return bool(inference.paired_effect(pair[0], pair[1], -1, design, ALPHA).lower > 0)


def wins(setting: Forecasts, replicates: int, seed: int) -> int:
    """Count the holdouts on which the candidate wins."""
    return sum(
        won(setting, draw(np.random.default_rng((seed, number)), setting))
        for number in range(replicates)
    )
