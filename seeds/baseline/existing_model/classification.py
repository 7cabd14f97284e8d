"""What the model must beat: the incumbent, a scorecard whose coefficients were exported.

This file is yours: put your incumbent behind `predict`. Other ways to reach one: load its pickle
and call it; post the `rows` to its HTTP service; or have features.py select the decisions it logged
(a csv declared in conf/sources.yaml) as a column, and return that column here.
"""

import numpy as np
import pandas as pd

INTERCEPT = -0.95
COEFFICIENTS = {
    "days_since_last": -0.0048,
    "orders_90": 0.32,
    "average_order": 0.0002,
    "tenure_days": 0.00001,
}


def predict(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Give each of the `rows` the incumbent's probability, shape (n,); it learned long ago."""
    weights = pd.Series(COEFFICIENTS)
    log_odds = INTERCEPT + rows[weights.index].to_numpy(np.float64) @ weights.to_numpy()
    return 1.0 / (1.0 + np.exp(-log_odds))
