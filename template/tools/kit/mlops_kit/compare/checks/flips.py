"""Negative flips: rows or groups that the incumbent serves right and the candidate wrong."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtri

from mlops_kit.compare.checks.common import entry, share, sure
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.inference.effect import Effect, single_effect
from mlops_kit.compare.inference.needed import more_rows, rows_of
from mlops_kit.compare.metrics.classification import labels_of
from mlops_kit.compare.metrics.estimate import mean_of
from mlops_kit.compare.metrics.registry import hits
from mlops_kit.core.errors import MlopsError


def decided(prediction: Any, threshold: float | None) -> NDArray[np.int64]:
    """Class that each row is given, shape (n,).

    Raises
    ------
    MlopsError
        When scores are no probabilities and there is no threshold to decide by.
    """
    scores = prediction.dtype.kind == "f" and prediction.ndim == 1
    if scores and threshold is None and (prediction.min() < 0 or prediction.max() > 1):
        raise MlopsError(
            "Scores lie outside 0 to 1, so one half decides nothing: set data.threshold in "
            "conf/compare.yaml, which flips and fairness need."
        )
    return labels_of(prediction, threshold)


def served_right(holdout: Holdout, config: CompareConfig, role: str) -> NDArray[np.bool_]:
    """Tell which rows a system serves right, shape (n,); `config.flips` must be set."""
    assert config.flips is not None
    prediction = holdout.predictions[role]
    if holdout.metric.column == "items":
        return np.asarray(hits(holdout.truth, prediction, config.flips.k)[0].any(axis=1))
    if holdout.metric.column == "prediction":
        return np.less_equal(np.abs(prediction - holdout.truth), config.flips.tolerance or 0.0)
    return np.equal(decided(prediction, config.data.threshold), holdout.truth)


def flip_checks(holdout: Holdout, config: CompareConfig, alpha: float) -> list[Check]:
    """Judge the upper bound of the share of negative flips against its budget."""
    if config.flips is None:
        return []
    before = served_right(holdout, config, "incumbent")
    served = served_right(holdout, config, "candidate")
    flipped = before & ~served
    unit, budget = config.flips.unit, config.flips.budget
    if unit == "group":
        codes = np.unique(holdout.groups, return_inverse=True)[1]
        flipped = np.bincount(codes, flipped) > 0
        effective = flipped.size / _inflation(before & ~served, holdout, alpha)
    else:
        effective = _effective_rows(flipped, holdout, alpha)
    found = flipped.mean()
    lower, upper = share_bounds(float(found), effective, alpha)
    who = "groups" if unit == "group" else "rows"
    lost = f"{share(float(found))} of {who}, served right until now, would be served wrong"
    rows = None
    if upper <= budget:
        verdict = "pass"
        sentence = f"{lost}; at most {share(upper)} ({sure(alpha)}), within {share(budget)}."
    elif lower > budget:
        verdict = "fail"
        sentence = (
            f"{lost}, more than the budget of {share(budget)} ({sure(alpha)}): soften the change, "
            "or keep what is in force for these."
        )
    else:
        verdict = "inconclusive"
        z = float(ndtri(1 - alpha) + ndtri(config.inference.power))
        spread, distance = found * (1 - found) or 1 / effective, abs(float(found) - budget)
        factor = z**2 * spread / distance**2 / effective if distance else None
        rows = rows_of(factor, holdout)
        sentence = (
            f"{lost}, and up to {share(upper)} is possible ({sure(alpha)}), beyond the budget of "
            f"{share(budget)}: {more_rows(rows, holdout)}."
        )
    # The chance of so few flips if the true share were the whole budget.
    count = float(found) * effective
    p_value = 1 - float(betainc(count + 1, max(effective - count, 1e-9), budget))
    effect = Effect(float(found), 0.0, lower, upper, 0.0, "Clopper-Pearson", alpha, flipped.size)
    known = entry(
        "negative flips",
        f"share of {who}",
        effect,
        verdict,
        sentence,
        budget=budget,
        p_value=p_value,
        count=int(flipped.sum()),
        effective_n=effective,
    )
    if rows is not None:
        known["rows_needed"] = rows
    return [known]


def share_bounds(found: float, n: float, alpha: float) -> tuple[float, float]:
    """One-sided exact bounds of a share seen in `n` units (Clopper and Pearson 1934).

    `n` may be an effective number, as Korn and Graubard (1998) use it for clustered rows.
    """
    count = found * n
    lower = float(betaincinv(count, n - count + 1, alpha)) if count > 0 else 0.0
    upper = float(betaincinv(count + 1, n - count, 1 - alpha)) if count < n else 1.0
    return lower, upper


def _effective_rows(flipped: NDArray[np.bool_], holdout: Holdout, alpha: float) -> float:
    """How many independent rows know as much about the share as these rows do."""
    found, design = float(flipped.mean()), holdout.design
    if design.kind == "iid":
        return float(flipped.size)
    effect = single_effect(mean_of(flipped.astype(np.float64)), replace(design, unit="row"), alpha)
    if effect.standard_error == 0:
        # No flip shows how flips cluster: count each group or period once.
        return float(effect.n_units)
    return min(found * (1 - found) / effect.standard_error**2, float(flipped.size))


def _inflation(flipped: NDArray[np.bool_], holdout: Holdout, alpha: float) -> float:
    """How many times the variance that groups alone show is that of groups and periods."""
    design = replace(holdout.design, unit="row")
    if design.kind != "two-way":
        return 1.0
    share_flipped = mean_of(flipped.astype(np.float64))
    both, one = (
        single_effect(share_flipped, each, alpha).standard_error
        for each in (design, replace(design, kind="clustered", order=None))
    )
    return max((both / one) ** 2, 1.0) if one > 0 else 1.0
