"""What the decision says about the model itself: how it was chosen, and what it looks at."""

from collections.abc import Mapping
from typing import Any, Literal, Required

from typing_extensions import TypedDict

from mlops_kit.core.words import counted


class Chosen(TypedDict):
    """The search among settings of the model, on training rows alone (model.search)."""

    settings: int
    """How many were tried, the one of params.yaml among them."""
    method: Literal["grid", "random"]
    """Whether all combinations were tried, or some drawn."""
    metric: str
    """What they were judged by, on training rows that they had not learned from."""
    folds: int
    """How many parts of the training rows judged."""
    setting: dict[str, Any]
    """The chosen values of what was searched."""
    value: float
    """The metric of the chosen setting, the mean over the folds."""
    written: float
    """That of the setting which stands in params.yaml."""
    sentence: str
    """The same for a person."""


class Weight(TypedDict):
    """What the model loses without a feature."""

    feature: str
    """Its name."""
    estimate: float
    """Loss in the primary metric when its values are shuffled; positive when it is worse then."""
    lower: float
    """Lower one-sided bound of the loss."""
    upper: float
    """Upper one-sided bound of the loss."""


class Alike(TypedDict):
    """Two features that rise and fall together."""

    features: list[str]
    """Their names."""
    correlation: float
    """Spearman's rank correlation on the holdout."""


class Importance(TypedDict, total=False):
    """Permutation importance on the holdout, or why there is none."""

    metric: str
    """The primary metric, in whose units the losses are."""
    rows: int
    """Holdout rows that were used."""
    repeats: int
    """How often each feature was shuffled."""
    features: int
    """How many features the model has."""
    alpha: float
    """One-sided risk of each bound."""
    weights: list[Weight]
    """The largest loss first."""
    alike: list[Alike]
    """Pairs of these features of which each can stand in for the other."""
    sentences: Required[list[str]]
    """How to read it, and its limits, for a person; only why, where nothing is shown."""


def about_search(card: Mapping[str, Any]) -> Chosen | None:
    """Tell from models/model.json how the setting was chosen; None where nothing was searched."""
    found = card.get("search")
    if not found:
        return None
    tried, chosen = found["settings"], found["settings"][found["chosen"]]
    folds, wanted = len(found["folds"]), found["folds_asked"]
    order = " in time order" if found["split"] == "time" else ""
    how = f"{counted(folds, 'fold')}{order}"
    if folds < wanted:
        how += f" of {wanted} asked for: the others lack rows or an outcome"
    values = ", ".join(f"{name} {value}" for name, value in chosen["setting"].items())
    sentence = (
        f"The model's setting was chosen among {len(tried):,} by {found['metric']} on training "
        f"rows ({found['method']} search, {how})"
    )
    if len(tried) == 1:
        sentence = f"The search had one setting only, that of params.yaml ({values})"
    elif found["chosen"] == 0:
        sentence += f": the one of params.yaml stays ({values}), with {chosen['value']:.4g}"
    else:
        sentence += (
            f": {values}, with {chosen['value']:.4g} against {tried[0]['value']:.4g} of the one "
            "written in params.yaml"
        )
    return {
        "settings": len(tried),
        "method": found["method"],
        "metric": found["metric"],
        "folds": folds,
        "setting": chosen["setting"],
        "value": chosen["value"],
        "written": tried[0]["value"],
        "sentence": f"{sentence}. The holdout had no part in it; the best of several looks better "
        "there than it is, so only the holdout's figures count.",
    }
