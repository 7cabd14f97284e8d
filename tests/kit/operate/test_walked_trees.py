"""Trees that are walked in Python give, to the last digit, what the library gives."""

from typing import Any

import numpy as np
import pytest
from mlops_kit.operate.serve.fast.trees import DEEPEST, last_step, walked
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

MODELS: dict[str, Any] = {
    "classifier": HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=9, random_state=0),
    "regressor": HistGradientBoostingRegressor(max_iter=40, random_state=0),
    "poisson": HistGradientBoostingRegressor(loss="poisson", max_iter=20, random_state=0),
    "a tree of one leaf": HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=9_999),
}


def table(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns with gaps and ends, and an outcome that gaps speak of, too."""
    draw = np.random.default_rng(seed)
    known = draw.normal(size=(2_000, 5)).round(1)
    known[:, 1] = draw.integers(-3, 4, 2_000)
    known[draw.random(known.shape) < 0.2] = np.nan
    known[draw.random(known.shape) < 0.02] = np.inf
    known[draw.random(known.shape) < 0.02] = -np.inf
    amount = np.nan_to_num(known, nan=1.5, posinf=2, neginf=-2) @ draw.normal(size=5)
    return known, amount + draw.normal(size=2_000), np.abs(amount)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_walked_trees_give_every_digit_of_the_library(name: str, seed: int) -> None:
    known, amount, above = table(seed)
    chances = name == "classifier"
    model = MODELS[name].fit(
        known, amount > 0 if chances else above if name == "poisson" else amount
    )
    walk = walked(model, chances, chances)
    assert walk is not None
    wanted = model.predict_proba(known)[:, 1] if chances else model.predict(known)
    assert np.array_equal(walk(known.tolist()), wanted)
    assert np.array_equal(walk(known[:1].tolist()), wanted[:1])
    assert np.array_equal(last_step(model, chances, chances)(known), wanted)


@pytest.mark.parametrize(
    "more",
    [
        {"max_iter": 300, "early_stopping": False},
        {"categorical_features": [1]},
        {"max_leaf_nodes": None, "min_samples_leaf": 1, "max_iter": 40, "early_stopping": False},
    ],
)
def test_trees_that_ask_too_much_are_left_to_the_library(more: dict[str, Any]) -> None:
    known, amount, _ = table(1)
    model = HistGradientBoostingRegressor(random_state=0, **more)
    known[:, 1] = np.nan_to_num(known[:, 1], posinf=0, neginf=0) % 5
    assert walked(model.fit(known[:300], amount[:300]), False, False) is None


@pytest.mark.parametrize(("depth", "walks"), [(DEEPEST, True), (DEEPEST + 1, False)])
def test_a_tree_is_walked_as_deep_as_an_expression_may_be(depth: int, walks: bool) -> None:
    """A chain: each node splits off one value more."""
    values = np.arange(400.0)[:, None]
    model: Any = HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=1)
    model.fit(values, values[:, 0])
    (tree,) = model._predictors[0]
    nodes = np.zeros(2 * depth + 1, tree.nodes.dtype)
    nodes["value"], nodes["is_leaf"], nodes["count"] = np.arange(len(nodes)), 1, 1
    for level in range(depth):
        at = 2 * level
        nodes[["is_leaf", "num_threshold", "left", "right"]][at] = (0, level + 0.5, at + 1, at + 2)
        nodes["depth"][at : at + 3] = level + 1
    tree.nodes = nodes
    walk = walked(model, False, False)
    assert (walk is not None) is walks
    if walk is not None:
        assert np.array_equal(walk(values.tolist()), model.predict(values))
        assert len(set(walk(values.tolist()))) == depth + 1


def test_several_classes_and_other_models_are_not_walked() -> None:
    from sklearn.linear_model import LogisticRegression

    known, amount, _ = table(1)
    several = HistGradientBoostingClassifier(max_iter=3).fit(known, np.sign(amount.round()))
    assert walked(several, True, False) is None
    plain = np.nan_to_num(known, posinf=0, neginf=0)
    assert walked(LogisticRegression().fit(plain, amount > 0), True, True) is None
