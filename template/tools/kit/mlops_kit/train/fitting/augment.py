"""What the team's optional `augment` makes of rows that a model learns from, and of no others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

if TYPE_CHECKING:
    import pandas

WHERE = "model.py: augment"


def augmented(
    features: "pandas.DataFrame", target: "pandas.Series", setting: Mapping[str, Any]
) -> "tuple[pandas.DataFrame, pandas.Series]":
    """Return the rows to learn from: as they are, where model.py has no `augment`.

    Parameters
    ----------
    features : pandas.DataFrame
        Training rows alone, shape (n, n_features).
    target : pandas.Series
        Their outcomes, shape (n,).
    setting : mapping
        What `build` of model.py is called with, the seed included.

    Raises
    ------
    MlopsError
        When `augment` fails, or gives other columns, types or outcomes than it was given.
    """
    hook = getattr(team.module("model"), "augment", None)
    if hook is None:
        return features, target
    try:
        # Copies: whoever changes rows in place must not change those that are compared later.
        made = hook(features.copy(), target.copy(), dict(setting))
        more, outcomes = made
    except Exception as error:
        raise team.failure(WHERE, error) from error
    _check(features, target, more, outcomes)
    return more.reset_index(drop=True), outcomes.reset_index(drop=True)


def _check(features: "pandas.DataFrame", target: "pandas.Series", more: Any, outcomes: Any) -> None:
    import pandas as pd

    if not (isinstance(more, pd.DataFrame) and isinstance(outcomes, pd.Series)):
        raise MlopsError(f"{WHERE} must return a data frame and a series: features and outcomes.")
    if list(more.columns) != list(features.columns):
        odd = [*more.columns.symmetric_difference(features.columns, sort=False), "their order"][0]
        raise MlopsError(
            f'{WHERE} must return the columns that it is given, in their order; "{odd}" differs.'
        )
    types = {name: (features[name].dtype, more[name].dtype) for name in features}
    if changed := [name for name, (before, now) in types.items() if before != now]:
        before, now = types[changed[0]]
        raise MlopsError(
            f'{WHERE} makes {now} of the column "{changed[0]}", which is {before}: keep its type, '
            "as with .astype(), or serving meets other numbers than training."
        )
    if not len(more) or len(more) != len(outcomes):
        raise MlopsError(
            f"{WHERE} returns {counted(len(more), 'row')} and {counted(len(outcomes), 'outcome')}: "
            "each row needs one, and there must be some."
        )
    if outcomes.dtype != target.dtype or outcomes.isna().any():
        raise MlopsError(
            f"{WHERE} must return outcomes of type {target.dtype}, none of them missing."
        )
    if pd.api.types.is_integer_dtype(target) or pd.api.types.is_string_dtype(target):
        known, now = set(target.unique()), set(outcomes.unique())
        if target.dtype != object and known != now:
            raise MlopsError(f"{WHERE} must keep every outcome, and make no new one.")
