"""What the model must beat where nothing exists yet: the same best sellers for everybody.

This file is yours: replace it by the simplest thing that the team would do without a model.
"""

import numpy as np
import pandas as pd

K = 10


def predict(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Give each of the `rows` the products bought most often in the training rows, shape (n, K)."""
    best_sellers = train["y_true"].explode().value_counts().index[:K].to_numpy(np.int64)
    return np.tile(best_sellers, (len(rows), 1))
