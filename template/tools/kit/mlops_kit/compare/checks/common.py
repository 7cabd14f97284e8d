"""What a candidate must pass: its primary metric, its guardrails, and levels to reach.

Every check returns entries of one shape: name, metric, estimate, lower, upper, margin or budget,
p_value, verdict (pass, fail, inconclusive or, for a slice too small to judge, skipped), sentence.
"""

import math
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check, Primary, Verdict
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.inference.bootstrap import FEW, effect_of, values_by_fold
from mlops_kit.compare.inference.effect import Effect, single_effect
from mlops_kit.compare.inference.needed import days_of, more_rows, rows_of
from mlops_kit.compare.metrics.estimate import Codes
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError


def gain(
    metric: Metric,
    holdout: Holdout,
    config: CompareConfig,
    alpha: float,
    over: str = "incumbent",
    few: int = FEW,
) -> Effect:
    """Gain of the candidate over another role in `metric`, positive when it is better."""
    candidate, other = holdout.predictions["candidate"], holdout.predictions[over]
    truth = holdout.truth_of(metric)
    if holdout.labelled and not metric.labels:
        raise MlopsError(f"The systems give labels, but {metric.meaning} needs scores: see auc.")
    seed = config.inference.seed
    try:
        # A sum that overflows is told below, in a sentence.
        with np.errstate(over="ignore", invalid="ignore"):
            found = effect_of(metric, truth, candidate, other, holdout.design, alpha, seed, few)
    except ValueError as error:
        raise MlopsError(f"conf/compare.yaml: inference: {error}.") from error
    if not (math.isfinite(found.lower) and math.isfinite(found.upper)):
        raise MlopsError(f"The values are too large to compare ({metric.meaning}): mend them.")
    return found


def class_counts(holdout: Holdout) -> Codes:
    """Count the rows of each class, in the order of the classes, those without any too."""
    return np.bincount(holdout.truth.astype(np.int64), minlength=len(holdout.classes))


def rows_of_rarest(holdout: Holdout, metrics: Iterable[Metric]) -> int:
    """How many rows the metrics rest on at least: those of the rarest class.

    Of metrics that weigh several classes by their rows: those of all classes but the commonest.
    """
    counts = class_counts(holdout)
    alike = any(metric.macro or metric.own for metric in metrics)
    return int(counts.min() if alike else counts.sum() - counts.max())


def value_of(metric: Metric, holdout: Holdout, role: str) -> float:
    """Value of the metric for one system; over folds, the mean of theirs."""
    system, truth = holdout.predictions[role], holdout.truth_of(metric)
    if holdout.design.kind == "folds":
        return float(values_by_fold(metric, truth, system, holdout.design).mean())
    return float(metric.function(truth, system).value)


def entry(
    name: str, metric: str, effect: Effect | None, verdict: Verdict, sentence: str, **more: Any
) -> Check:
    """Put a check's result into the shape that all share; `effect` None is nothing measured."""
    figures = {
        "estimate": effect.estimate if effect else None,
        "lower": effect.lower if effect else None,
        "upper": effect.upper if effect else None,
    }
    known = {"name": name, "metric": metric} | figures | more
    return cast("Check", known | {"verdict": verdict, "sentence": sentence})


def verdict_above(effect: Effect, needed: float) -> Verdict:
    """Tell whether the effect is above `needed`: pass, fail or inconclusive."""
    if effect.standard_error == 0:
        return "pass" if effect.estimate >= needed else "fail"
    if effect.lower > needed:
        return "pass"
    return "fail" if effect.upper < needed else "inconclusive"


def primary_check(holdout: Holdout, config: CompareConfig, alpha: float) -> Primary:
    """Judge the metric that decides: superiority, or non-inferiority with a declared benefit."""
    primary, metric = config.primary, holdout.metric
    effect = gain(metric, holdout, config, alpha)
    verdict = verdict_above(effect, primary.needed)
    # Without any spread, equal to the smallest gain of zero is no gain.
    if verdict == "pass" and not effect.lower > primary.needed:
        verdict = "fail"
    rows = None
    if verdict == "inconclusive":
        rows = rows_of(effect.rows_factor(primary.needed, config.inference.power), holdout)
    sentence = _primary_sentence(config, effect, verdict, alpha)
    if verdict == "inconclusive":
        sentence += f": {more_rows(rows, holdout)}."
    found = entry(
        "primary",
        primary.metric,
        effect,
        verdict,
        sentence,
        direction=metric.direction,
        standard_error=effect.standard_error,
        test=primary.test,
        min_effect=primary.min_effect,
        margin=primary.margin,
        needed=primary.needed,
        benefit=primary.benefit,
        alpha=alpha,
        p_value=effect.p_value(primary.needed),
        design=holdout.design.kind,
        method=effect.method,
        n_rows=holdout.n_rows,
        n_groups=effect.n_units,
        n_periods=holdout.n_periods,
        degrees_of_freedom=min(effect.degrees_of_freedom, 1e9),
    )
    return cast("Primary", settled_by(found, rows, holdout))


def settled_by(found: Check, rows: int | None, holdout: Holdout) -> Check:
    """Add how many rows, and days, would settle an open question."""
    if rows is not None:
        found["rows_needed"] = rows
    if (days := days_of(rows, holdout)) is not None:
        found["days_needed"] = days
    return found


def _primary_sentence(config: CompareConfig, effect: Effect, verdict: str, alpha: float) -> str:
    primary = config.primary
    name, needed, how = primary.metric, amount(primary.needed), sure(alpha)
    seen = f"{name} is {'better' if effect.estimate > 0 else 'worse'} by {amount(effect.estimate)}"
    if effect.estimate == 0:
        seen = f"{name} is the same for both"
    if primary.test == "non_inferiority":
        margin = f"the margin of {needed}"
        if verdict == "pass":
            return (
                f"{name} is {at_worst(effect.lower)} ({how}), within {margin}; "
                f"what makes up for it is declared: {primary.benefit}."
            )
        if verdict == "fail":
            return f"{seen} ({how} of {amount(effect.upper)} at least), more than {margin}."
        return f"{seen}, but may be worse by {amount(effect.lower)} ({how}), beyond {margin}"
    wanted = (
        "no gain at all"
        if primary.min_effect == 0
        else f"the smallest useful gain of {primary.min_effect:g}"
    )
    if verdict == "pass":
        return f"{seen} ({how} of {amount(effect.lower)} at least), more than {wanted}."
    if verdict == "fail" and effect.upper < 0:
        stay = "do not build on it" if config.case == "A" else "keep what is in force"
        return f"{seen} ({how} of {amount(effect.upper)} at least): {stay}."
    if verdict == "fail":
        most = "and by" if effect.estimate > 0 else "and may be better by"
        return f"{seen}, {most} {amount(effect.upper)} at most ({how}), less than {wanted}."
    sides = f"{effect.lower:+.3g} and {effect.upper:+.3g}"
    return f"{seen}, but the true gain may lie anywhere between {sides}, on both sides of {wanted}"


def guardrail_checks(holdout: Holdout, config: CompareConfig, alpha: float) -> list[Check]:
    """Judge every guardrail: not worse by more than its own margin; no share of alpha each.

    All must pass (an intersection-union test), so that each may take the whole risk.
    """
    found = []
    for guardrail in config.guardrails:
        name, margin = guardrail.metric, guardrail.margin
        effect = gain(guardrail.found(config.data.threshold), holdout, config, alpha)
        verdict, how = verdict_above(effect, -margin), sure(alpha)
        rows = None
        if verdict == "pass":
            least = at_worst(effect.lower)
            sentence = f"{name} is {least} ({how}), within its margin of {margin:g}."
        elif verdict == "fail":
            sentence = (
                f"{name} is worse by {amount(effect.estimate)} ({how} of {amount(effect.upper)} at "
                f"least), more than its margin of {margin:g}: mend the candidate there."
            )
        else:
            rows = rows_of(effect.rows_factor(-margin, config.inference.power), holdout)
            sentence = (
                f"{name} may be worse by {amount(effect.lower)} ({how}), beyond its margin of "
                f"{margin:g}: {more_rows(rows, holdout)}."
            )
        p_value = effect.p_value(-margin) if effect.standard_error else float(verdict != "pass")
        known = entry(name, name, effect, verdict, sentence, margin=margin, p_value=p_value)
        found.append(settled_by(known, rows, holdout))
    return found


def level_checks(holdout: Holdout, config: CompareConfig, alpha: float) -> list[Check]:
    """Judge the candidate's own level: above the trivial predictor and the business threshold."""
    found, name = [], config.primary.metric
    if config.trivial is not None:
        effect = gain(holdout.metric, holdout, config, alpha, over="trivial")
        trivial = f'the trivial predictor "{config.trivial.name}"'
        found.append(_level("trivial", name, effect, 0.0, trivial, holdout, config))
    if (threshold := config.primary.business_threshold) is not None:
        truth = holdout.truth_of(holdout.metric)
        estimate = holdout.metric.function(truth, holdout.predictions["candidate"])
        if estimate.influence is None:
            raise MlopsError(
                f"primary.business_threshold needs a metric with a formula; {name} is your own."
            )
        sign = 1 if holdout.metric.direction == "higher" else -1
        signed = estimate._replace(
            value=sign * estimate.value,
            influence=sign * estimate.influence,
            rows=None if estimate.rows is None else sign * estimate.rows,
        )
        effect = single_effect(signed, holdout.design, alpha)
        what = f"the level of {threshold:g} that the business needs"
        known = _level("business_threshold", name, effect, sign * threshold, what, holdout, config)
        # Told as the metric's own values, whichever direction is better.
        bounds = sorted((sign * effect.lower, sign * effect.upper))
        known["estimate"], known["margin"] = estimate.value, None
        known["lower"], known["upper"] = bounds
        known["threshold"] = threshold
        found.append(known)
    return found


def _level(
    kind: str,
    name: str,
    effect: Effect,
    needed: float,
    what: str,
    holdout: Holdout,
    config: CompareConfig,
) -> Check:
    verdict, how, rows = verdict_above(effect, needed), sure(effect.alpha), None
    if verdict == "pass":
        sentence = f"{name} of the candidate is better than {what} ({how})."
    elif verdict == "fail":
        sentence = f"{name} of the candidate is worse than {what} ({how}): do not use it."
    else:
        rows = rows_of(effect.rows_factor(needed, config.inference.power), holdout)
        sentence = (
            f"{name} of the candidate is not surely better than {what}: {more_rows(rows, holdout)}."
        )
    known = entry(kind, name, effect, verdict, sentence, margin=0.0, p_value=effect.p_value(needed))
    return settled_by(known, rows, holdout)


def sure(alpha: float) -> str:
    """Say the confidence of a one-sided bound."""
    return f"{100 * (1 - alpha):.4g} % sure"


def amount(value: float) -> str:
    """Say how much, without the direction."""
    return f"{abs(value):.3g}"


def at_worst(lower: float) -> str:
    """Say a lower bound of a gain: what it is better by at least, or worse by at most."""
    if lower == 0:
        return "no worse"
    return (
        f"better by {amount(lower)} at least" if lower > 0 else f"worse by {amount(lower)} at most"
    )


def share(value: float) -> str:
    """Say a share between 0 and 1 as a percentage."""
    return f"{100 * value:.3g} %"
