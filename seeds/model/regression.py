"""The model: gradient-boosted trees that forecast what a customer will spend.

This file is yours: return any scikit-learn compatible estimator. Whatever is learned from
data belongs inside it, so that training and serving can never disagree.
"""

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder


def prepare(params: dict) -> ColumnTransformer:
    """Turn words into numbers and let numbers pass; docs/preparing-data.md has other ways."""
    # (scikit-learn types some arguments by their defaults; hence the two comments below.)
    folds = KFold(5, shuffle=True, random_state=params["seed"])
    words = {
        "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        "one_hot": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        "target": TargetEncoder(cv=folds),  # type: ignore[arg-type]
    }
    return make_column_transformer(
        (
            words[params.get("words", "ordinal")],
            # Columns that hold words.
            make_column_selector(dtype_exclude="number"),  # type: ignore[arg-type]
        ),
        remainder="passthrough",
    )


def build(params: dict) -> BaseEstimator:
    """Build the unfitted estimator from the `model:` section of params.yaml and `seed`."""
    trees = HistGradientBoostingRegressor(
        learning_rate=params["learning_rate"],
        max_iter=params["trees"],
        max_leaf_nodes=params["leaves"],
        min_samples_leaf=params["smallest_leaf"],
        l2_regularization=params["shrinkage"],
        early_stopping=False,
        random_state=params["seed"],
    )
    return make_pipeline(prepare(params), trees)
