"""How a promoted candidate reaches users and how what it replaces leaves, step by step."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.criteria import Ops
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.report.plots import clip
from mlops_kit.compare.report.users import Consequences
from mlops_kit.core.words import counted

Floats = NDArray[np.float64]
OLD = {"A": "nothing", "B": "the rules", "C": "the present model"}
LONGEST = 300


class Step(NamedTuple):
    """One step of the plan: a short title and what is done."""

    title: str
    text: str


class ScoreRow(NamedTuple):
    """Thresholds of old and new scores that pick the same share, with what each picks of 1,000."""

    old: float
    old_picked: float
    new: float
    new_picked: float


def plan(
    decision: Decision, config: CompareConfig, users: Consequences | None = None, who: str = "rows"
) -> list[Step]:
    """Write the steps from a promotion to the end of what was in force; [] unless promoted.

    Parameters
    ----------
    users : Consequences
        What the holdout says about people; shadow traffic should show the same.
    who : str
        What the predictions are about, in the plural.
    """
    if decision["decision"] != "promote":
        return []
    case, way, end = config.case, config.rollout, config.deprecation
    steps = []
    if case != "A":
        agreed = clip(", ".join(end.consumers), LONGEST)
        mapped = " with the new thresholds that report.html lists" if end.fixed_thresholds else ""
        text = f"Agreed by {agreed}{mapped}, before anything moves."
        if not end.consumers:
            text = (
                f"Nobody is named: ask who uses what {OLD[case]} say{'s' if case == 'C' else ''}, "
                "and list them in deprecation.consumers."
            )
        steps.append(Step("Sign-off", text))
    if way.shadow_days:
        steps.append(Step(f"Shadow, {counted(way.shadow_days, 'day')}", _shadow(case, users, who)))
    shares = " → ".join(f"{share:g} %" for share in way.steps)
    days = way.days_per_step * len(way.steps)
    each = " each" * (len(way.steps) > 1)
    least = counted(way.days_per_step, "day")
    text = f"{shares} of the {who}, {least} or more{each}; watch {config.primary.metric}."
    if guards := [f"{each.metric} within {each.margin:g}" for each in config.guardrails]:
        text += f" Guardrails: {clip(', '.join(guards), LONGEST)}."
    if config.primary.benefit:
        text += f" Measure the benefit that was declared: {config.primary.benefit}."
    steps.append(Step(f"Canary, {counted(days, 'day')}", text))
    back = {
        "A": "switch the new function off",
        "B": "go back to the rules",
        "C": "go back to the present model",
    }[case]
    when = clip(way.rollback, LONGEST).rstrip(".") or _worse(config)
    steps.append(Step("Rollback", f"At every step {back} for everybody when {when}."))
    if case != "A":
        steps += _retirement(case, end.keep_warm_days)
    return steps


def _worse(config: CompareConfig) -> str:
    """Say when to go back by what is measured: what nobody has set is not spoken of."""
    limits = "the business metric, errors or latency get worse"
    if config.ops != Ops():
        limits = "errors or latency exceed their budget"
    return f"a guardrail is worse than its margin, or {limits}" if config.guardrails else limits


def _shadow(case: str, users: Consequences | None, who: str) -> str:
    beside = "with nobody seeing its answers" if case == "A" else f"beside {OLD[case]}"
    text = f"The candidate answers every request {beside}; compare the logs daily."
    if users is not None and case != "A" and users.errors is None:
        text += (
            f" Expect about {users.told(users.gained + users.lost):,} of {users.of:,} {who} served "
            "differently, as on the holdout; many more means that production is not what was "
            "tested."
        )
    return text


def _retirement(case: str, keep_warm_days: int) -> list[Step]:
    if case == "B":
        warm = "The rules stay switched on but unused: a return takes minutes."
        last = (
            "Switch the rules off and delete their code; keep those that the law or safety asks "
            "for, as checks after the model, and one rule for when the model gives no answer."
        )
    else:
        warm = "The present model stays loaded and unused: a return takes minutes."
        last = "Stop serving the old model, give its version the alias retired, tell its consumers."
    steps = [Step("Retire", last)]
    if keep_warm_days:
        steps.insert(0, Step(f"Keep warm, {counted(keep_warm_days, 'day')}", warm))
    return steps


def score_map(holdout: Holdout, threshold: float | None = None) -> list[ScoreRow]:
    """Give the new threshold that picks as many rows as each old one does, by quantiles.

    The old thresholds are 0.1, ..., 0.9 for probabilities, tenths of the rows otherwise, the few
    values of rules that have few, and `threshold` when it is set. [] without scores.
    """
    old, new = (holdout.predictions[role] for role in ("incumbent", "candidate"))
    if holdout.metric.column != "score" or any(
        v.ndim > 1 or v.dtype.kind != "f" for v in (old, new)
    ):
        return []
    values = np.unique(old)
    if values.size == 1:
        return []
    if values.size <= 10:
        grid = values[1:]
    elif values[0] >= 0 and values[-1] <= 1:
        grid = np.arange(1, 10) / 10
    else:
        grid = np.quantile(old, np.arange(1, 10) / 10)
    if threshold is not None:
        grid = np.unique(np.append(grid, threshold))
    descending = np.sort(new)[::-1]
    rows = []
    for limit in grid:
        count = int((old >= limit).sum())
        # Nobody or everybody above it: no quantile of the new scores says the same.
        if 0 < count < old.size:
            equal = float(descending[count - 1])
            picked = 1000 * float((new >= equal).mean())
            rows.append(ScoreRow(float(limit), 1000 * count / old.size, equal, picked))
    return rows
