"""Fixed histories of working repositories: no line is lost over any update."""

from collections.abc import Callable
from pathlib import Path

import pytest
from histories import Figures, live
from lifecycle import memoised_versions, versioned_template, with_artificial_versions
from running import first_and_repetitions


@pytest.mark.parametrize("histories", first_and_repetitions(6, 20))
def test_histories_lose_nothing(
    tmp_path: Path, figure: Callable[[str], None], histories: int
) -> None:
    figures = Figures()
    template = with_artificial_versions(versioned_template(tmp_path / "template"))
    with memoised_versions(template):
        for seed in range(histories):
            live(template, tmp_path / f"project-{seed}", seed, figures)
    figure(f"working repositories: {figures.text()}")
    assert figures.lost == []
    assert figures.false_conflicts == 0
    assert figures.false_patches == 0
    assert figures.in_the_report_only <= 0.02 * figures.edits
    assert len(figures.kinds) == 12, "every kind of edit happened"
