"""Holdouts of groups over periods on which two systems are equally good, and how often one wins.

What a period's rows share, and what a group's rows share, moves the difference of the systems and
has mean zero. The unit of all strengths is the standard deviation of one row's own difference.
"""

from typing import Any, NamedTuple

import numpy as np
from mlops_kit.compare.inference import effect as inference
from mlops_kit.compare.inference import periods
from mlops_kit.compare.metrics import estimate as estimates
from mlops_kit.compare.metrics import registry as metrics

ALPHA = 0.05
# A table of more rows takes longer and shows the same: what is shared outweighs single rows.
MOST_ROWS = 6000
FEW_GROUPS = 30


class Panel(NamedTuple):
    """A design of the grid: sizes, what is shared, and how long it lasts."""

    n_groups: int
    n_periods: int
    shock: float = 0.0
    memory: float = 0.0
    group: float = 0.5
    group_memory: float = 1.0
    sizes: str = "even"  # "uneven": lognormal; "one": a third of the rows are one group's
    metric: str = "loss"  # "right": labels of which one system's is right; "auc"
    gain: float = 0.0

    def waits(self) -> bool:
        """Tell whether the comparison answers inconclusive whatever the figures say."""
        few = self.n_groups < FEW_GROUPS and self.n_periods < FEW_GROUPS
        return few or self.n_periods < periods.FEW_PERIODS


class Drawn(NamedTuple):
    """Two estimates on the same rows, and how the rows depend on one another."""

    candidate: Any
    incumbent: Any
    groups: np.ndarray
    order: np.ndarray


def lasting(random: np.random.Generator, shape: tuple[int, int], memory: float) -> np.ndarray:
    """Draw AR(1) series of unit variance, one a row; with memory 1 each is constant."""
    steps = random.normal(0, 1, shape)
    if memory == 0:
        return steps
    if memory == 1:
        return np.repeat(steps[:, :1], shape[1], axis=1)
    series, fresh = steps.copy(), np.sqrt(1 - memory**2)
    for place in range(1, shape[1]):
        series[:, place] = memory * series[:, place - 1] + fresh * steps[:, place]
    return series


def draw(random: np.random.Generator, panel: Panel) -> Drawn:
    """Draw the rows of one holdout."""
    n_groups, n_periods = panel.n_groups, panel.n_periods
    if n_groups * n_periods <= MOST_ROWS and panel.sizes == "even":
        groups = np.repeat(np.arange(n_groups), n_periods)
        order = np.tile(np.arange(n_periods), n_groups)
    else:
        n = min(n_groups * n_periods, MOST_ROWS)
        weight = np.ones(n_groups)
        if panel.sizes == "uneven":
            weight = random.lognormal(0, 1, n_groups)
        elif panel.sizes == "one":
            weight[0] = (n_groups - 1) / 2
        groups = random.choice(n_groups, n, p=weight / weight.sum())
        order = random.integers(0, n_periods, n)
    shared = panel.shock * lasting(random, (1, n_periods), panel.memory)[0][order]
    own = lasting(random, (n_groups, n_periods), panel.group_memory)[groups, order]
    both = shared + panel.group * own + panel.gain
    if panel.metric == "auc":
        truth = (random.random(groups.size) < 0.3).astype(np.float64)
        signal = truth + random.normal(0, 1, groups.size)
        # The sign of what is shared says which system the period or the group suits better.
        pair = [
            signal + truth * side * both / 2 + random.normal(0, 0.7, truth.size) for side in (1, -1)
        ]
        auc = metrics.metric_named("auc").function
        return Drawn(auc(truth, pair[0]), auc(truth, pair[1]), groups, order)
    gain = both + random.normal(0, 1, groups.size)
    if panel.metric == "right":
        gain = np.where(np.abs(gain) > 1.2, np.sign(gain), 0.0)
    nothing = estimates.mean_of(np.zeros(groups.size))
    return Drawn(estimates.mean_of(gain), nothing, groups, order)


def won(drawn: Drawn, kind: inference.Kind = "two-way") -> bool:
    """Tell whether the lower bound of the gain is above zero."""
    design = inference.Design(kind, drawn.groups, drawn.order if kind == "two-way" else None)
    effect = inference.paired_effect(drawn.candidate, drawn.incumbent, 1, design, ALPHA)
    return bool(effect.lower > 0)


def wins(panel: Panel, replicates: int, seed: int, kind: inference.Kind = "two-way") -> int:
    """Count the holdouts on which the candidate wins."""
    return sum(
        won(draw(np.random.default_rng((seed, number)), panel), kind)
        for number in range(replicates)
    )
