"""How far two distributions are apart, from counts in cells or from values, and what is chance.

All functions of counts take arrays of shape (..., n_cells) and work along the last axis, so that a
year of windows is one call. Where a side is empty the answer is NaN: nothing to compare.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

Floats = NDArray[np.float64]

GROUPS = 10  # cells of the index: more cells are more noise
HALF = 0.5  # added to each cell, so that an empty one is no infinity


def psi(reference: Floats, current: Floats) -> Floats:
    """Population stability index of two sets of counts, less what chance alone gives.

    The sum over cells of (p - q) ln(p / q) (Siddiqi 2006, chapter 9), in nats, with half a row
    added to each cell (Jeffreys). Of two samples of one distribution its mean is about
    (cells - 1)(1/n + 1/m) (Yurdakul and Naranjo 2020, equation 2.6), which is taken off, so that
    few rows do not look like drift; never below 0.
    """
    reference, current = np.broadcast_arrays(np.asarray(reference, float), current)
    n, m = reference.sum(axis=-1), current.sum(axis=-1)
    cells = reference.shape[-1]
    q = (reference + HALF) / (n + HALF * cells)[..., None]
    p = (current + HALF) / (m + HALF * cells)[..., None]
    used = ((reference + current) > 0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.maximum(used - 1, 0) * (1 / n + 1 / m)
    raw = ((p - q) * np.log(p / q)).sum(axis=-1)
    return np.where((n > 0) & (m > 0), np.maximum(raw - noise, 0.0), np.nan)


def chi_square(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """Pearson's test that two sets of counts have one distribution (two rows of a table).

    Returns
    -------
    tuple of ndarray
        The statistic, and its p-value with (used cells - 1) degrees of freedom.
    """
    reference, current = np.broadcast_arrays(np.asarray(reference, float), current)
    n, m = reference.sum(axis=-1)[..., None], current.sum(axis=-1)[..., None]
    both = reference + current
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = (reference * np.sqrt(m / n) - current * np.sqrt(n / m)) ** 2 / both
    statistic = np.where(both > 0, parts, 0.0).sum(axis=-1)
    freedom = (both > 0).sum(axis=-1) - 1
    empty = (n[..., 0] == 0) | (m[..., 0] == 0)
    p = np.where(freedom > 0, gammaincc(np.maximum(freedom, 1) / 2, statistic / 2), 1.0)
    return np.where(empty, np.nan, statistic), np.where(empty, np.nan, p)


def ks_of_counts(reference: Floats, current: Floats) -> Floats:
    """Kolmogorov and Smirnov's distance at the ends of the cells.

    Exact where each cell is one value; else smaller than the exact one by no more than the
    largest cell's share.
    """
    return np.abs(_shares(reference) - _shares(current)).max(axis=-1)


def wasserstein_of_counts(reference: Floats, current: Floats, values: Floats) -> Floats:
    """First Wasserstein distance of counts at `values`, shape (n_cells,), ascending."""
    gaps = np.abs(_shares(reference) - _shares(current))[..., :-1]
    return gaps @ np.diff(values)


def grouped(counts: Floats, reference: Floats, most: int = GROUPS) -> Floats:
    """Join neighbouring cells to `most` groups of about equal shares of `reference`.

    Parameters
    ----------
    counts : ndarray, shape (..., n_cells)
    reference : ndarray, shape (n_cells,)
    """
    cells = reference.shape[-1]
    if cells <= most:
        return counts
    before = np.concatenate([[0.0], np.cumsum(reference)[:-1]]) + reference / 2
    group = np.minimum((before / max(reference.sum(), 1.0) * most).astype(int), most - 1)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return np.add.reduceat(counts, starts, axis=-1)


def _shares(counts: Floats) -> Floats:
    total = np.asarray(counts, float).sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.cumsum(counts, axis=-1) / total
