"""Boosted trees that are asked all at once give every digit of the estimator's own answer."""

import numpy as np
import pytest
from mlops_kit.operate.serve.fast import trees
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


@pytest.mark.parametrize("most", [trees.MOST_COPIED, 0], ids=["at once", "tree by tree"])
@pytest.mark.parametrize(("rounds", "classes"), [(1, 2), (2, 2), (3, 3), (8, 2), (33, 2), (20, 4)])
def test_the_leaves_of_all_trees_are_added_up_as_the_estimator_does(
    rounds: int, classes: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_COPIED", most)
    random = np.random.default_rng(rounds)
    matrix = random.normal(size=(600, 5))
    amount = 2 * matrix[:, 0] + random.normal(size=600)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    kind = np.digitize(amount, np.quantile(amount, np.arange(1, classes) / classes))
    told = {"max_iter": rounds, "early_stopping": False, "random_state": 0}
    classifier = HistGradientBoostingClassifier(**told).fit(matrix, kind)
    regressor = HistGradientBoostingRegressor(**told).fit(matrix, amount)
    # What no row of training had: beyond both ends, and nothing but missing values.
    far = np.array([[1e300] * 5, [-1e300] * 5, [np.nan] * 5, [0.0, -0.0, 1e-300, -1e-300, 1.0]])
    asked = np.concatenate([matrix, far])
    for rows in (asked, asked[:1], asked[-4:]):
        found = trees.last_step(classifier, True)(rows)
        assert np.array_equal(found, classifier.predict_proba(rows))
        if classes == 2:
            found = trees.last_step(classifier, True, positive=True)(rows)
            assert np.array_equal(found, classifier.predict_proba(rows)[:, 1])
        found = trees.last_step(regressor, False)(rows)
        assert np.array_equal(found, regressor.predict(rows))
