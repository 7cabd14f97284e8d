"""Standard errors of a sum of influences for rows that are independent, grouped or in time."""

import math

import numpy as np

from mlops_kit.compare.inference.periods import dense, shared_by_periods, stretches
from mlops_kit.compare.metrics.estimate import Codes, Floats, total, totals
from mlops_kit.core.errors import MlopsError

Found = tuple[float, float, int]


def independent(error: Floats, strata: Codes | None) -> tuple[float, float, int]:
    """Standard error and degrees of freedom for independent rows.

    Parameters
    ----------
    error : array, shape (n,)
        Influences, or differences of influences: what adds up to the error of the estimate.
    strata : array, shape (n,), or None
        Code of the sample of each row. For an AUC, whose samples are the two classes, the result
        is that of DeLong, DeLong and Clarke-Pearson (1988), equations 4 to 6; the degrees of
        freedom are Welch's.

    Returns
    -------
    tuple of standard error, degrees of freedom and number of units
    """
    n = error.size
    if n < 2:
        raise MlopsError("The holdout has one row: a comparison needs at least two.")
    squares = error**2
    if strata is None:
        return math.sqrt(total(squares) * n / (n - 1)), n - 1.0, n
    sizes = np.bincount(strata)
    # A class of one row shows no spread: nothing to correct.
    others = np.maximum(sizes - 1, 1)
    parts = totals(squares, strata, sizes.size) * np.maximum(sizes / others, 1.0)
    variance = math.fsum(parts)
    doubt = math.fsum(parts**2 / others)
    return math.sqrt(variance), variance**2 / doubt if doubt > 0 else n - 1.0, n


def clustered(error: Floats, groups: Codes, strata: Codes | None) -> tuple[float, float, int]:
    """CR3 standard error with effective clusters; parameters and result as in independent().

    The error is that of leaving out one group at a time (MacKinnon, Nielsen and Webb 2023,
    equation 24, on the influences). Degrees of freedom are the effective number of clusters of
    Carter, Schnepel and Steigerwald (2017) minus one, with the intra-cluster correlation that the
    influences show: groups of unequal size are worth fewer.
    """
    codes = dense(groups)
    size = np.bincount(codes)
    n, n_groups = error.size, size.size
    if n_groups < 2:
        raise MlopsError("All rows belong to one group: a comparison needs at least two groups.")
    sums, left_out = _left_out(error, codes, size, strata, "group")
    variance = (n_groups - 1) / n_groups * total(left_out**2)
    own, pairs = total(error**2), float((size**2).sum() - n)
    shared = (total(sums**2) - own) * n / (own * pairs) if own > 0 and pairs > 0 else 0.0
    weight = size * (1 + (size - 1) * min(max(shared, 0.0), 1.0))
    effective = total(weight) ** 2 / total(weight**2)
    return math.sqrt(variance), max(effective - 1, 1.0), n_groups


def _left_out(
    error: Floats, codes: Codes, size: Codes, strata: Codes | None, what: str
) -> tuple[Floats, Floats]:
    """Sum of the influences of each unit, and by how much leaving it out moves the estimate."""
    n, n_units = error.size, size.size
    if strata is None:
        sums = totals(error, codes, n_units)
        return sums, sums / (1 - size / n)
    n_strata = int(strata.max()) + 1
    cells = codes * n_strata + strata
    count = np.bincount(cells, minlength=n_units * n_strata).reshape(n_units, n_strata)
    kept = 1 - count / np.maximum(count.sum(axis=0), 1)
    if kept.min() == 0:
        raise MlopsError(
            f"One {what} holds every row of a class: collect rows of that class in more {what}s."
        )
    parts = totals(error, cells, n_units * n_strata).reshape(n_units, n_strata)
    return parts.sum(axis=1), (parts / kept).sum(axis=1)


def two_way(
    error: Floats,
    own: Found,
    groups: Codes | None,
    order: Codes,
    strata: Codes | None,
    noise: float | None = None,
) -> Found:
    """Standard error of rows that are alike within groups and within periods of time.

    The variance by group plus the part of the variance by period that is not in it already, as
    Cameron, Gelbach and Miller (2011, equation 2.11) add one-way variances and take off that of
    the cells of group and period. The part of time follows what periods share over
    time (Thompson 2011; Chiang, Hansen and Sasaki 2024), see periods.shared_by_periods(); it is
    never negative, so the result is never below either part alone. Degrees of freedom are
    Satterthwaite's (1946) of the two parts.

    Parameters
    ----------
    own : tuple
        Standard error, degrees of freedom and number of units without regard to time: by group,
        or of independent rows.
    groups : array, shape (n,), or None
        Code of the group of each row; None when every row is a group of its own.
    order : array, shape (n,)
        Position in time of each row; rows of one position are one period.
    noise : float, optional
        Variance of the cells of group and period, when it is not the one of `groups`.
    """
    period = stretches(order)
    size = np.bincount(period)
    n_periods = size.size
    if n_periods < 2:
        raise MlopsError("All rows are of one time: a comparison over time needs at least two.")
    if noise is None:
        noise = own[0] ** 2 if groups is None else _of_cells(error, groups, period, n_periods)
    left_out = _left_out(error, period, size, strata, "period")[1]
    shares = size / error.size
    shared = shared_by_periods(left_out * (1 - 1 / n_periods), shares, noise)
    base = max(own[0] ** 2, noise)
    variance = base + shared.variance
    doubt = base**2 / own[1] + (shared.variance + noise) ** 2 / shared.freedom
    freedom = variance**2 / doubt if doubt > 0 else shared.freedom
    return math.sqrt(variance), max(freedom, 1.0), own[2]


def _of_cells(error: Floats, groups: Codes, period: Codes, n_periods: int) -> float:
    """Variance if only rows of one group and one period were alike."""
    cells = dense(dense(groups) * n_periods + period)
    n_cells = int(cells.max()) + 1
    sums = error if n_cells == error.size else totals(error, cells, n_cells)
    return total(sums**2) * n_cells / max(n_cells - 1, 1)
