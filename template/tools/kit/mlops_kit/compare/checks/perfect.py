"""Systems that are hardly ever wrong: a sign that the outcome, or its trace, is among the features.

A person must say why a task is so easy before anything is promoted on it. What counts is how well
the predictions fit the outcomes, whatever the metric that decides, also one of your own:

=================  ========================================================  ===================
predictions        measure                                                   near perfect
=================  ========================================================  ===================
scores, two        AUC (labels: half the sum of the shares found in the two  at least .999
labels             classes)
several classes    share of wrong rows, over that of naming the commonest    at most .001
                   class
numbers            root mean squared error over the outcomes' standard       at most .01
                   deviation, or mean absolute error over their mean
                   absolute deviation from the median
lists of items     NDCG at the metric's k, over that of the true items       at least .999
                   themselves
=================  ========================================================  ===================
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_kit.compare.checks.common import entry
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check, Primary
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.metrics.classification import auc
from mlops_kit.compare.metrics.ranking import ndcg

NEAR_PERFECT = 0.999
WRONG = 0.001
# An R² of .9999: beyond what measuring instruments and people leave.
REST = 0.01
K = 10


def perfect_scores(holdout: Holdout, config: CompareConfig) -> list[Check]:
    """Find systems, or a feature, hardly ever wrong: inconclusive unless acknowledged."""
    found = {
        role: said
        for role in ("candidate", "incumbent")
        if (said := _fit(holdout, holdout.predictions[role], config.primary.metric))
    }
    if not found:
        return _telling_feature(holdout)
    who = " and ".join(f'the {role} "{config.systems[role]}"' for role in found)
    said = " and ".join(dict.fromkeys(found.values()))
    is_, names = ("is", "its") if len(found) == 1 else ("are", "their")
    sentence = (
        f"{who[0].upper()}{who[1:]} {is_} nearly perfect ({said}), which real outcomes hardly ever "
        f"allow: the outcome is probably among {names} features. {_where(holdout)} If the task is "
        "that easy, say so under acknowledged.perfect in conf/compare.yaml."
    )
    return [entry("perfect score", "safety", None, "inconclusive", sentence, acknowledge="perfect")]


def determined_outcome(holdout: Holdout) -> list[Check]:
    """Tell the features that determine the outcome: a failure unless acknowledged."""
    named, one = _named(holdout.background.determining)
    if not named:
        return []
    sentence = (
        f"The {named} determine{'s' * one} the outcome alone: the outcome in another spelling, or "
        "what is written once it is known."
    )
    return [entry("determined outcome", "safety", None, "fail", sentence, acknowledge="determined")]


def gain_without_spread(primary: Primary) -> list[Check]:
    """Doubt a gain that no row contradicts: its interval has no width, which is no certainty."""
    gained = primary["estimate"] > 0 and primary.get("verdict") == "pass"
    if not gained or primary.get("standard_error", 1) > 0:
        return []
    sentence = (
        f"The gain in {primary.get('metric')} is {primary['estimate']:.4g} with an interval of no "
        "width: all rows say the same, as they do when the outcome is among the features or the "
        "metric looks at one side only. Judge by a metric that can go either way; if it is right, "
        "say so under acknowledged.perfect in conf/compare.yaml."
    )
    return [
        entry(
            "gain without spread", "safety", None, "inconclusive", sentence, acknowledge="perfect"
        )
    ]


def _telling_feature(holdout: Holdout) -> list[Check]:
    """Doubt features that tell the outcome alone, or two together, whatever the model does."""
    named, one = _named(holdout.background.telling)
    what = "is hardly ever wrong" if one else "are hardly ever wrong, each"
    said = f"{what} about the outcome alone, which real features hardly ever are: is it"
    if not named and holdout.background.together:
        pair = holdout.background.together[0]
        named = _named(pair["features"])[0]
        said = (
            f'give the outcome together, as "{pair["formula"]}", which real features hardly ever '
            "do: is each of them"
        )
    if not named:
        return []
    sentence = (
        f"The {named} {said} known before the outcome is? If the task is that easy, say so under "
        "acknowledged.perfect in conf/compare.yaml."
    )
    return [
        entry("telling feature", "safety", None, "inconclusive", sentence, acknowledge="perfect")
    ]


def _named(names: Sequence[str]) -> tuple[str, bool]:
    """Name features in a sentence, and tell whether it is one."""
    one = len(names) == 1
    listed = " and ".join(f'"{name}"' for name in names)
    return (f"feature{'' if one else 's'} {listed}" if names else ""), one


def _where(holdout: Holdout) -> str:
    """Say where to look for the leak."""
    named, one = _named(holdout.background.telling)
    if named:
        how = "alone it tells the outcome" if one else "each tells the outcome alone"
        return f"Look at the {named} first: {how}."
    if holdout.background.together:
        pair = holdout.background.together[0]
        named, how = _named(pair["features"])[0], f'as "{pair["formula"]}"'
        return f"Look at the {named} first: together they tell the outcome, {how}."
    return (
        "Look for a feature that is written only when the outcome is known (a status, a closing "
        "date, a refund), or that is the outcome under another name."
    )


def _fit(holdout: Holdout, prediction: Any, metric: str) -> str | None:
    """Say how well predictions fit when that is nearly perfectly; None otherwise."""
    truth = holdout.truth
    if isinstance(truth, pa.Array):
        return _fit_of_lists(truth, prediction, metric)
    if holdout.metric.column == "prediction":
        return _fit_of_numbers(truth, prediction)
    if prediction.ndim == 1 and truth.max() <= 1:
        value = auc(truth, prediction.astype(np.float64)).value
        return f"AUC {value:.4g}" if value >= NEAR_PERFECT else None
    chosen = prediction.argmax(axis=1) if prediction.ndim > 1 else prediction
    wrong = float(np.mean(chosen != truth))
    guess = 1 - np.bincount(truth.astype(np.int64)).max() / truth.size
    return f"accuracy {1 - wrong:.4g}" if wrong <= WRONG * guess else None


def _fit_of_numbers(truth: Any, prediction: Any) -> str | None:
    error = np.abs(prediction - truth)
    for name, rest, spread in (
        ("root mean squared error", np.sqrt(np.mean(error**2)), np.std(truth)),
        ("mean absolute error", error.mean(), np.mean(np.abs(truth - np.median(truth)))),
    ):
        if spread > 0 and rest <= REST * spread:
            return f"{name} {rest:.3g} where the outcomes spread by {spread:.3g}"
    return None


def _fit_of_lists(truth: Any, items: Any, metric: str) -> str | None:
    ranked = re.search(r"_at_(\d+)$", metric)
    k = int(ranked[1]) if ranked else K
    best, value = ndcg(truth, truth, k).value, ndcg(truth, items, k).value
    return f"NDCG at {k} {value:.4g}" if value >= NEAR_PERFECT * best > 0 else None
