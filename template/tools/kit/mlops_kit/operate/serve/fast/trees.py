"""The last step of a compiled plan: gradient-boosted trees, linear models, or the step itself."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy

# From a matrix, shape (n, n_columns) of float64, what predict or predict_proba gives.
LastStep: TypeAlias = "Callable[[numpy.ndarray], numpy.ndarray]"
Walk: TypeAlias = "Callable[[Sequence[Sequence[float]]], numpy.ndarray]"
# So many numbers are copied for a walk through all trees at once; above, tree by tree is cheaper.
MOST_COPIED = 2**18
# Where trees are walked in Python: comparisons of a row, nodes in all, and how deep they are.
MOST_STEPS, MOST_NODES, DEEPEST = 1_000, 20_000, 60


class NotCompiledError(Exception):
    """A model has a part that no plan is known for; the message names it."""


def last_step(estimator: Any, chances: bool, positive: bool = False) -> LastStep:
    """Compile a fitted estimator that learned from a matrix.

    Parameters
    ----------
    chances : bool
        Whether its probabilities are asked for, and not its predictions.
    positive : bool
        Whether of those that of the second class alone is, shape (n,).

    Raises
    ------
    NotCompiledError
        When it can only be asked with a data frame.
    """
    name = type(estimator).__name__
    if name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        return _boosted(estimator, chances, positive)
    if positive and name == "LogisticRegression":
        return _logistic(estimator)
    linear = ("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet")
    if not chances and name in linear and estimator.coef_.ndim == 1:
        return _linear(estimator)
    if hasattr(estimator, "feature_names_in_"):
        raise NotCompiledError(f"{name} learned from a data frame and is asked with one")
    if positive:
        return lambda matrix: estimator.predict_proba(matrix)[:, 1]
    return estimator.predict_proba if chances else estimator.predict


def walked(estimator: Any, chances: bool, positive: bool) -> "Walk | None":
    """Compile gradient-boosted trees as comparisons in Python.

    Where a row asks for few of them this is quicker than the library for one row and for a hundred:
    no arrays of every row by every tree, and Python's lock is not given away to the thread that
    writes the log.

    Returns
    -------
    callable or None
        From rows of numbers, not-a-number where one is missing, to what `last_step` gives, shape
        (n,). None for other models, and where there are too many comparisons.
    """
    import numpy as np

    if not type(estimator).__name__.startswith("HistGradientBoosting"):
        return None
    tables = [one.nodes for iteration in estimator._predictors for one in iteration]
    steps = sum(float(t["count"][t["is_leaf"] == 0].sum()) / t["count"][0] for t in tables)
    if (
        estimator.n_trees_per_iteration_ > 1
        or not (positive or not chances)
        or steps > MOST_STEPS
        or sum(map(len, tables)) > MOST_NODES
        or any(t["is_categorical"].any() or t["depth"].max() > DEEPEST for t in tables)
    ):
        return None
    start = float(np.asarray(estimator._baseline_prediction).ravel()[0])
    columns = range(len(estimator._bin_mapper.make_known_categories_bitsets()[1]))
    names = ", ".join(f"c{column}" for column in columns)
    # Nothing but numbers of the model stands in this text; in the order of training, as above.
    sums = "".join(f"    total += {_comparisons(table, 0)}\n" for table in tables)
    text = f"def walk({names}):\n    total = {start!r}\n{sums}    return total\n"
    space: dict[str, Any] = {"inf": math.inf}
    exec(compile(text, "<trees>", "exec"), space)  # noqa: S102
    walk, inverse = space["walk"], estimator._loss.link.inverse
    return lambda rows: inverse(np.array([walk(*row) for row in rows]))


def _comparisons(table: Any, at: int) -> str:
    """Write a tree as an expression: `left if value <= threshold else right`."""
    node = table[at]
    if node["is_leaf"]:
        return repr(float(node["value"]))
    left, right = (_comparisons(table, int(node[side])) for side in ("left", "right"))
    column, threshold = int(node["feature_idx"]), float(node["num_threshold"])
    # What is missing is not above anything, and not below it either.
    asked = f"not c{column} > {threshold!r}"
    if not node["missing_go_to_left"]:
        asked = f"c{column} <= {threshold!r}"
    return f"({left} if {asked} else {right})"


def _linear(estimator: Any) -> LastStep:
    return lambda matrix: matrix @ estimator.coef_ + estimator.intercept_


def _logistic(estimator: Any) -> LastStep:
    from scipy.special import expit

    return lambda matrix: expit(matrix @ estimator.coef_[0] + estimator.intercept_[0])


def _boosted(estimator: Any, chances: bool, positive: bool) -> LastStep:
    """Sum up the leaves tree by tree in the order of training, so that every digit stays."""
    import numpy as np

    if estimator._preprocessor is not None:
        raise NotCompiledError("HistGradientBoosting encodes categories of a data frame itself")
    predictors = [one for iteration in estimator._predictors for one in iteration]
    per_row = estimator.n_trees_per_iteration_
    start = np.asarray(estimator._baseline_prediction, np.float64).reshape(1, -1)
    known = estimator._bin_mapper.make_known_categories_bitsets()
    together = _as_one(predictors, known)
    loss, single = estimator._loss, positive or not chances

    def leaves(matrix: "numpy.ndarray") -> "numpy.ndarray":
        if together is not None and matrix.size * len(predictors) <= MOST_COPIED:
            return together(matrix)
        return np.stack([one.predict(matrix, *known, 1) for one in predictors], axis=1)

    def answers(matrix: "numpy.ndarray") -> "numpy.ndarray":
        matrix = np.ascontiguousarray(matrix)
        found = leaves(matrix).reshape(len(matrix), -1, per_row)
        # Added up one after the other, as training did: a sum in pairs is rounded otherwise.
        found[:, 0] += start
        raw = np.add.accumulate(found, axis=1)[:, -1]
        if single:
            return loss.link.inverse(raw[:, 0])
        return loss.predict_proba(raw if per_row > 1 else raw[:, 0])

    return answers


def _as_one(
    predictors: list[Any], known: "tuple[numpy.ndarray, numpy.ndarray]"
) -> "Callable[[numpy.ndarray], numpy.ndarray] | None":
    """Join all trees below one that asks for the number of a tree, so that one call asks them all.

    Each call gives Python's lock away, and a thread that is at work keeps it for milliseconds:
    sixty calls would wait sixty times.

    Returns
    -------
    callable or None
        From a matrix, shape (n, n_columns), to leaves, shape (n, n_trees); None where a split is by
        category.
    """
    import numpy as np

    tables = [one.nodes for one in predictors]
    if not tables or any(table["is_categorical"].any() for table in tables):
        return None
    count, column = len(tables), len(known[1])
    fan = 1 << (count - 1).bit_length()
    starts = (fan - 1 + np.cumsum([0, *(len(table) for table in tables[:-1])])).astype(np.uint32)
    # The nodes above the trees are a full binary tree: node i has the children 2 i + 1 and 2 i + 2.
    inner = np.arange(fan - 1)
    level = np.frexp(inner + 1)[1] - 1
    width = fan >> level
    asking = np.zeros(fan - 1, tables[0].dtype)
    asking["feature_idx"] = column
    asking["num_threshold"] = (inner + 1 - (1 << level)) * width + (width - 1) / 2
    # What a full tree has too many is never asked for.
    below = np.concatenate([inner[1:], starts[np.minimum(np.arange(fan), count - 1)]])
    asking["left"], asking["right"] = below[: 2 * fan - 2 : 2], below[1 : 2 * fan - 2 : 2]
    moved = [asking]
    for start, table in zip(starts, tables, strict=True):
        own = table.copy()
        own["left"] += start
        own["right"] += start
        moved.append(own)
    unsplit = np.empty((0, 8), np.uint32)
    whole = type(predictors[0])(np.concatenate(moved), unsplit, unsplit)
    numbers = np.arange(count)

    def leaves(matrix: "numpy.ndarray") -> "numpy.ndarray":
        rows = np.empty((len(matrix), count, column + 1))
        rows[:, :, :column] = matrix[:, np.newaxis]
        rows[:, :, column] = numbers
        return whole.predict(rows.reshape(-1, column + 1), *known, 1).reshape(-1, count)

    return leaves
