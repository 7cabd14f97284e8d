"""Group-sequential boundaries: how large a statistic must be at each planned look at a test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

# Nodes of the quadrature; twice as many change no bound by 1e-8.
NODES = 400
# Beyond this many standard errors a normal density has no weight that counts.
REACH = 8.5


@dataclass(frozen=True)
class _Going:
    """The statistic's distribution after a look, where its bound was not crossed."""

    fraction: float
    points: NDArray[np.float64]
    weights: NDArray[np.float64]


def obrien_fleming_spending(fraction: float, alpha: float) -> float:
    """One-sided alpha spent when this share of the information is there.

    Lan and DeMets (1983), the spending function that resembles the boundary of O'Brien and
    Fleming (1979): 2 - 2 * Phi(z(1 - alpha / 2) / sqrt(fraction)).
    """
    if fraction <= 0:
        return 0.0
    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(min(fraction, 1.0))))


def boundaries(fractions: Sequence[float], alpha: float) -> list[float]:
    """Upper bound of the standardised statistic at each look, for a one-sided test.

    Parameters
    ----------
    fractions : sequence, shape (k,)
        Share of the planned information at each look, growing, above 0; the look that reaches 1
        spends all that is left of alpha.
    alpha : float
        One-sided risk of ever crossing when there is no effect.

    Returns
    -------
    list, shape (k,)
        Infinite when a look has next to nothing to spend.
    """
    going, spent, bounds = None, 0.0, []
    for fraction in fractions:
        now = obrien_fleming_spending(fraction, alpha)
        bound = _solved(going, fraction, now - spent)
        going, spent = _below(going, fraction, bound), now
        bounds.append(bound)
    return bounds


def crossing_probabilities(
    fractions: Sequence[float], bounds: Sequence[float], drift: float = 0.0
) -> list[float]:
    """Chance that the statistic first crosses its bound at each look, shape (k,).

    `drift` is the statistic's mean at full information: 0 when there is no effect. Computed by
    the recursion of Armitage, McPherson and Rowe (1969).
    """
    going, found = None, []
    for fraction, bound in zip(fractions, bounds, strict=True):
        found.append(_crossing(going, fraction, bound, drift))
        going = _below(going, fraction, bound, drift)
    return found


def inflation(fractions: Sequence[float], alpha: float, power: float) -> float:
    """How many times the units of a test without looks these looks need for the same power."""
    bounds = boundaries(fractions, alpha)
    single = float(ndtri(1 - alpha) + ndtri(power))

    def missing(drift: float) -> float:
        return sum(crossing_probabilities(fractions, bounds, drift)) - power

    drift: Any = brentq(missing, 0.9 * single, 2 * single)
    return (float(drift) / single) ** 2


def _solved(going: _Going | None, fraction: float, chance: float) -> float:
    """Find the bound that is crossed with this chance when there is no effect."""
    if chance < 1e-14:
        return math.inf
    bound: Any = brentq(lambda b: _crossing(going, fraction, b) - chance, -REACH, REACH)
    return float(bound)


def _crossing(going: _Going | None, fraction: float, bound: float, drift: float = 0.0) -> float:
    if going is None:
        return float(ndtr(drift * math.sqrt(fraction) - bound))
    return float(ndtr(-_distance(going, fraction, bound, drift)) @ going.weights)


def _distance(
    going: _Going, fraction: float, value: float | NDArray[np.float64], drift: float
) -> NDArray[np.float64]:
    # The sum z * sqrt(fraction) grows by a normal step of variance `step`, independent of the past.
    step = fraction - going.fraction
    reached = going.points * math.sqrt(going.fraction) + drift * step
    return (value * math.sqrt(fraction) - reached) / math.sqrt(step)


def _below(going: _Going | None, fraction: float, bound: float, drift: float = 0.0) -> _Going:
    mean = drift * math.sqrt(fraction)
    low, high = mean - REACH, min(bound, mean + REACH)
    nodes, weights = _quadrature()
    points = (low + high) / 2 + nodes * (high - low) / 2
    if going is None:
        density = _normal(points - mean)
    else:
        kernel = _normal(_distance(going, fraction, points[:, None], drift))
        density = kernel @ going.weights * math.sqrt(fraction / (fraction - going.fraction))
    return _Going(fraction, points, weights * (high - low) / 2 * density)


@cache
def _quadrature() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(NODES)


def _normal(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
