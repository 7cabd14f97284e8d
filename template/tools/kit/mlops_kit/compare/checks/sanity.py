"""What makes a comparison meaningless, as too few rows do, or too good to be true."""

from dataclasses import replace
from typing import Any

import numpy as np

from mlops_kit.compare.checks.common import class_counts, entry, gain, rows_of_rarest
from mlops_kit.compare.checks.copies import copied_rows, rows_seen
from mlops_kit.compare.checks.maturity import maturity_checks
from mlops_kit.compare.checks.perfect import (
    determined_outcome,
    gain_without_spread,
    perfect_scores,
)
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check, Primary, Verdict
from mlops_kit.compare.holdout.background import today
from mlops_kit.compare.holdout.holdout import FEW_GROUPS, Holdout
from mlops_kit.compare.inference.bootstrap import FEW, take
from mlops_kit.compare.inference.effect import Effect, single_effect
from mlops_kit.compare.inference.needed import few_periods
from mlops_kit.compare.metrics.classification import auc
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import acting, counted

# Below these the normal approximation promises more than it holds.
FEW_IN_CLASS = 20
# A ranking this bad, beyond a chance of one in a thousand, is a good one read the wrong way round.
BACKWARDS = 0.4
BACKWARDS_ALPHA = 0.001
# The error of a metric of your own is looked at by leaving out parts; less than a third of what
# they show is no chance.
PARTS = 20
FAR_TOO_SURE = 3


def same_predictions(holdout: Holdout) -> bool:
    """Tell whether candidate and incumbent say the same on every row, up to rounding."""
    one, other = holdout.predictions["candidate"], holdout.predictions["incumbent"]
    if holdout.metric.column == "items":
        return bool(one.equals(other))
    if one.shape != other.shape:
        return False
    # Rounding differs between two trainings of one model: a billionth is not a change.
    least = 1e-12 * min(1.0, float(np.abs(other).max()))
    return bool(np.allclose(one, other, rtol=1e-9, atol=least))


def safety_checks(
    holdout: Holdout, config: CompareConfig, alpha: float, primary: Primary
) -> list[Check]:
    """Judge the holdout and the systems themselves; entries that pass are not listed.

    Raises
    ------
    MlopsError
        When the labels look swapped: both systems rank backwards, beyond doubt; when a metric of
        your own gives another value the second time, or claims an error that is far too small.
    """
    _refuse_own_metrics_that_lie(holdout, config)
    found = [
        *_too_few(holdout, config),
        *copied_rows(holdout),
        *rows_seen(holdout, config),
        *determined_outcome(holdout),
        *maturity_checks(holdout),
        *_censored(holdout, config),
        *_constant(holdout),
        *_certain(holdout, config),
    ]
    # Who says what came true to the last digit is perfect too: the harder finding is told.
    found += _answers(holdout) or perfect_scores(holdout, config) or gain_without_spread(primary)
    found += _backwards(holdout, config)
    if config.oracle is not None:
        effect = gain(holdout.metric, holdout, config, alpha, over="oracle")
        if effect.lower > 0:
            sentence = (
                "The candidate beats the oracle, which is impossible: a leak is likely. Look for a "
                "feature that knows the future."
            )
            other = replace(
                holdout,
                predictions=holdout.predictions | {"candidate": holdout.predictions["incumbent"]},
            )
            if gain(holdout.metric, other, config, alpha, over="oracle").lower > 0:
                sentence = (
                    "Candidate and incumbent both beat the oracle: a feature of both knows the "
                    "future, or the outcome is not the one that the oracle predicts; then take "
                    "oracle out of conf/compare.yaml."
                )
            found.append(_said("leak", "fail", sentence, effect))
    return config.acknowledged.lift(found, today())


def _said(
    name: str, verdict: Verdict, sentence: str, effect: Effect | None = None, **more: Any
) -> Check:
    return entry(name, "safety", effect, verdict, sentence, **more)


def _too_few(holdout: Holdout, config: CompareConfig) -> list[Check]:
    found = []
    design = holdout.design
    if holdout.metric.column == "score":
        counts = class_counts(holdout)
        rarest = rows_of_rarest(holdout, _judged(holdout, config).values())
        if rarest < FEW_IN_CLASS:
            which = "All classes but the commonest together have"
            if rarest == counts.min():
                which = f'The class "{holdout.classes[counts.argmin()]}" has'
            sentence = (
                f"{which} only {rarest} of the holdout's rows, fewer than {FEW_IN_CLASS}: collect "
                "more of them before anything is promoted."
            )
            found.append(_said("few rows in a class", "inconclusive", sentence))
    judged_in_time = config.inference.design in ("auto", "time")
    vouched = config.acknowledged.covers("periods", today())
    if judged_in_time and (sentence := few_periods(holdout, vouched)):
        found.append(_said("few periods", "inconclusive", sentence, acknowledge="periods"))
    grouped = design.kind in ("clustered", "two-way")
    units = np.unique(holdout.groups).size if grouped else holdout.n_rows
    if design.kind == "time":
        units = design.n_periods
    # Over many periods, a few series are judged by their own spread, however wide.
    if units < FEW_GROUPS and not (design.n_periods >= FEW_GROUPS or design.kind == "time"):
        what = "groups" if grouped else "rows"
        sentence = (
            f"The holdout has only {units} {what}, fewer than {FEW_GROUPS}: collect more before "
            "anything is promoted."
        )
        found.append(_said(f"few {what}", "inconclusive", sentence))
    elif units < FEW and (own := _without_formula(holdout, config)):
        sentence = (
            f"{' and '.join(own)} can only be resampled, which is too sure of itself below {FEW} "
            f"independent rows, groups or points in time ({units} now): collect more before "
            "anything is promoted."
        )
        found.append(_said("few rows for a metric of your own", "inconclusive", sentence))
    return found


def _without_formula(holdout: Holdout, config: CompareConfig) -> list[str]:
    """Name the metrics whose error no formula gives: those that somebody registered."""
    candidate = holdout.predictions["candidate"]
    return [
        name
        for name, metric in _judged(holdout, config).items()
        if metric.function(holdout.truth_of(metric), candidate).influence is None
    ]


def _judged(holdout: Holdout, config: CompareConfig) -> dict[str, Metric]:
    guards = {g.metric: g.found(config.data.threshold) for g in config.guardrails}
    return {config.primary.metric: holdout.metric} | guards


def _refuse_own_metrics_that_lie(holdout: Holdout, config: CompareConfig) -> None:
    """Compute each metric of the team's own again, and its error from parts of the rows."""
    truth, candidate = holdout.truth, holdout.predictions["candidate"]
    for name, metric in _judged(holdout, config).items():
        if not metric.own:
            continue
        one, again = metric.function(truth, candidate), metric.function(truth, candidate)
        if one.value != again.value:
            raise MlopsError(
                f"Your metric {name} gives {one.value:.6g} and then {again.value:.6g} for the same "
                "rows: take the chance out of it."
            )
        if one.influence is None or holdout.n_rows < FEW:
            continue
        claimed = float(np.sqrt(np.sum(one.influence**2)))
        found = _error_by_parts(metric, truth, candidate)
        if claimed < found / FAR_TOO_SURE:
            raise MlopsError(
                f"Your metric {name} claims a standard error of {claimed:.3g}, and leaving out "
                f"parts of the rows shows {found:.3g}: mend its influences (they add up to 0, and "
                "their squares to the squared error), or return a number."
            )


def _error_by_parts(metric: Metric, truth: Any, candidate: Any) -> float:
    """Jackknife that leaves out one of PARTS parts at a time (Shao and Tu 1995, section 2.3)."""
    part = np.random.default_rng(0).permutation(len(truth)) % PARTS
    kept = [np.flatnonzero(part != left_out) for left_out in range(PARTS)]
    values = np.array(
        [metric.function(take(truth, rows), take(candidate, rows)).value for rows in kept]
    )
    return float(np.sqrt((PARTS - 1) * np.var(values)))


def _censored(holdout: Holdout, config: CompareConfig) -> list[Check]:
    if config.data.labels != "censored":
        return []
    missing = (
        f" ({acting(holdout.n_unlabelled, 'row', 'have')} none)" if holdout.n_unlabelled else ""
    )
    sentence = (
        "Outcomes are known only where what is in force acted"
        f"{missing}, so this table cannot show how the candidate does elsewhere: run an A/B test "
        "before promoting (`mlops compare plan` writes one)."
    )
    return [_said("censored labels", "inconclusive", sentence)]


def _constant(holdout: Holdout) -> list[Check]:
    candidate = holdout.predictions["candidate"]
    if holdout.metric.column == "items" or np.ptp(candidate, axis=0).max() > 0:
        return []
    what = f"{candidate[0]:.4g}" if candidate.ndim == 1 else "the same probabilities"
    sentence = (
        f"The candidate says {what} for every row, so it tells no row from another: "
        "check its training and its features."
    )
    return [_said("constant predictions", "fail", sentence)]


def _certain(holdout: Holdout, config: CompareConfig) -> list[Check]:
    """Find classes where log loss wants chances: it has no value for one that is wrong."""
    if "log_loss" not in _judged(holdout, config):
        return []
    sure = [
        f'the {role} "{config.systems[role]}"'
        for role in ("candidate", "incumbent")
        if np.isin(holdout.predictions[role], (0, 1)).all()
    ]
    if not sure:
        return []
    sentence = (
        f"Only 0 and 1 come from {' and '.join(sure)}: these are classes and no chances, and log "
        "loss has no finite value for a wrong one, so that its figure is a convention. Judge by "
        "accuracy or brier, or give chances."
    )
    return [_said("classes in place of chances", "inconclusive", sentence)]


def _answers(holdout: Holdout) -> list[Check]:
    """Find a candidate that says exactly what came true, to the last digit, on many rows."""
    candidate = holdout.predictions["candidate"]
    # Few rows, or mere labels, can be right by merit.
    if holdout.n_rows < FEW or holdout.metric.labels:
        return []
    if isinstance(candidate, np.ndarray):
        same = candidate.ndim == 1 and np.array_equal(candidate, holdout.truth)
    else:
        same = candidate.equals(holdout.truth)
    if not same:
        return []
    sentence = (
        f"The candidate says what came true in all {counted(holdout.n_rows, 'row')}, to the last "
        "digit: it has seen the answers. Look for y_true among its features, or in its column."
    )
    return [_said("leak", "fail", sentence, acknowledge="perfect")]


def _backwards(holdout: Holdout, config: CompareConfig) -> list[Check]:
    """Find scores or labels that are swapped: they rank worse than any guess, beyond doubt."""
    if holdout.metric.column != "score" or holdout.labelled or holdout.truth.max() > 1:
        return []
    bad = {
        role: value
        for role in ("candidate", "incumbent")
        if (value := _backwards_auc(holdout, holdout.predictions[role])) is not None
    }
    if len(bad) == 2:
        raise MlopsError(
            f"Candidate and incumbent both rank positives last (AUC {bad['candidate']:.2f} and "
            f"{bad['incumbent']:.2f}): the labels look swapped. Mend y_true (1 is the event), or "
            "the order of data.classes, and compare again."
        )
    if "candidate" in bad:
        sentence = (
            f"The candidate ranks positives last (AUC {bad['candidate']:.2f}): its label or score "
            "looks swapped. Check that it was trained on, and gives the chance of, class 1."
        )
        return [_said("swapped label", "fail", sentence)]
    if "incumbent" in bad:
        name = config.systems["incumbent"]
        sentence = (
            f'The incumbent "{name}" ranks positives last (AUC {bad["incumbent"]:.2f}): its score '
            "looks swapped, and beating it means nothing. Mend its column and compare again."
        )
        return [_said("swapped incumbent", "inconclusive", sentence)]
    return []


def _backwards_auc(holdout: Holdout, score: Any) -> float | None:
    if score.ndim > 1:
        return None
    estimate = auc(holdout.truth, score)
    if estimate.value > BACKWARDS:
        return None
    try:
        upper = single_effect(estimate, holdout.design, BACKWARDS_ALPHA).upper
    except (MlopsError, ValueError):
        return None
    return estimate.value if upper < 0.5 else None
