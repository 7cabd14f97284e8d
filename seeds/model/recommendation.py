"""The model: item-to-item recommendations, "who had bought this then bought that".

This file is yours: return any scikit-learn compatible estimator whose `predict` gives the ids of
`k` products for each row, best first.
"""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

CHUNK = 1000  # rows scored at once: bounds the memory of the dense scores


class ItemToItem(BaseEstimator):
    """Rank products by popularity in the season times their lift given what was bought before.

    Parameters
    ----------
    k : int
        Products per recommendation; fewer when fewer are known.
    prior : float
        Purchases added to both sides of a lift: keeps rare pairs from standing out by chance.
    weight : float
        Exponent of the lift. A row without known history gets the season's best sellers.
    """

    def __init__(self, k: int = 10, prior: float = 3.0, weight: float = 0.6) -> None:
        self.k = k
        self.prior = prior
        self.weight = weight

    def fit(self, X: pd.DataFrame, y: pd.Series) -> "ItemToItem":
        """Count which products follow which; `y` holds a list of product ids for each row of X."""
        self.items_ = np.unique(np.concatenate([*X["history"], *y]).astype(np.int64))
        before, after = self._matrix(X["history"]), self._matrix(y)
        bought = after.sum(axis=0)
        share = (bought + 1.0) / (bought + 1.0).sum()

        pairs = (before.T @ after).tocoo()
        chance = before.sum(axis=0)[pairs.row] * share[pairs.col]
        lift = np.log((pairs.data + self.prior) / (chance + self.prior))
        above = lift > 0
        where = (pairs.row[above], pairs.col[above])
        self.log_lift_ = sparse.csr_array((lift[above], where), shape=pairs.shape)

        months, rows = X["month"].to_numpy(np.int64) - 1, np.arange(len(X))
        in_month = sparse.csr_array((np.ones(len(X)), (months, rows)), shape=(12, len(X)))
        # Ten sales per product, spread like the whole year's, steady the months with few sales.
        self.sales_ = (in_month @ after).toarray() + 10.0 * len(share) * share
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Recommend: an array of product ids, shape (n, k), best first."""
        check_is_fitted(self)
        month, history = X["month"].to_numpy(np.int64) - 1, self._matrix(X["history"])
        popularity = np.log(self.sales_)
        best = np.zeros((len(X), min(self.k, len(self.items_))), np.int64)
        for start in range(0, len(X), CHUNK):
            part = slice(start, start + CHUNK)
            score = popularity[month[part]] + self.weight * (history[part] @ self.log_lift_)
            best[part] = np.argsort(-score, axis=1, kind="stable")[:, : self.k]
        return self.items_[best]

    def _matrix(self, lists: pd.Series) -> sparse.csr_array:
        """Turn lists of ids into a 0/1 matrix, shape (rows, items); unknown ids are left out."""
        ids = np.concatenate([np.zeros(0, np.int64), *lists]).astype(np.int64)
        row = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        column = np.searchsorted(self.items_, ids).clip(max=len(self.items_) - 1)
        known = self.items_[column] == ids
        cells = (np.ones(int(known.sum())), (row[known], column[known]))
        matrix = sparse.csr_array(cells, shape=(len(lists), len(self.items_)))
        matrix.data[:] = 1.0  # a product bought twice counts once
        return matrix


def build(params: dict) -> BaseEstimator:
    """Build the unfitted estimator from the `model:` section of params.yaml."""
    return ItemToItem(k=params["k"], prior=params["prior"], weight=params["weight"])
