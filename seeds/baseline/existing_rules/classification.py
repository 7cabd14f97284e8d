"""What the model must beat: the rules in force, a points card of recency, frequency and money.

This file is yours: write your organisation's real rules into `rules`.
"""

import numpy as np
import pandas as pd


def rules(rows: pd.DataFrame) -> pd.Series:
    """Count 0 to 6 points for each customer; campaigns call the customers with the most."""
    recency = 1 * (rows["days_since_last"] <= 180) + 1 * (rows["days_since_last"] <= 60)
    frequency = 1 * (rows["orders_365"] >= 2) + 1 * (rows["orders_365"] >= 6)
    money = 1 * (rows["average_order"] >= 200) + 1 * (rows["average_order"] >= 500)
    return recency + frequency + money


def predict(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Score the `rows` between 0 and 1, shape (n,); rules learn nothing from `train`."""
    return rules(rows).to_numpy(np.float64) / 6
