"""What the model must beat: the rule in force, best sellers of the category bought last.

This file is yours: write your organisation's real rules into `rules`.
"""

import numpy as np
import pandas as pd

K = 10


def rules(last_category: pd.Series, best_sellers: dict[str, list[int]]) -> list[list[int]]:
    """Show each customer the best sellers of the category of their last purchase."""
    return [best_sellers.get(category, best_sellers["all"]) for category in last_category]


def predict(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Recommend products to the `rows`, shape (n, K), best first; sales come from `train`."""
    last_product = train["history"].str[-1]
    category = dict(zip(last_product, train["last_category"], strict=True))
    sales = train["y_true"].explode().value_counts()
    everything = sales.index.tolist()
    best_sellers = {"all": everything[:K]}
    for name in sorted(set(category.values())):
        own = [product for product in everything if category.get(product) == name]
        best_sellers[name] = (own + [p for p in everything if p not in own])[:K]
    return np.array(rules(rows["last_category"], best_sellers), np.int64)
