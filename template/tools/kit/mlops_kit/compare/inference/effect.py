"""How sure a difference is: its error, interval and p-value when rows depend on one another."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import bdtr, ndtr, ndtri, stdtr, stdtrit

from mlops_kit.compare.inference.periods import dense
from mlops_kit.compare.inference.standard_errors import clustered, independent, two_way
from mlops_kit.compare.metrics.estimate import Codes, Estimate, Floats, mean_of, total, totals
from mlops_kit.core.errors import MlopsError

POWER = 0.8
CLUSTERED = "CR3, effective clusters"
TWO_WAY = "two-way: CR3 by group, slow waves over periods"
IN_TIME = "slow waves over periods"


Kind: TypeAlias = Literal["iid", "clustered", "time", "two-way", "folds"]


@dataclass(frozen=True)
class Design:
    """How the rows of the holdout depend on one another.

    Parameters
    ----------
    kind : "iid", "clustered", "time", "two-way" or "folds"
    groups : array, shape (n,), or None
        Code of the group of each row, for "clustered" and "two-way"; of its fold, for "folds".
    order : array, shape (n,), or None
        Position in time of each row, for "time" and "two-way"; rows of one position are one period.
    unit : "row" or "group"
        What the metric averages over when clustered: every row counts the same, or every group.
    n_train : int or None
        Rows that the models of one fold learned from, for "folds".
    """

    kind: Kind
    groups: Codes | None = None
    order: Codes | None = None
    unit: Literal["row", "group"] = "row"
    n_train: int | None = None

    @property
    def n_periods(self) -> int:
        """How many periods the rows come from; 0 when that does not matter or is not known."""
        return 0 if self.order is None else int(np.unique(self.order).size)


IID = Design("iid")


def design_of_groups(groups: Codes) -> Design:
    """Choose clustered rows, or independent ones when every row is a group of its own."""
    return IID if np.unique(groups).size == groups.size else Design("clustered", groups)


@dataclass(frozen=True)
class Replicates:
    """Sorted bootstrap replicates with Efron's bias correction and acceleration."""

    values: Floats
    bias: float
    acceleration: float


@dataclass(frozen=True)
class Effect:
    """A difference in units of the metric, positive when the candidate is better.

    `lower` and `upper` are one-sided bounds at `alpha` each, so together a 1 - 2 * alpha interval.
    `n_units` counts what is independent, or periods: rows, groups, folds.
    """

    estimate: float
    standard_error: float
    lower: float
    upper: float
    degrees_of_freedom: float
    method: str
    alpha: float
    n_units: int
    replicates: Replicates | None = field(default=None, repr=False, compare=False)
    beside: "Effect | None" = field(default=None, repr=False)

    def widened_by(self, other: "Effect") -> "Effect":
        """Take the more cautious bound and p-value of two methods."""
        lower, upper = min(self.lower, other.lower), max(self.upper, other.upper)
        return replace(self, lower=lower, upper=upper, beside=other)

    def p_value(self, null: float = 0.0) -> float:
        """One-sided p-value of the hypothesis that the true effect is at most `null`."""
        own = self._p_value(null)
        return own if self.beside is None else max(own, self.beside.p_value(null))

    def _p_value(self, null: float) -> float:
        if self.standard_error == 0:
            return 0.0 if self.estimate > null else 1.0
        if self.replicates is None:
            return float(
                stdtr(self.degrees_of_freedom, (null - self.estimate) / self.standard_error)
            )
        values, bias = self.replicates.values, self.replicates.bias
        below = np.searchsorted(values, null, "left") + np.searchsorted(values, null, "right")
        # Half a replicate at each end: B of them cannot show a p-value of zero.
        share = min(max(below / (2 * values.size), 0.5 / values.size), 1 - 0.5 / values.size)
        shift = float(ndtri(share)) - bias
        slope = 1 + self.replicates.acceleration * shift
        return float(ndtr(shift / slope - bias)) if slope > 0 else float(shift > 0)

    def rows_factor(
        self, null: float = 0.0, power: float = POWER, truth: float | None = None
    ) -> float | None:
        """How many times the present rows tell the effect from `null` with this power.

        `truth` is the effect supposed to be true, the estimate unless given; None is returned
        when it equals `null`, which no number of rows can tell apart.
        """
        distance = abs((self.estimate if truth is None else truth) - null)
        if distance == 0:
            return None
        # With few units a bound lies further out than the normal one.
        z = float(stdtrit(self.degrees_of_freedom, 1 - self.alpha) + ndtri(power))
        far = z * self.standard_error / distance
        return far * far

    def power(self, truth: float, null: float = 0.0, factor: float = 1.0) -> float:
        """Chance that `lower` exceeds `null` with `factor` times the rows if `truth` is true."""
        if self.standard_error == 0:
            return float(truth > null)
        distance = (truth - null) / self.standard_error * math.sqrt(factor)
        return float(ndtr(distance - stdtrit(self.degrees_of_freedom, 1 - self.alpha)))


def paired_effect(
    candidate: Estimate, incumbent: Estimate, sign: int, design: Design, alpha: float
) -> Effect:
    """Difference of two estimates of one metric on the same rows, with its interval.

    Parameters
    ----------
    candidate, incumbent : Estimate
        With influences of shape (n,); see resampling.effect_of() for metrics without.
    sign : int
        1 when higher values are better, -1 when lower ones are.
    alpha : float
        One-sided risk of each bound.

    Raises
    ------
    MlopsError
        When the design leaves nothing to compare: one group, one period, or one group that
        holds every row of a class.
    """
    if candidate.influence is None or incumbent.influence is None:
        raise ValueError("an estimate without influences needs resampling.effect_of()")
    if design.unit == "group":
        return _effect_of_group_means(candidate, incumbent, sign, design, alpha)
    error = sign * _influence_of_difference(candidate, incumbent)
    value = sign * (candidate.value - incumbent.value) + 0.0  # no negative zero in a report
    return _effect(value, error, candidate.strata, design, alpha)


def _influence_of_difference(one: Estimate, other: Estimate) -> Floats:
    assert one.influence is not None
    assert other.influence is not None
    if one.mean is None or other.mean is None:
        return one.influence - other.influence
    apart = one.mean.value - other.mean.value
    if abs(apart) <= 1e-6 * max(abs(one.mean.value), abs(other.mean.value)):
        return one.influence - other.influence
    # The slope between the two values. With a slope for each, a row that happens to be huge in
    # one system would flatten its own weight, and chance would promote more than alpha.
    slope = (one.value - other.value) / apart
    return slope * _influence_of_difference(one.mean, other.mean)


def with_periods(effect: Effect, error: Floats, design: Design) -> Effect:
    """Add what periods share to an effect whose error knows groups only.

    `error`, shape (n,), are influences of which only the sums over periods are right, so none of
    the variance by period is known to be in the effect's already.
    """
    assert design.order is not None
    own = (effect.standard_error, effect.degrees_of_freedom, effect.n_units)
    found = two_way(error, own, None, design.order, None, noise=0.0)
    return _t_effect(effect.estimate, found, TWO_WAY, effect.alpha)


def single_effect(estimate: Estimate, design: Design, alpha: float) -> Effect:
    """One system's own value with its interval; parameters as in paired_effect()."""
    nothing = Estimate(0.0, np.zeros_like(estimate.influence), estimate.strata)
    return paired_effect(estimate, nothing, 1, design, alpha)


def _effect_of_group_means(
    candidate: Estimate, incumbent: Estimate, sign: int, design: Design, alpha: float
) -> Effect:
    """Difference of the means of the groups' means: every group counts the same."""
    if candidate.rows is None or incumbent.rows is None or design.groups is None:
        raise ValueError("unit: group needs groups and a metric that is a mean over rows")
    codes = dense(design.groups)
    sizes = np.bincount(codes)
    gain = candidate.rows - incumbent.rows
    mean = mean_of(totals(gain, codes, sizes.size) / sizes)
    assert mean.influence is not None
    found, method = independent(mean.influence, None), "independent rows"
    if design.order is not None and design.n_periods > 1:
        error = (gain - mean.value) / sizes[codes] / sizes.size
        found, method = two_way(error, found, codes, design.order, None), TWO_WAY
    return _t_effect(sign * mean.value + 0.0, found, method, alpha)


def _effect(
    value: float, error: Floats, strata: Codes | None, design: Design, alpha: float
) -> Effect:
    if design.kind == "clustered" and design.groups is not None:
        found, method = clustered(error, design.groups, strata), CLUSTERED
    elif design.kind == "two-way" and design.groups is not None and design.order is not None:
        found, method = clustered(error, design.groups, strata), CLUSTERED
        # A slice of one period cannot show what its rows share.
        if design.n_periods > 1:
            found, method = two_way(error, found, design.groups, design.order, strata), TWO_WAY
    elif design.kind == "time" and design.order is not None:
        own = independent(error, strata)
        found, method = two_way(error, own, None, design.order, strata), IN_TIME
        found = (found[0], found[1], design.n_periods)
    elif design.kind == "folds" and design.groups is not None:
        # What each fold's rows add to the error, as if the value were of that fold alone.
        codes = np.unique(design.groups, return_inverse=True)[1]
        sizes = np.bincount(codes)
        apart = totals(error, codes, sizes.size) * error.size / sizes
        return over_folds(value + apart, design, alpha)
    elif design.kind == "iid":
        found, method = independent(error, strata), "independent rows"
    else:
        raise ValueError(f'the design "{design.kind}" lacks its groups or order')
    return _t_effect(value, found, method, alpha)


def _t_effect(value: float, found: tuple[float, float, int], method: str, alpha: float) -> Effect:
    standard_error, freedom, n_units = found
    reach = float(stdtrit(freedom, 1 - alpha)) * standard_error
    return Effect(
        value, standard_error, value - reach, value + reach, freedom, method, alpha, n_units
    )


def over_folds(differences: Floats, design: Design, alpha: float) -> Effect:
    """Effect of the folds' gains, shape (n_folds,), on a holdout that is cut into folds."""
    assert design.groups is not None
    assert design.n_train is not None
    n_test = max(1, round(design.groups.size / max(differences.size, 1)))
    return corrected_resampled_t(differences, design.n_train, n_test, alpha)


def corrected_resampled_t(differences: Floats, n_train: int, n_test: int, alpha: float) -> Effect:
    """Effect over folds or runs that share training rows: Nadeau and Bengio (2003), equation 8.

    Parameters
    ----------
    differences : array, shape (n_folds,), n_folds >= 2
        Gain of the candidate in each fold or training run, on the same splits.
    n_train, n_test : int
        Rows of one fold's training and test part.
    """
    n_folds = differences.size
    if n_folds < 2 or min(n_train, n_test) < 1:
        raise MlopsError("A test over folds needs at least two folds with rows in both parts.")
    mean = mean_of(np.asarray(differences, np.float64))
    assert mean.influence is not None
    spread = total(mean.influence**2) * n_folds**2 / (n_folds - 1)
    error = math.sqrt(spread * (1 / n_folds + n_test / n_train))
    return _t_effect(mean.value, (error, n_folds - 1.0, n_folds), "corrected resampled t", alpha)


def mcnemar_midp(b: int, c: int) -> float:
    """Two-sided mid-p of McNemar's test (Fagerland, Lydersen and Laake 2013).

    `b` and `c` are the rows that only the one or only the other system gets right.
    """
    n, fewer = b + c, min(b, c)
    if b == c:
        return 1.0
    up_to, below = bdtr(fewer, n, 0.5), bdtr(fewer - 1, n, 0.5) if fewer else 0.0
    return float(up_to + below)


def holm(p_values: Floats) -> Floats:
    """Adjust p-values of a family, shape (m,), by Holm (1979): reject where it is <= alpha."""
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * (p_values.size - np.arange(p_values.size))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
