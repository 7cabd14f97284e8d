"""`mlops data enough`: whether more rows would help, or a better model, by training rows alone.

The learning curve: the team's model learns from an eighth, a quarter, half and all of the rows,
each part within the next, and is judged on training rows that none of them saw, held back as
params.yaml holds back the holdout. The holdout itself is not looked at.
"""

from typing import TYPE_CHECKING, Any

from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Settings
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.train.classes import classes_of
from mlops_kit.train.features import NOT_FEATURES, Params, Split, load_params
from mlops_kit.train.fitting.fit import fit
from mlops_kit.train.fitting.folds import units_of
from mlops_kit.train.predictions import long_table, predict
from mlops_kit.train.splits.split import IN_TIME, KNOWN_AT

if TYPE_CHECKING:
    import numpy
    import pandas

PARTS = (0.125, 0.25, 0.5, 1.0)
# Rows below which a part says nothing.
FEWEST = 50


def enough(settings: Settings, config: CompareConfig) -> dict[str, Any]:
    """Draw the learning curve, and say what its last doubling was worth.

    Returns
    -------
    dict
        metric, direction; steps: a list of rows and value; gain (of all rows over half of them:
        estimate, lower, upper, a two-sided interval of 1 - inference.alpha); verdict: more rows,
        better model or unclear; sentence.

    Raises
    ------
    MlopsError
        When there are no features yet, or too few training rows.
    """
    import numpy as np
    import pandas as pd

    from mlops_kit.compare.checks.common import gain, value_of
    from mlops_kit.compare.holdout.holdout import read_holdout

    place = OPEN_ZONE / "features.parquet"
    if not place.is_file():
        raise MlopsError(f"{place.as_posix()} is not there: run `uv run mlops run` first.")
    table = pd.read_parquet(place)
    names = [name for name in table.columns if name not in NOT_FEATURES]
    params = load_params()
    learn, judge = _inner(table[table["split"] == "train"].reset_index(drop=True), params)
    classes = classes_of(settings.task, learn, judge)
    drawn = _place_of_units(learn, params.split, params.seed)
    answers, rows = {}, {}
    for part in PARTS:
        some = learn[drawn < part]
        if len(some) < FEWEST or not _has_all_outcomes(settings.task, some, learn):
            continue
        estimator = fit(some[names], some["y_true"]).estimator
        answers[part] = np.asarray(predict(estimator, judge[names], settings.task, classes))
        rows[part] = len(some)
    if not {0.5, 1.0} <= set(answers):
        raise MlopsError(
            f"{len(learn):,} training rows are too few to halve: each half needs {FEWEST}, and "
            "all outcomes among them."
        )
    # Against all rows, two systems at a time.
    judged = {
        part: read_holdout(
            long_table(settings.task, judge, {"all": answers[1.0], "part": answers[part]}),
            _between(config, "all", "part").with_classes(classes),
        )
        for part in answers
    }
    last = judged[0.5]
    effect = gain(last.metric, last, config, config.inference.alpha / 2)
    return {
        "metric": config.primary.metric,
        "direction": config.primary.found().direction,
        "steps": [
            {"rows": rows[part], "value": value_of(each.metric, each, "incumbent")}
            for part, each in judged.items()
        ],
        "gain": {"estimate": effect.estimate, "lower": effect.lower, "upper": effect.upper},
        **_verdict(config, effect.lower, effect.upper),
    }


def _verdict(config: CompareConfig, lower: float, upper: float) -> dict[str, str]:
    smallest = config.primary.min_effect
    if upper < smallest or upper <= 0:
        sentence = (
            f"Twice as many rows brought at most {max(upper, 0):.4f}, less than {smallest:g}, the "
            "smallest useful gain: look for other features, or another model, first."
        )
        return {"verdict": "better model", "sentence": sentence}
    if lower > 0:
        sentence = (
            "More rows help: twice as many made the model better, and another doubling mostly "
            "brings somewhat less."
        )
        return {"verdict": "more rows", "sentence": sentence}
    sentence = (
        "These rows cannot tell: twice as many may have helped or not. Try other features first, "
        "which cost less, or judge by more rows."
    )
    return {"verdict": "unclear", "sentence": sentence}


def _inner(
    train: "pandas.DataFrame", params: Params
) -> "tuple[pandas.DataFrame, pandas.DataFrame]":
    """Hold back some training rows: the latest after the gap, or whole entities or groups."""
    import pandas as pd

    share = params.split.holdout
    if params.split.method in IN_TIME:
        days = train["time"].astype("datetime64[us]")
        since = days.sort_values().iloc[int(len(days) * (1 - share))]
        late = days >= since
        early = days < since - pd.Timedelta(days=params.split.gap_days)
        if KNOWN_AT in train:
            early = train[KNOWN_AT] <= since
    else:
        late = pd.Series(_place_of_units(train, params.split, params.seed + 1) < share, train.index)
        early = ~late
    learn, judge = (train[rows].reset_index(drop=True) for rows in (early, late))
    if min(len(learn), len(judge)) < FEWEST:
        raise MlopsError(
            f"{len(train):,} training rows are too few for a learning curve: {len(learn):,} to "
            f"learn from and {len(judge):,} to judge by are left, and each needs {FEWEST}."
        )
    return learn, judge


def _place_of_units(rows: "pandas.DataFrame", split: Split, seed: int) -> "numpy.ndarray":
    """Give each row a number from 0 to 1, shape (n_rows,), the same to all rows of a unit."""
    import numpy as np
    import pandas as pd

    units = rows["group" if "group" in rows else "id"]
    if split.method == "copies" or (split.method == "group" and "group" not in rows):
        names = [name for name in rows.columns if name not in NOT_FEATURES]
        units = pd.Series(units_of(rows, names, split))
    codes, known = pd.factorize(units, sort=True)
    order = np.random.default_rng(seed).permutation(len(known))
    return (order / max(len(known), 1))[codes]


def _has_all_outcomes(task: str, some: "pandas.DataFrame", all_of: "pandas.DataFrame") -> bool:
    if task != "classification":
        return True
    return some["y_true"].nunique() == all_of["y_true"].nunique()


def _between(config: CompareConfig, candidate: str, incumbent: str) -> CompareConfig:
    """Return the configuration for two systems of these names and nothing besides the metric."""
    first = config.candidate[0]
    return config.model_copy(
        update={
            "candidate": (first.model_copy(update={"name": candidate}),),
            "incumbent": first.model_copy(update={"name": incumbent}),
            **dict.fromkeys(("oracle", "trivial", "slices", "fairness")),
        }
    )
