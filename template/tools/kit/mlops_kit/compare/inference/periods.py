"""What rows of one period share: how far it can move a difference, and for how long it lasts."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mlops_kit.compare.metrics.estimate import Codes, Floats

# More periods than this are merged with their neighbours: a hundred sums show chance as well, and
# what lasts for weeks shows in sums of days, not of seconds.
MOST_PERIODS = 120
# Fewer periods than this cannot show whether what they share lasts: with 12, about 7 % of equal
# systems would win against a promise of 5 % (benchmarks/calibration.py --grid).
FEW_PERIODS = 16
# Autocorrelations of what periods share that are told apart; nothing lasts longer than the last.
MEMORIES = (*np.arange(0, 0.9, 0.05).round(2).tolist(), 0.9, 0.95)


class Shared(NamedTuple):
    """Variance that a whole period's rows share, that of the period sums, and its freedom."""

    variance: float
    of_sums: float
    freedom: float


class _Waves(NamedTuple):
    """For one memory: how many slow waves to look at, what they miss, and their freedom."""

    number: int
    factor: float
    freedom: float


def stretches(order: Codes) -> Codes:
    """Number the periods from 0, shape (n,), and merge neighbours until they are few enough."""
    codes = dense(order)
    n_periods = int(codes.max(initial=0)) + 1
    return codes // math.ceil(n_periods / MOST_PERIODS)


def dense(codes: Codes) -> Codes:
    """Number codes from 0 without gaps, in their order, shape (n,)."""
    largest = int(codes.max(initial=0))
    if codes.min(initial=0) < 0 or largest > 4 * codes.size + 100:
        return np.unique(codes, return_inverse=True)[1]
    present = np.bincount(codes, minlength=1) > 0
    return codes if present.all() else (np.cumsum(present) - 1)[codes]


def effective_periods(order: Codes) -> float:
    """How many periods of equal size know as much: twice the inverse of the sum of squared shares.

    At most their number; twice, because growing numbers of rows are no fault.
    """
    size = np.bincount(stretches(order))
    return min(float(size.size), 2 / float(((size / size.sum()) ** 2).sum()))


def is_few(order: Codes | None) -> bool:
    """Tell whether the periods are several, and too few to show whether what they share lasts."""
    if order is None or order.max() == order.min():
        return False
    return effective_periods(order) < FEW_PERIODS


def shared_by_periods(sums: Floats, shares: Floats, noise: float) -> Shared:
    """Variance that comes from what all rows of a period share, and lasts as an AR(1) does.

    The period sums are projected on slow cosine waves, whose mean square estimates the long-run
    variance with about as many degrees of freedom as there are waves (Muller 2004; Lazarus,
    Lewis, Stock and Watson 2018, equation 10). For an AR(1) with memory rho over T periods, what
    the waves miss is known exactly, and the number of waves is taken that makes the reach of the
    interval the shortest. Rho is the largest that the periods leave open: their first
    autocorrelation, corrected for its bias (Kendall 1954) and raised by two of its standard
    errors, over the share of the sums' variance that is no noise; at most 0.95. Of all rho up to
    that one the most cautious decides.

    Parameters
    ----------
    sums : array, shape (T,), T >= 2
        Sum of the influences of each period in order, as leaving the period out would show it.
    shares : array, shape (T,)
        Share of the rows in each period, which add up to 1.
    noise : float
        Variance that the rows have if periods share nothing (of sums over all rows).
    """
    n = sums.size
    squares = float((sums**2).sum())
    of_sums = squares * n / (n - 1)
    if squares == 0:
        return Shared(0.0, 0.0, n - 1.0)
    known = min(noise / of_sums, 1.0)
    powers = n * np.cumsum(np.einsum("kt,t->k", _cosines(n), sums) ** 2) / np.arange(1, n)
    equal = min(1.0, 1 / float((shares**2).sum()) / n)
    found = []
    for memory, waves in zip(MEMORIES, _plan(n), strict=True):
        power = float(powers[waves.number - 1])
        variance = max(waves.factor * (power - known * noise), of_sums - noise, 0.0)
        freedom = max(waves.freedom * equal, 1.0)
        reach = float(stdtrit(freedom, 0.95)) * math.sqrt(variance + noise)
        found.append((reach, Shared(variance, of_sums, freedom)))
        if memory >= _longest_memory(sums, known):
            break
    return max(found)[1]


def _longest_memory(sums: Floats, known: float) -> float:
    n = sums.size
    seen = float((sums[1:] * sums[:-1]).sum() / (sums**2).sum())
    most = seen + (1 + 3 * max(seen, 0.0)) / n + 2 / math.sqrt(n)
    return most / (1 - known) if known < 1 else 1.0


@cache
def _cosines(n: int) -> Floats:
    """Waves of n periods, slow ones first, shape (n - 1, n): orthonormal, and each sums to 0."""
    wave, place = np.arange(1, n)[:, None], np.arange(n) + 0.5
    return math.sqrt(2 / n) * np.cos(math.pi * wave * place / n)


@cache
def _plan(n: int) -> tuple[_Waves, ...]:
    """For every memory, the number of waves with the shortest reach over n periods."""
    waves = _cosines(n)
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    numbers = np.arange(1, n)
    plan = []
    for memory in MEMORIES:
        correlation: NDArray[np.float64] = np.power(memory, lag, dtype=np.float64)
        seen = waves @ correlation @ waves.T
        trace = np.cumsum(np.diag(seen))
        squares = np.cumsum(np.cumsum(seen**2, axis=0), axis=1).diagonal()
        factor, freedom = correlation.sum() / n * numbers / trace, trace**2 / squares
        best = int(np.argmin(stdtrit(freedom, 0.95) * np.sqrt(factor)))
        # The last digits of a matrix product depend on the number of threads.
        plan.append(_Waves(best + 1, *(float(f"{x[best]:.10g}") for x in (factor, freedom))))
    return tuple(plan)
