"""The metric that decides, on rows of the caller's choice: what settings are compared by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.holdout.values import truth_and_predictions
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import read_config
from mlops_kit.room import Yardstick
from mlops_kit.train.predictions import answers

if TYPE_CHECKING:
    import numpy
    import pandas


def yardstick_of_config(task: str, classes: Sequence[str | int] | None) -> Yardstick:
    """Return the primary metric of conf/compare.yaml, with what it needs bound."""
    config = read_config(COMPARE_FILE, CompareConfig).with_classes(classes)
    metric = config.primary.found(config.data.threshold)
    if metric.scaled:
        raise MlopsError(
            f"params.yaml: model.search chooses by the primary metric, and {config.primary.metric} "
            "needs a scale of each row, which parts of the training rows do not have: let another "
            "metric decide, such as wape, or write the setting by hand."
        )

    def value(truth: "pandas.Series", given: "numpy.ndarray") -> float:
        import pyarrow as pa

        column = pa.chunked_array([next(iter(answers(task, given).values()))])
        outcome = pa.chunked_array([pa.array(truth)])
        known, found, _ = truth_and_predictions(outcome, {"candidate": column}, metric, config)
        return float(metric.function(known, found["candidate"]).value)

    return Yardstick(config.primary.metric, metric.direction, value)
