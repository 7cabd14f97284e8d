"""How far each feature gets alone: one that nearly reaches the model is worth a question."""

from typing import TYPE_CHECKING, Any

from mlops_kit.train.checks.copies import codes_of
from mlops_kit.train.classes import Classes, positions

if TYPE_CHECKING:
    import numpy
    import pandas

# Of the model's skill; of a model without skill every feature has as much.
NEARLY = 0.9
LEAST = 0.05
MOST_NAMED = 5
# Values of a feature are put together so that its own small model has so many training rows each.
BINS = 20
FEW = 5


def alone(
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    names: list[str],
    answers: "numpy.ndarray",
    classes: Classes | None = None,
) -> list[dict[str, Any]]:
    """List the features that nearly reach the model's fit on the holdout, each alone.

    A feature predicts the mean outcome of the training rows with its value, or of a twentieth of
    them for numbers. Fit is the AUC of two outcomes, that of each class against the others on
    average, and R-squared of numbers.

    Parameters
    ----------
    train, holdout : pandas.DataFrame
        Have y_true and the features.
    names : list of str
        The features.
    answers : numpy.ndarray, shape (n_holdout,) or (n_holdout, n_classes)
        The model's predictions of the holdout.
    classes : list, optional
        The classes in the order of `answers`, when they are more than 0 and 1.

    Returns
    -------
    list of dict
        feature, measure ("AUC" or "R2"), value, model (the model's own), the best first; empty
        for lists of items, and where there is one feature only.
    """
    import numpy as np

    outcome, truth = (_columns(rows["y_true"], classes) for rows in (train, holdout))
    if np.isnan(outcome).any() or np.isnan(truth).any() or len(names) < 2:
        return []
    if np.ptp(truth, axis=0).max() == 0:
        return []
    model = _fit(truth, answers.astype(float).reshape(truth.shape))
    if _skill(*model) < LEAST:
        return []
    found = []
    for name in names:
        measure, value = _fit(truth, _means(train[name], outcome, holdout[name]))
        if _skill(measure, value) >= NEARLY * _skill(*model):
            found.append((value, name))
    return [
        {"feature": name, "measure": model[0], "value": value, "model": model[1]}
        for value, name in sorted(found, reverse=True)[:MOST_NAMED]
    ]


def _columns(labels: "pandas.Series", classes: Classes | None) -> "numpy.ndarray":
    """Return the outcome as numbers, shape (n, 1), or as a column of 0 and 1 for each class."""
    import numpy as np
    import pandas as pd

    if classes is not None:
        return np.eye(len(classes))[positions(labels, classes)]
    return pd.to_numeric(labels, errors="coerce").to_numpy(float)[:, None]


def _fit(truth: "numpy.ndarray", values: "numpy.ndarray") -> tuple[str, float]:
    import numpy as np
    from sklearn.metrics import roc_auc_score

    if np.unique(truth).size > 2:
        return "R2", float(1 - np.mean((truth - values) ** 2) / np.var(truth))
    # A class that the holdout lacks says nothing.
    there = np.flatnonzero(np.ptp(truth, axis=0) > 0)
    return "AUC", float(
        np.mean([roc_auc_score(truth[:, each] == truth.max(), values[:, each]) for each in there])
    )


def _skill(measure: str, value: float) -> float:
    """Return 0 for a guess and 1 for what is never wrong."""
    return 2 * value - 1 if measure == "AUC" else value


def _means(
    feature: "pandas.Series", outcome: "numpy.ndarray", asked: "pandas.Series"
) -> "numpy.ndarray":
    """Predict by the mean outcome of the training rows with alike values, column by column."""
    import numpy as np
    import pandas as pd

    both = pd.concat([feature, asked], ignore_index=True)
    if pd.api.types.is_numeric_dtype(feature) and feature.nunique() > BINS:
        shares = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.nanquantile(feature.to_numpy(float), shares))
        # An empty value comes behind the largest, so that empty ones are alike too.
        levels = np.searchsorted(edges, both.to_numpy(float), "right") + both.isna().to_numpy()
    else:
        levels = codes_of(both)
    known, size = levels[: len(feature)], int(levels.max()) + 1
    counts = np.bincount(known, minlength=size)[:, None]
    sums = np.stack([np.bincount(known, each, size) for each in outcome.T], axis=1)
    means = np.where(counts >= FEW, sums / np.maximum(counts, 1), outcome.mean(axis=0))
    return means[levels[len(feature) :]]
