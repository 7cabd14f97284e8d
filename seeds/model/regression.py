"""The model: gradient-boosted trees that forecast what a customer will spend.

This file is yours: return any scikit-learn compatible estimator. Whatever is learned from
data belongs inside it, so that training and serving can never disagree.
"""

from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def build(params: dict) -> BaseEstimator:
    """Build the unfitted estimator from the `model:` section of params.yaml and `seed`."""
    columns = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            # Columns that hold words. (scikit-learn types this argument by its default, None.)
            make_column_selector(dtype_exclude="number"),  # type: ignore[arg-type]
        ),
        remainder="passthrough",
    )
    trees = HistGradientBoostingRegressor(
        learning_rate=params["learning_rate"],
        max_iter=params["trees"],
        max_leaf_nodes=params["leaves"],
        min_samples_leaf=params["smallest_leaf"],
        l2_regularization=params["shrinkage"],
        early_stopping=False,
        random_state=params["seed"],
    )
    return make_pipeline(columns, trees)
