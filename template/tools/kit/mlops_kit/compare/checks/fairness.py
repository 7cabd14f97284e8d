"""Whether the gap between groups of people grows: fairlearn's definitions, with intervals."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.checks.common import entry, share, sure
from mlops_kit.compare.checks.flips import decided
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.inference.effect import Effect, holm, paired_effect
from mlops_kit.compare.metrics.estimate import Estimate
from mlops_kit.core.errors import MlopsError

Codes = NDArray[np.int64]
NAMES = {"demographic_parity": "share picked", "equalised_odds": "share of right or wrong alarms"}


def demographic_parity(picked: Codes, groups: Codes) -> Estimate:
    """Largest difference between groups in the share of rows picked.

    fairlearn's demographic_parity_difference(method="between_groups").

    Parameters
    ----------
    picked : array of 0 and 1, shape (n,)
    groups : array of codes 0 to n_groups - 1, shape (n,), every code present
    """
    return _gap(picked, np.ones(picked.size, bool), groups)


def equalised_odds(truth: Codes, picked: Codes, groups: Codes) -> Estimate:
    """Larger of the gaps between groups in true and in false positive rate.

    fairlearn's equalized_odds_difference(method="between_groups", agg="worst_case"). Every group
    must hold rows of both classes.
    """
    gaps = [_gap(picked, truth == label, groups) for label in (1, 0)]
    return gaps[0] if gaps[0].value >= gaps[1].value else gaps[1]


def _gap(picked: Codes, among: NDArray[np.bool_], groups: Codes) -> Estimate:
    """Highest minus lowest share by group, with the influence of the two groups' rows."""
    n_groups = int(groups.max()) + 1
    size = np.bincount(groups[among], minlength=n_groups)
    rate = np.bincount(groups[among], picked[among], n_groups) / size
    top, bottom = int(rate.argmax()), int(rate.argmin())
    side = np.zeros(n_groups)
    side[top] += 1 / size[top]
    side[bottom] -= 1 / size[bottom]
    influence = np.where(among, (picked - rate[groups]) * side[groups], 0.0)
    return Estimate(float(rate[top] - rate[bottom]), influence)


def fairness_checks(holdout: Holdout, config: CompareConfig, alpha: float) -> list[Check]:
    """Judge by how much each gap grows: growth beyond the margin, proven after Holm, blocks."""
    if config.fairness is None:
        return []
    if not set(np.unique(holdout.truth).tolist()) <= {0.0, 1.0}:
        raise MlopsError("fairness of conf/compare.yaml compares two classes: drop it here.")
    found: list[tuple[str, str, Effect | None, tuple[float, float] | None]] = []
    for column in config.fairness.columns:
        for measure in config.fairness.measures:
            found.append((column, measure, *_change(holdout, config, alpha, column, measure)))
    margin = config.fairness.margin
    tested = [effect for _, _, effect, _ in found if effect is not None]
    grown = [e.p_value(margin) if e.standard_error else float(e.estimate <= margin) for e in tested]
    adjusted = iter(holm(np.array(grown)).tolist()) if grown else iter(())
    return [
        _said(column, measure, effect, gaps, next(adjusted) if effect else None, margin, alpha)
        for column, measure, effect, gaps in found
    ]


def _change(
    holdout: Holdout, config: CompareConfig, alpha: float, column: str, measure: str
) -> tuple[Effect | None, tuple[float, float] | None]:
    """Change of one gap, candidate minus incumbent, and both gaps, among groups large enough."""
    assert config.fairness is not None
    codes = holdout.columns[column][1]
    n_levels = int(codes.max()) + 1
    size = np.bincount(codes, minlength=n_levels)
    if measure == "equalised_odds":
        # A rate needs rows of its class: half of min_rows in each.
        for label in (0, 1):
            of_class = np.bincount(codes[holdout.truth == label], minlength=n_levels)
            size = np.minimum(size, 2 * of_class)
    kept = (size >= config.fairness.min_rows)[codes]
    codes = np.unique(codes[kept], return_inverse=True)[1]
    if codes.size == 0 or codes.max() == 0:
        return None, None
    part = holdout.rows(kept)
    truth = part.truth.astype(np.int64)
    gaps = []
    for role in ("candidate", "incumbent"):
        picked = decided(part.predictions[role], config.data.threshold)
        if measure == "demographic_parity":
            gaps.append(demographic_parity(picked, codes))
        else:
            gaps.append(equalised_odds(truth, picked, codes))
    effect = paired_effect(gaps[0], gaps[1], 1, replace(part.design, unit="row"), alpha)
    return effect, (gaps[0].value, gaps[1].value)


def _said(
    column: str,
    measure: str,
    effect: Effect | None,
    gaps: tuple[float, float] | None,
    p_value: float | None,
    margin: float,
    alpha: float,
) -> Check:
    name = f"{measure} by {column}"
    if effect is None or gaps is None or p_value is None:
        sentence = (
            f"{column}: fewer than two groups are large enough for {measure}: collect more, lower "
            "fairness.min_rows, or drop it."
        )
        return entry(name, measure, None, "inconclusive", sentence, margin=margin, p_adjusted=None)
    change = f"{column}: the gap in {NAMES[measure]} goes from {share(gaps[1])} to {share(gaps[0])}"
    if p_value <= alpha:
        verdict = "fail"
        sentence = (
            f"{change}, more than the margin of {share(margin)} ({sure(alpha)}, all gaps counted): "
            "find out which group loses before anybody is served."
        )
    else:
        verdict = "pass"
        sentence = (
            f"{change}; no proven growth beyond {share(margin)} "
            f"(change {100 * effect.lower:+.3g} to {100 * effect.upper:+.3g} points)."
        )
    return entry(
        name,
        measure,
        effect,
        verdict,
        sentence,
        margin=margin,
        p_adjusted=p_value,
        candidate=gaps[0],
        incumbent=gaps[1],
    )
