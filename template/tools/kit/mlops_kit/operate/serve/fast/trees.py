"""The last step of a compiled plan: gradient-boosted trees, linear models, or the step itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy

# From a matrix, shape (n, n_columns) of float64, what predict or predict_proba gives.
LastStep: TypeAlias = "Callable[[numpy.ndarray], numpy.ndarray]"
# From so many rows on, a loop over trees in C is cheaper than all trees at once in numpy.
MANY = 8


class NotCompiledError(Exception):
    """A model has a part that no plan is known for; the message names it."""


def last_step(estimator: Any, chances: bool) -> LastStep:
    """Compile a fitted estimator that learned from a matrix.

    Parameters
    ----------
    chances : bool
        Whether its probabilities are asked for, and not its predictions.

    Raises
    ------
    NotCompiledError
        When it can only be asked with a data frame.
    """
    name = type(estimator).__name__
    if name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        return _boosted(estimator, chances)
    if chances and name == "LogisticRegression" and len(estimator.classes_) == 2:
        return _logistic(estimator)
    linear = ("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet")
    if not chances and name in linear and estimator.coef_.ndim == 1:
        return _linear(estimator)
    if hasattr(estimator, "feature_names_in_"):
        raise NotCompiledError(f"{name} learned from a data frame and is asked with one")
    return estimator.predict_proba if chances else estimator.predict


def _linear(estimator: Any) -> LastStep:
    return lambda matrix: matrix @ estimator.coef_ + estimator.intercept_


def _logistic(estimator: Any) -> LastStep:
    import numpy as np
    from scipy.special import expit

    def chances(matrix: "numpy.ndarray") -> "numpy.ndarray":
        one = expit(matrix @ estimator.coef_[0] + estimator.intercept_[0])
        return np.column_stack([1 - one, one])

    return chances


def _boosted(estimator: Any, chances: bool) -> LastStep:
    """Sum up the leaves tree by tree in the order of training, so that every digit stays."""
    import numpy as np

    if estimator._preprocessor is not None:
        raise NotCompiledError("HistGradientBoosting encodes categories of a data frame itself")
    predictors = [one for iteration in estimator._predictors for one in iteration]
    per_row = estimator.n_trees_per_iteration_
    start = np.asarray(estimator._baseline_prediction, np.float64).reshape(1, -1)
    known = estimator._bin_mapper.make_known_categories_bitsets()
    together = _all_at_once(predictors)
    loss, regression = estimator._loss, not chances

    def leaves(matrix: "numpy.ndarray") -> "numpy.ndarray":
        if together is not None and len(matrix) < MANY:
            return together(matrix)
        return np.stack([one.predict(matrix, *known, 1) for one in predictors], axis=1)

    def answers(matrix: "numpy.ndarray") -> "numpy.ndarray":
        matrix = np.ascontiguousarray(matrix)
        found = leaves(matrix).reshape(len(matrix), -1, per_row)
        first = np.broadcast_to(start, (len(matrix), 1, per_row))
        # Added up one after the other, as training did: a sum in pairs is rounded otherwise.
        raw = np.add.accumulate(np.concatenate([first, found], axis=1), axis=1)[:, -1]
        if regression:
            return loss.link.inverse(raw.ravel())
        return loss.predict_proba(raw if per_row > 1 else raw[:, 0])

    return answers


def _all_at_once(predictors: list[Any]) -> "Callable[[numpy.ndarray], numpy.ndarray] | None":
    """Walk down all trees at once, one level after the other; None where a split is by category."""
    import numpy as np

    tables = [one.nodes for one in predictors]
    if not tables or any(table["is_categorical"].any() for table in tables):
        return None
    nodes = np.concatenate(tables)
    roots = np.cumsum([0, *(len(table) for table in tables[:-1])])
    moved = np.repeat(roots, [len(table) for table in tables])
    here, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
    feature = np.where(leaf, 0, nodes["feature_idx"]).astype(np.intp)
    threshold, value = nodes["num_threshold"].copy(), nodes["value"].copy()
    left = np.where(leaf, here, nodes["left"] + moved)
    right = np.where(leaf, here, nodes["right"] + moved)
    left_when_missing = nodes["missing_go_to_left"].astype(bool)
    depth = max(one.get_max_depth() for one in predictors)

    def leaves(matrix: "numpy.ndarray") -> "numpy.ndarray":
        found = np.empty((len(matrix), len(roots)))
        for place, row in enumerate(matrix):
            asked = row[feature]
            goes_left = asked <= threshold
            if np.isnan(row).any():
                goes_left |= np.isnan(asked) & left_when_missing
            following = np.where(goes_left, left, right)
            at = roots
            for _ in range(depth):
                at = following[at]
            found[place] = value[at]
        return found

    return leaves
