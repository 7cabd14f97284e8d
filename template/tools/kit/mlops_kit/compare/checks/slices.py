"""Whether the candidate harms a part of the rows, though it is better on average."""

import numpy as np

from mlops_kit.compare.checks.common import amount, entry, gain, rows_of_rarest, sure
from mlops_kit.compare.checks.flips import decided
from mlops_kit.compare.config import OUTCOME, CompareConfig
from mlops_kit.compare.criteria import Slices
from mlops_kit.compare.decision_schema import Check
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.inference.effect import Effect, holm
from mlops_kit.compare.metrics.estimate import Codes
from mlops_kit.compare.metrics.registry import metric_named
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

# Rows of each class that a slice needs before a metric of classes says anything.
FEW_IN_CLASS = 10


def slice_checks(holdout: Holdout, config: CompareConfig, alpha: float) -> list[Check]:
    """Look for harm in parts of the rows; what blocks is harm proven after Holm's correction.

    Twenty small slices can hardly all be proven harmless, so a slice passes unless the candidate
    is worse there by more than the margin, beyond chance.
    """
    if config.slices is None:
        return []
    name, margin = config.primary.metric, config.slices.margin
    found: list[tuple[str, int, Effect | None, str]] = []
    for column in config.slices.columns:
        of_class = column == OUTCOME
        levels, codes = _classes(holdout, config) if of_class else holdout.columns[column]
        for code, level in enumerate(levels):
            chosen = codes == code
            effect = None
            if int(chosen.sum()) >= config.slices.min_rows:
                part = holdout.rows(chosen)
                effect = (_gain_in_class if of_class else _gain_in)(part, config, alpha)
            metric = "recall" if of_class else name
            found.append((f"{column} = {level}", int(chosen.sum()), effect, metric))
    harm = [harm_p_value(effect, margin) for _, _, effect, _ in found if effect is not None]
    adjusted = iter(holm(np.array(harm)).tolist()) if harm else iter(())
    judged = [
        _slice(where, rows, effect, next(adjusted) if effect else None, metric, margin, alpha)
        for where, rows, effect, metric in found
    ]
    return judged + _unjudged(judged, config.slices, name)


def _classes(holdout: Holdout, config: CompareConfig) -> tuple[list[str], Codes]:
    """Name the classes and code each row's true one; refused where nothing decides on a class."""
    for role in ("candidate", "incumbent"):
        decided(holdout.predictions[role], config.data.threshold)
    return list(holdout.classes), holdout.truth.astype(np.int64)


def _gain_in_class(part: Holdout, config: CompareConfig, alpha: float) -> Effect | None:
    """Gain in the share that is found of rows of one class."""
    try:
        metric = metric_named("accuracy", threshold=config.data.threshold)
        return gain(metric, part, config, alpha, few=0)
    except MlopsError:
        return None


def _unjudged(judged: list[Check], asked: Slices, name: str) -> list[Check]:
    """Name the columns of which no part is large enough: what was asked for does not pass so."""
    found = []
    for column in asked.columns:
        parts = [each for each in judged if each["name"].startswith(f"{column} = ")]
        if all(each["verdict"] == "skipped" for each in parts):
            sentence = (
                f"{column}: none of its parts is large enough to judge "
                f"({counted(asked.min_rows, 'row')}): collect more, lower slices.min_rows, or drop "
                "the column."
            )
            found.append(
                entry(column, name, None, "inconclusive", sentence, margin=asked.margin, n_rows=0)
            )
    return found


def harm_p_value(effect: Effect, margin: float) -> float:
    """One-sided p-value of the hypothesis that the candidate is worse by at most `margin`."""
    if effect.standard_error == 0:
        return float(effect.estimate >= -margin)
    return 1 - effect.p_value(-margin)


def _gain_in(part: Holdout, config: CompareConfig, alpha: float) -> Effect | None:
    if part.metric.column == "items":
        if len(part.truth.flatten()) == 0:
            return None
    elif part.metric.column == "score" and rows_of_rarest(part, [part.metric]) < FEW_IN_CLASS:
        return None
    try:
        # The closed form, however few rows: with Holm it blocks no harmless candidate too often
        # (benchmarks/calibration.py), and a hundred slices would be bootstrapped for minutes.
        return gain(part.metric, part, config, alpha, few=0)
    except MlopsError:
        # One group, one period, or a group with every row of a class: nothing to judge by.
        return None


def _slice(
    where: str,
    rows: int,
    effect: Effect | None,
    p_value: float | None,
    name: str,
    margin: float,
    alpha: float,
) -> Check:
    if effect is None or p_value is None:
        verdict, sentence = "skipped", f"{where}: too few rows ({rows:,}) to judge."
    elif p_value <= alpha:
        beyond = f", more than the margin of {margin:g}" if margin else ""
        verdict = "fail"
        sentence = (
            f"{where}: {name} is worse by {amount(effect.estimate)}{beyond} ({sure(alpha)}, all "
            "slices counted): mend the candidate there or keep what is in force there."
        )
    else:
        verdict = "pass"
        sentence = (
            f"{where}: no proven harm; {name} {effect.estimate:+.3g} "
            f"({effect.lower:+.3g} to {effect.upper:+.3g})."
        )
    return entry(
        where, name, effect, verdict, sentence, margin=margin, p_adjusted=p_value, n_rows=rows
    )
