"""Build the team's estimator with one setting of its parameters, and fit it."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.train.features import PARAMS_FILE, Params, load_params
from mlops_kit.train.fitting.augment import augmented
from mlops_kit.train.model_file import read_card

if TYPE_CHECKING:
    import pandas


class Fitted(NamedTuple):
    """A fitted estimator, and how many rows `augment` of model.py made for it, if it has one."""

    estimator: Any
    augmented: int | None


def fit(
    features: "pandas.DataFrame",
    target: "pandas.Series",
    setting: Mapping[str, Any] | None = None,
    where: str = "model.py: building or fitting the model",
) -> Fitted:
    """Build the team's estimator and fit it, on what the team's `augment` makes of the rows.

    Parameters
    ----------
    features, target
        The rows to learn from.
    setting : mapping, optional
        What `model:` of params.yaml could say; by default the setting in force.
    where : str
        What a failure is told about.
    """
    setting = setting_in_force(load_params()) if setting is None else setting
    estimator = build(setting, where)
    rows, outcomes = augmented(features, target, {**setting, "seed": load_params().seed})
    try:
        estimator = estimator.fit(rows, outcomes)
    except Exception as error:
        raise team.failure(where, error) from error
    return Fitted(estimator, None if rows is features else len(rows))


def build(setting: Mapping[str, Any], where: str) -> Any:
    """Build the unfitted estimator as model.py does with a setting and the seed."""
    try:
        return team.module("model").build({**setting, "seed": load_params().seed})
    except Exception as error:
        raise team.failure(where, error) from error


def setting_in_force(params: Params) -> Mapping[str, Any]:
    """Return the setting that params.yaml says, or that the search of the last run chose.

    Raises
    ------
    MlopsError
        When params.yaml asks for a search that no run has done.
    """
    if params.model.search is None:
        return params.model.written
    card = read_card()
    if card.get("search", {}).get("asked") != asked(params):
        raise MlopsError(
            f"{PARAMS_FILE.as_posix()} asks for another search than the last run has done: run "
            "`uv run mlops run` first."
        )
    return card["params"]


def asked(params: Params) -> str:
    """Return the digest of what a search was asked for."""
    text = params.model_dump_json(include={"seed", "split", "model"})
    return hashlib.sha256(text.encode()).hexdigest()
