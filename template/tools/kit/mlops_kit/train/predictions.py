"""Predictions of the holdout: asked of an estimator, and laid out as one long table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.train.classes import Classes, by_class

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow

PREDICTIONS = "predictions.parquet"
VALUE_COLUMN = {"classification": "score", "regression": "prediction", "recommendation": "items"}
# What else is known of a row.
NOTED = ("time", "horizon", "known_at", "same_features", "seen_in_training", "mase_scale")
# Of a classification with more classes than 0 and 1.
SCORES = "scores"


def predict(
    estimator: Any,
    features: "pandas.DataFrame",
    task: str,
    classes: Classes | None = None,
    where: str = "model.py: predicting the holdout",
) -> "numpy.ndarray":
    """Predict with a fitted estimator.

    Parameters
    ----------
    classes : list, optional
        The classes in their order, when they are more than 0 and 1.
    where : str
        What a failure is told about.

    Returns
    -------
    numpy.ndarray
        (n,) probabilities of class 1, (n, n_classes) probabilities in the order of `classes`, (n,)
        predictions, or (n, k) items, best first.

    Raises
    ------
    MlopsError
        When the estimator fails, or answers for other classes.
    """
    try:
        if task != "classification":
            return estimator.predict(features)
        chances = estimator.predict_proba(features)
        if classes is None and chances.shape[1] == 2:
            return chances[:, 1]
    except Exception as error:
        raise team.failure(where, error) from error
    known = getattr(estimator, "classes_", None)
    return by_class("predict_proba", chances, known, [0, 1] if classes is None else classes)


def long_table(
    task: str,
    holdout: "pandas.DataFrame",
    systems: "dict[str, numpy.ndarray]",
    compared: Sequence[str] = (),
) -> "pyarrow.Table":
    """Lay out every system's predictions as the table that compare reads, one below the other.

    Parameters
    ----------
    holdout : pandas.DataFrame, shape (n_rows, ...)
        Has id and y_true; group and the columns of NOTED where they are known.
    systems : dict
        System name -> its predictions in the order of `holdout`: (n_rows,), (n_rows, n_classes)
        probabilities or (n_rows, k) items.
    compared : sequence of str
        Further columns of `holdout` that the comparison needs.

    Returns
    -------
    pyarrow.Table
        id, y_true, system, score | scores | prediction | items, group, and what else is known of a
        row; one row for each system and row of `holdout`.

    Raises
    ------
    MlopsError
        When a system does not predict every row.
    """
    import numpy as np
    import pyarrow as pa

    parts = []
    for system, values in systems.items():
        values = np.asarray(values)
        if len(values) != len(holdout):
            raise MlopsError(
                f"{system}: {len(values):,} predictions for {len(holdout):,} holdout rows; "
                "return one for each row, in their order."
            )
        columns = {
            "id": pa.array(holdout["id"]),
            "y_true": pa.array(holdout["y_true"]),
            "system": pa.array([system] * len(holdout)),
            **answers(task, values),
            "group": pa.array(holdout["group"] if "group" in holdout else holdout["id"]),
        }
        noted = [name for name in NOTED if name in holdout]
        columns |= {name: pa.array(holdout[name]) for name in (*noted, *compared)}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts, promote_options="permissive")


def _column(task: str, values: "numpy.ndarray") -> str:
    return SCORES if task == "classification" and values.ndim > 1 else VALUE_COLUMN[task]


def answers(task: str, values: "numpy.ndarray") -> "dict[str, pyarrow.Array]":
    """Return what predict() gave for n rows as the columns that it has in a table of predictions.

    Parameters
    ----------
    values : numpy.ndarray
        (n,) scores or predictions, (n, n_classes) probabilities, or (n, k) items, best first.
    """
    import pyarrow as pa

    return {_column(task, values): pa.array(list(values) if values.ndim > 1 else values)}
