"""The metrics by name, what each reads and which way is better; those of amounts themselves."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from mlops_kit.compare.metrics import classification, ranking
from mlops_kit.compare.metrics.estimate import Estimate, Floats, mean_of
from mlops_kit.compare.metrics.ranking import hits
from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError

__all__ = ["METRICS", "Estimate", "Metric", "hits", "metric_named", "register"]

Kind = Literal["score", "prediction", "items"]
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """A function of (truth, prediction) and what a person must know to read its value.

    `column` holds what it judges; with `labels` it judges labels in the column `prediction` too.
    `options` are the settings that its function takes, `required` those without a default;
    `own` says that somebody registered it; `unit` is that of its value and of a gain in it. Of more
    than two classes, `macro` says that it weighs them alike, however few rows one has, and
    `ordered` that it minds their order. A `scaled` one reads the truth as (n, 2): outcome and
    scale of each row. `undefined` says what to do where it has no value.
    """

    function: Callable[..., Estimate]
    column: Kind
    direction: Direction
    meaning: str
    labels: bool = False
    options: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    own: bool = False
    unit: str = "share"
    macro: bool = False
    ordered: bool = False
    scaled: bool = False
    undefined: str = "collect more of them"


def rmse(truth: Floats, prediction: Floats) -> Estimate:
    """Root of the mean squared error, in the unit of the target; delta method for the error."""
    squared = mean_of((prediction - truth) ** 2)
    root = math.sqrt(squared.value)
    assert squared.influence is not None
    slope = 1 / (2 * root) if root > 0 else 0.0
    return Estimate(root, squared.influence * slope, mean=squared)


def mae(truth: Floats, prediction: Floats) -> Estimate:
    """Mean absolute error, in the unit of the target."""
    return mean_of(np.abs(prediction - truth))


def mape(truth: Floats, prediction: Floats) -> Estimate:
    """Mean absolute error as a share of the truth; as in scikit-learn, a truth of 0 explodes."""
    size = np.maximum(np.abs(truth), np.finfo(np.float64).eps)
    return mean_of(np.abs(prediction - truth) / size)


def wape(truth: Floats, prediction: Floats) -> Estimate:
    """Sum of the absolute errors as a share of the sum of the absolute truth.

    A ratio of two means (Kolassa and Schutz 2007, MAD/mean), with the error of the delta method;
    NaN where every truth is 0.
    """
    size = mean_of(np.abs(truth))
    if size.value == 0:
        return Estimate(math.nan, np.zeros(truth.size))
    errors = mean_of(np.abs(prediction - truth))
    assert errors.influence is not None
    assert size.influence is not None
    ratio = errors.value / size.value
    return Estimate(ratio, (errors.influence - ratio * size.influence) / size.value)


def mase(truth: Floats, prediction: Floats) -> Estimate:
    """Mean absolute scaled error (Hyndman and Koehler 2006).

    Parameters
    ----------
    truth : array, shape (n, 2)
        The outcome of each row, and its scale: the mean absolute error of the seasonal naive
        forecast on the training rows of its series.
    """
    outcome, scale = truth.T
    return mean_of(np.abs(prediction - outcome) / scale)


def pinball(truth: Floats, prediction: Floats, quantile: float = 0.5) -> Estimate:
    """Mean pinball loss of a predicted quantile (Koenker and Bassett 1978)."""
    short = truth - prediction
    return mean_of(np.maximum(quantile * short, (quantile - 1) * short))


def _judges_classes(function: Callable[..., Estimate], meaning: str, macro: bool = False) -> Metric:
    options = ("threshold",)
    return Metric(function, "score", "higher", meaning, labels=True, options=options, macro=macro)


def _in_its_unit(function: Callable[..., Estimate], meaning: str, *options: str) -> Metric:
    unit = "that of the target"
    return Metric(function, "prediction", "lower", meaning, options=options, unit=unit)


def _judges_lists(function: Callable[..., Estimate], meaning: str) -> Metric:
    return Metric(function, "items", "higher", meaning)


METRICS: dict[str, Metric] = {
    "accuracy": _judges_classes(classification.accuracy, "share of rows whose class is right"),
    "balanced_accuracy": _judges_classes(
        classification.balanced_accuracy, "share of each class that is found, classes alike", True
    ),
    "precision": _judges_classes(
        classification.precision, "share of the rows picked that are right", True
    ),
    "recall": _judges_classes(
        classification.recall, "share of the true rows that are picked", True
    ),
    "f1": _judges_classes(classification.f1, "balance of precision and recall", True),
    "f1_weighted": _judges_classes(
        classification.f1_weighted, "balance of precision and recall, by the rows of each class"
    ),
    "quadratic_kappa": replace(
        _judges_classes(
            classification.quadratic_kappa, "agreement beyond chance, far misses weighing more"
        ),
        ordered=True,
    ),
    "utility": replace(
        _judges_classes(classification.utility, "mean gain of a row's decision"),
        options=("threshold", "payoff"),
        required=("payoff",),
        unit="that of payoff",
    ),
    "auc": Metric(
        classification.auc,
        "score",
        "higher",
        "how often a positive row is ranked above a negative",
        macro=True,
    ),
    "average_precision": Metric(
        classification.average_precision,
        "score",
        "higher",
        "precision down the ranking, averaged",
        macro=True,
    ),
    "log_loss": Metric(
        classification.log_loss,
        "score",
        "lower",
        "how surprised the probabilities are",
        unit="nats",
    ),
    "brier": Metric(
        classification.brier,
        "score",
        "lower",
        "squared distance of probability and outcome",
        unit="squared probability",
    ),
    "calibration_error": Metric(
        classification.calibration_error,
        "score",
        "lower",
        "how far probabilities lie from shares",
        unit="probability",
    ),
    "rmse": _in_its_unit(rmse, "typical error; large errors weigh more"),
    "mae": _in_its_unit(mae, "average error in the target's unit"),
    "mape": Metric(mape, "prediction", "lower", "average error as a share of the truth"),
    "wape": Metric(
        wape,
        "prediction",
        "lower",
        "all errors together, as a share of all amounts",
        undefined="every outcome is 0, and wape divides by their sum: judge by mae",
    ),
    "mase": Metric(
        mase,
        "prediction",
        "lower",
        "average error in units of repeating the last season",
        unit="that of a seasonal naive forecast",
        scaled=True,
    ),
    "pinball": _in_its_unit(pinball, "error of a predicted quantile", "quantile"),
    "ndcg_at_k": _judges_lists(ranking.ndcg, "how high the true items stand in the list"),
    "recall_at_k": _judges_lists(ranking.recall, "share of the true items that are listed"),
    "precision_at_k": _judges_lists(ranking.precision, "share of the listed items that are true"),
    "hit_rate_at_k": _judges_lists(ranking.hit_rate, "share of rows with a true item listed"),
    "coverage_at_k": _judges_lists(
        ranking.coverage, "share of the wanted items that any list reaches"
    ),
    "diversity_at_k": _judges_lists(ranking.diversity, "how much the lists of two rows differ"),
}


def metric_named(name: str, **options: Any) -> Metric:
    """Find the metric that `name` means: `ndcg_at_10` is `ndcg_at_k` with k = 10.

    Parameters
    ----------
    options
        `threshold`, `payoff`, `quantile`: bound to the function if it takes them; None is not set.

    Raises
    ------
    ValueError
        When there is no such metric; the message lists them. When a required option is missing.
    """
    ranked = re.fullmatch(r"(\w+_at_)([1-9]\d{0,3})", name)
    found = METRICS.get(name) or (METRICS.get(f"{ranked[1]}k") if ranked else None)
    if found is None:
        _read_own_metrics()
        found = METRICS.get(name)
    if found is None or name.endswith("_at_k"):
        raise ValueError(
            f'unknown metric "{name}"; use one of {", ".join(METRICS)}, a number for k, or '
            "register your own in metrics.py"
        )
    bound = {key: options[key] for key in found.options if options.get(key) is not None}
    if missing := [key for key in found.required if key not in bound]:
        raise ValueError(f"{name} needs `{missing[0]}`")
    if ranked and name not in METRICS:
        bound["k"] = int(ranked[2])
    return replace(found, function=partial(found.function, **bound)) if bound else found


def _read_own_metrics() -> None:
    """Import metrics.py of the team's package, when there is one: it registers what it holds."""
    if (package := team.package()) is None:
        return
    try:
        team.module("metrics")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.metrics"):
            raise ValueError(f"metrics.py fails: {error}") from error
    except Exception as error:
        raise ValueError(f"metrics.py fails: {type(error).__name__}: {error}") from error


def register(
    name: str,
    function: Callable[[Any, Any], float | Estimate],
    direction: Direction,
    kind: Kind,
    meaning: str = "",
) -> None:
    """Add a metric of your own, a function of (truth, prediction).

    One that returns a number gets its interval from the bootstrap; one that returns an Estimate
    with influences from the closed forms.

    Raises
    ------
    ValueError
        When the name is taken or no plain word.
    """
    if name in METRICS or not name.isidentifier():
        raise ValueError(f"{name!r} is taken or not a plain word: choose another name")

    def estimated(truth: Any, prediction: Any) -> Estimate:
        try:
            result = function(truth, prediction)
            if not isinstance(result, Estimate):
                return Estimate(float(result), None)
            if result.influence is not None and np.shape(result.influence) != (len(truth),):
                raise ValueError(f"influence must have one value per row, {len(truth)}")
            return result
        except MlopsError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:200]
            raise MlopsError(f"Your metric {name} fails: {type(error).__name__}: {said}") from error

    METRICS[name] = Metric(
        estimated, kind, direction, meaning or name.replace("_", " "), own=True, unit=""
    )
