"""Each distance against scipy or by hand: ties, one row, empty sides, unused cells."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mlops_kit.operate.monitor.judging.statistics import (
    chi_square,
    grouped,
    ks_of_counts,
    psi,
    wasserstein_of_counts,
)
from scipy import stats

# Few different values: ties within a side and across both.
VALUES = st.integers(1, 60).flatmap(
    lambda n: arrays(np.float64, n, elements=st.integers(-4, 4).map(lambda x: x / 2))
)
COUNTS = arrays(np.float64, 6, elements=st.integers(0, 50).map(float))


@given(VALUES, VALUES)
@settings(deadline=None)
def test_distances_of_counts_of_single_values_are_scipys_of_the_values(
    first: np.ndarray, second: np.ndarray
) -> None:
    largest = stats.ks_2samp(first, second, method="asymp").statistic
    area = stats.wasserstein_distance(first, second)
    values = np.unique(np.concatenate([first, second]))
    had, has = (np.array([(one == value).sum() for value in values]) for one in (first, second))
    assert ks_of_counts(had, has) == pytest.approx(largest, abs=1e-12)
    found = wasserstein_of_counts(had, has, values)
    assert found == pytest.approx(area, abs=1e-12)


@given(COUNTS, COUNTS)
@settings(deadline=None)
def test_chi_square_is_scipys_and_leaves_out_cells_that_nobody_is_in(
    first: np.ndarray, second: np.ndarray
) -> None:
    statistic, p = chi_square(first, second)
    used = (first + second) > 0
    if not first.sum() or not second.sum():
        assert math.isnan(statistic) and math.isnan(p)
    elif used.sum() == 1:
        assert (statistic, p) == (pytest.approx(0), 1)
    else:
        told = stats.chi2_contingency(np.array([first, second])[:, used], correction=False)
        assert statistic == pytest.approx(told.statistic, rel=1e-9, abs=1e-9)
        assert p == pytest.approx(told.pvalue, rel=1e-9, abs=1e-12)


def test_the_stability_index_is_what_it_is_by_hand() -> None:
    reference, current = np.array([600.0, 400.0]), np.array([300.0, 700.0])
    q, p = np.array([600.5, 400.5]) / 1001, np.array([300.5, 700.5]) / 1001
    by_hand = float(((p - q) * np.log(p / q)).sum()) - (1 / 1000 + 1 / 1000)
    assert psi(reference, current) == pytest.approx(by_hand, abs=1e-12)
    assert math.isnan(psi(reference, np.zeros(2)))
    assert psi(np.array([1000.0]), np.array([10.0])) == 0


@pytest.mark.parametrize("rows", [50, 500, 20_000])
def test_the_index_of_equal_distributions_does_not_depend_on_how_many_rows_there_are(
    rows: int,
) -> None:
    rng = np.random.default_rng(3)
    reference = rng.multinomial(50_000, np.full(10, 0.1), size=4_000).astype(float)
    current = rng.multinomial(rows, np.full(10, 0.1), size=4_000).astype(float)
    # Clipped at 0, half of the noise is left: without the correction the mean is 9 / rows.
    assert psi(reference, current).mean() < 0.35 * 9 / rows


def test_neighbours_are_joined_to_groups_of_like_shares() -> None:
    reference = np.full(20, 5.0)
    joined = grouped(np.arange(20.0), reference)
    assert joined.shape == (10,)
    assert joined.sum() == pytest.approx(190)
    assert grouped(np.arange(5.0), np.ones(5)).tolist() == [0, 1, 2, 3, 4]
