"""Turn paired predictions into one decision: promote, reject or inconclusive."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from .config import CompareConfig
from .holdout import Holdout
from .metrics import Estimate

POWER = 0.8


@dataclass(frozen=True)
class Effect:
    """A paired difference, positive when the first system is better, in units of the metric."""

    estimate: float
    lower: float
    upper: float
    standard_error: float
    design: str
    n_groups: int


def paired_effect(
    first: Estimate, second: Estimate, sign: int, groups: NDArray[np.int64], alpha: float
) -> Effect:
    """Difference of two estimates on the same rows with its 1 - 2 * alpha interval.

    Parameters
    ----------
    first, second : Estimate
        Of the same metric, influences of shape (n,).
    sign : int
        1 when higher values are better, -1 when lower ones are.
    groups : array, shape (n,)
        Code of the cluster of each row; as many codes as rows means independent rows.
    alpha : float
        One-sided risk; each bound of the interval is a one-sided bound at this level.
    """
    estimate = sign * (first.value - second.value) + 0.0  # no negative zero in the report
    error = sign * (first.influence - second.influence)
    n_groups = int(np.unique(groups).size)
    if n_groups == groups.size:
        design, squares = "iid", error**2 * first.correction
    else:
        # Liang and Zeger (1986): rows of a cluster add up, clusters are independent. Adding in
        # the order of values gives the same digits whatever the order of rows or cluster names.
        order = np.argsort(error, kind="stable")
        sums = np.bincount(groups[order], weights=error[order])
        design, squares = "clustered", sums**2 * (n_groups / (n_groups - 1))
    standard_error = math.sqrt(math.fsum(squares.tolist()))
    reach = float(stdtrit(n_groups - 1, 1 - alpha)) * standard_error
    return Effect(estimate, estimate - reach, estimate + reach, standard_error, design, n_groups)


def rows_factor(effect: Effect, min_effect: float, alpha: float) -> float | None:
    """How many times the present rows decide with 80 % power if the true effect is the estimate."""
    distance = abs(effect.estimate - min_effect)
    if distance == 0:
        return None
    z = float(ndtri(1 - alpha) + ndtri(POWER))
    return (z * effect.standard_error / distance) ** 2


def decide(holdout: Holdout, config: CompareConfig, digests: dict[str, str]) -> dict[str, Any]:
    """Compare the candidate with the incumbent on `holdout`: the content of decision.json.

    Parameters
    ----------
    digests : dict
        System name -> digest of what made its predictions.
    """
    metric, alpha = holdout.metric, config.inference.alpha
    sign = 1 if metric.direction == "higher" else -1
    of = {role: metric.function(holdout.truth, p) for role, p in holdout.predictions.items()}
    effect = paired_effect(of["candidate"], of["incumbent"], sign, holdout.groups, alpha)
    primary: dict[str, Any] = {
        "metric": config.primary.metric,
        "direction": metric.direction,
        "estimate": effect.estimate,
        "lower": effect.lower,
        "upper": effect.upper,
        "standard_error": effect.standard_error,
        "min_effect": config.primary.min_effect,
        "alpha": alpha,
        "design": effect.design,
        "n_rows": int(holdout.groups.size),
        "n_groups": effect.n_groups,
    }
    oracle, beaten_by = None, []
    if "oracle" in of:
        for role in ("candidate", "incumbent"):
            above = paired_effect(of[role], of["oracle"], sign, holdout.groups, alpha)
            beaten_by += [role] * (above.lower > 0)
        gap = sign * (of["oracle"].value - of["incumbent"].value)
        oracle = {
            "value": of["oracle"].value,
            "share_of_gap_closed": effect.estimate / gap if gap > 0 else None,
            "exceeded": "candidate" in beaten_by,
        }
    factor = rows_factor(effect, config.primary.min_effect, alpha)
    decision, reason = _verdict(config, effect, factor, beaten_by, of["incumbent"].value)
    if decision == "inconclusive" and factor is not None:
        primary["rows_needed"] = math.ceil(factor * holdout.groups.size)
    names = config.systems
    report: dict[str, Any] = {
        "schema": 1,
        "decision": decision,
        "case": config.case,
        "reasons": [reason],
        "primary": primary,
        "guardrails": [],
        "slices": [],
        "ops": {},
        "holdout_sha256": holdout.sha256,
    }
    for role in ("candidate", "incumbent"):
        name = names[role]
        report[role] = {"name": name, "digest": digests.get(name), "value": of[role].value}
    return report | ({"oracle": oracle} if oracle else {})


def _verdict(
    config: CompareConfig,
    effect: Effect,
    factor: float | None,
    beaten_by: list[str],
    scale: float,
) -> tuple[str, str]:
    name, needed = config.primary.metric, config.primary.min_effect
    if beaten_by == ["candidate", "incumbent"]:
        return "reject", (
            "Candidate and incumbent both beat the oracle: a feature of both knows the future, or "
            "the outcome is not the one that the oracle predicts."
        )
    if "candidate" in beaten_by:
        return "reject", "The candidate beats the oracle, which is impossible: a leak is likely."
    # Rounding differs between two trainings of one model: a billionth is not a gain.
    if max(abs(effect.lower), abs(effect.upper)) <= 1e-9 * abs(scale):
        return "reject", f"No change: {name} is the same for candidate and incumbent on every row."
    wanted = "zero" if needed == 0 else f"the smallest useful gain of {needed:g}"
    interval = f"{effect.lower:+.3g} to {effect.upper:+.3g}"
    gain = f"The gain in {name}, {effect.estimate:+.3g} ({interval}),"
    if effect.lower > needed:
        return "promote", f"{gain} is above {wanted} beyond chance."
    if effect.upper < needed:
        return "reject", f"{gain} is below {wanted} beyond chance."
    settle = "no number of rows"
    if factor is not None:
        settle = f"about {factor:,.{0 if factor >= 10 else 1}f} times the rows"
    return "inconclusive", f"{gain} may lie on either side of {wanted}: {settle} would settle it."
