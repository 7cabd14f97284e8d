"""The comparison promotes by chance as rarely as it promises, and only because it minds the design.

Small and quick; benchmarks/calibration.py measures the same with 2,000 replicates.
"""

from collections.abc import Callable

import pytest
from compare_scenarios import SCENARIOS, accuracy, blocked_by_slices, promotions

REPLICATES = 400


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_candidate_that_is_no_better_is_promoted_at_most_as_often_as_alpha_says(
    name: str, figure: Callable[[str], None]
) -> None:
    found = promotions(SCENARIOS[name], REPLICATES, 7) / REPLICATES
    figure(f"false promotions, {name}: {found:.1%}")
    # Five standard errors would be 10 %: a true 5 % stays below nearly always.
    assert found <= 0.08


@pytest.mark.parametrize("name", ["clustered users", "AR(1) over time"])
def test_ignoring_how_rows_depend_would_promote_too_often(name: str) -> None:
    assert promotions(SCENARIOS[name], REPLICATES, 7, ignore_design=True) / REPLICATES > 0.1


def test_a_gain_of_two_points_in_accuracy_is_seen() -> None:
    assert promotions(accuracy, REPLICATES, 8, effect=0.02) / REPLICATES >= 0.8


def test_harmless_slices_block_only_without_holm() -> None:
    assert blocked_by_slices(100, 9) / 100 <= 0.12
    assert blocked_by_slices(40, 9, holm=False) / 40 > 0.3
