"""Whether the gap between groups of people grows: fairlearn's definitions, with intervals."""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.checks.common import entry, share, sure
from mlops_kit.compare.checks.flips import decided
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check, Group
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.inference.effect import Effect, holm, paired_effect
from mlops_kit.compare.metrics.estimate import Estimate
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

Codes = NDArray[np.int64]
NAMES = {
    "demographic_parity": "gap in the share picked",
    "equalised_odds": "larger gap in right or wrong alarms",
}


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
    found = [
        (column, measure, _gap_of(holdout, config, alpha, column, measure))
        for column in config.fairness.columns
        for measure in config.fairness.measures
    ]
    margin = config.fairness.margin
    tested = [gap.effect for _, _, gap in found if gap is not None]
    grown = [e.p_value(margin) if e.standard_error else float(e.estimate <= margin) for e in tested]
    adjusted = iter(holm(np.array(grown)).tolist()) if grown else iter(())
    return [
        _said(column, measure, gap, next(adjusted) if gap else None, margin, alpha)
        for column, measure, gap in found
    ]


class Gap(NamedTuple):
    """One gap: how it changes, how large it is for candidate and incumbent, and between whom.

    `among` says of whose rows the shares are; `left_out` counts the groups that are too small.
    `alike` says that the incumbent picks everybody or nobody, as a guess does; `of_outcomes` is the
    gap in the share of positives, which a system that is never wrong has too.
    """

    effect: Effect
    candidate: float
    incumbent: float
    among: Literal["all", "positives", "negatives"]
    groups: list[Group]
    left_out: int
    alike: bool = False
    of_outcomes: float = 0.0


def _gap_of(
    holdout: Holdout, config: CompareConfig, alpha: float, column: str, measure: str
) -> Gap | None:
    """Measure one gap among the groups that are large enough; None when fewer than two are."""
    assert config.fairness is not None
    names, codes = holdout.columns[column]
    size = np.bincount(codes, minlength=len(names))
    if measure == "equalised_odds":
        # A rate needs rows of its class: half of min_rows in each.
        for label in (0, 1):
            of_class = np.bincount(codes[holdout.truth == label], minlength=len(names))
            size = np.minimum(size, 2 * of_class)
    large = size >= config.fairness.min_rows
    if np.count_nonzero(large) < 2:
        return None
    kept = large[codes]
    part, codes = holdout.rows(kept), np.unique(codes[kept], return_inverse=True)[1]
    truth = part.truth.astype(np.int64)
    limit = config.data.threshold
    pair = [decided(part.predictions[role], limit) for role in ("candidate", "incumbent")]
    if measure == "demographic_parity":
        gaps = [demographic_parity(picked, codes) for picked in pair]
        among: Literal["all", "positives", "negatives"] = "all"
        rows = np.ones(codes.size, bool)
    else:
        gaps = [equalised_odds(truth, picked, codes) for picked in pair]
        right, wrong = (_gap(pair[0], truth == label, codes).value for label in (1, 0))
        among, rows = ("positives", truth == 1) if right >= wrong else ("negatives", truth == 0)
    effect = paired_effect(gaps[0], gaps[1], 1, replace(part.design, unit="row"), alpha)
    counts = np.bincount(codes[rows])
    shares = [np.bincount(codes[rows], picked[rows]) / counts for picked in pair]
    groups: list[Group] = [
        {"name": name, "rows": int(number), "candidate": float(new), "incumbent": float(old)}
        for name, number, new, old in zip(
            (name for name, is_large in zip(names, large, strict=True) if is_large),
            counts,
            *shares,
            strict=True,
        )
    ]
    return Gap(
        effect,
        gaps[0].value,
        gaps[1].value,
        among,
        groups,
        left_out=int(np.count_nonzero(~large)),
        alike=np.unique(pair[1]).size == 1,
        of_outcomes=demographic_parity(truth, codes).value,
    )


def _said(
    column: str, measure: str, gap: Gap | None, p_value: float | None, margin: float, alpha: float
) -> Check:
    name = f"{measure} by {column}"
    if gap is None or p_value is None:
        sentence = (
            f"{column}: fewer than two groups are large enough for {measure}: collect more, lower "
            "fairness.min_rows, or drop it."
        )
        return entry(name, measure, None, "inconclusive", sentence, margin=margin, p_adjusted=None)
    change = f"{column}: {_between(gap)}; the {NAMES[measure]} goes from {points(gap.incumbent)}"
    change += f" to {points(gap.candidate)}"
    if p_value <= alpha:
        verdict = "fail"
        sentence = _too_large(column, measure, gap, change, margin, alpha)
    else:
        verdict = "pass"
        sentence = f"{change}{_how_sure(gap.effect, margin, alpha)}"
    return entry(
        name,
        measure,
        gap.effect,
        verdict,
        sentence,
        margin=margin,
        p_adjusted=p_value,
        candidate=gap.candidate,
        incumbent=gap.incumbent,
        among=gap.among,
        groups=gap.groups,
        n_rows=sum(each["rows"] for each in gap.groups),
    )


def _too_large(
    column: str, measure: str, gap: Gap, change: str, margin: float, alpha: float
) -> str:
    """Say that a gap grows by too much; beside a guess, that all of it is the candidate's own."""
    most = f"more than the margin of {points(margin)} ({sure(alpha)}, all gaps counted)"
    sentence = f"{change}, {most}: find out which group loses before anybody is served."
    if gap.alike:
        sentence = (
            f"{column}: {_between(gap)}; what is in force treats all alike, so that the "
            f"{NAMES[measure]}, {points(gap.candidate)}, is all the candidate's own, {most}: find "
            "out which group loses, then mend it, or write the gap that you accept as "
            "fairness.margin."
        )
    if measure == "demographic_parity":
        sentence += (
            f" The outcomes of the groups differ by {points(gap.of_outcomes)}, and so would the "
            "shares picked by a system that is never wrong."
        )
    return sentence


def _how_sure(effect: Effect, margin: float, alpha: float) -> str:
    """Say whether growth within the margin is shown, or only not proven beyond it."""
    if effect.upper <= margin:
        if effect.upper <= 0:
            return f". It does not grow ({sure(alpha)})."
        most = f"{points(effect.upper)} at most ({sure(alpha)})"
        return f". It grows by {most}, within the margin of {points(margin)}."
    proven = "is neither proven nor ruled out"
    if effect.lower > margin:
        proven = "would be proven if this gap were the only one, not with all gaps counted"
    return (
        f". Growth beyond the margin of {points(margin)} {proven}: the change lies between "
        f"{100 * effect.lower:+.3g} and {100 * effect.upper:+.3g} points."
    )


def _between(gap: Gap) -> str:
    """Say whom the candidate picks most often and whom least, and how many rows say so."""
    of = {"all": "", "positives": "the positives of ", "negatives": "the negatives of "}[gap.among]
    most, least = (choose(gap.groups, key=lambda each: each["candidate"]) for choose in (max, min))
    several = (
        f", the extremes of {counted(len(gap.groups), 'group')}" if len(gap.groups) > 2 else ""
    )
    small = ""
    if gap.left_out:
        small = f" ({counted(gap.left_out, 'smaller group')} left out)"
    return (
        f"the candidate picks {share(most['candidate'])} of {of}{most['name']} "
        f"({counted(most['rows'], 'row')}) and {share(least['candidate'])} of {of}{least['name']} "
        f"({counted(least['rows'], 'row')}){several}{small}"
    )


def points(value: float) -> str:
    """Say a difference of two shares."""
    said = f"{100 * value:.3g}"
    return f"{said} point" if said == "1" else f"{said} points"
