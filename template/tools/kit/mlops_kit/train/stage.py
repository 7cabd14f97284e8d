"""The train stage: fit the team's model, store it, and let every system predict the holdout."""

import hashlib
import time
from typing import TYPE_CHECKING, Any

from mlops_kit.core import team
from mlops_kit.core.bundle import SHORT
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, sha256_of, write_json, written_beside
from mlops_kit.core.settings import Settings, load_settings
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.room import rooms
from mlops_kit.train.checks.copies import seen_in_training
from mlops_kit.train.checks.skew import seen as seen_of
from mlops_kit.train.classes import classes_of
from mlops_kit.train.evidence import notes, same_features
from mlops_kit.train.features import NOT_FEATURES, Params, features_text, load_params
from mlops_kit.train.model_file import (
    MODEL_CARD,
    MODEL_FILE,
    given_bundle,
    load_model,
    place_given,
    save_model,
)
from mlops_kit.train.oracle import best_predictions
from mlops_kit.train.predictions import PREDICTIONS, long_table, predict

if TYPE_CHECKING:
    import pandas


def train_and_predict(settings: Settings) -> str:
    """Fit on the training rows, store the model, and write every system's holdout predictions.

    Writes `models/model.skops`, `models/model.json` and `predictions.parquet` in the open zone:
    the long table (id, y_true, system, score | scores | prediction | items, group, time,
    same_features, seen_in_training) that compare reads.

    Returns
    -------
    str
        One line about what was trained.
    """
    import numpy as np
    import pandas as pd

    started = time.perf_counter()
    table = pd.read_parquet(OPEN_ZONE / "features.parquet")
    names = [name for name in table.columns if name not in NOT_FEATURES]
    train = table[table["split"] == "train"].reset_index(drop=True)
    holdout = table[table["split"] == "holdout"].reset_index(drop=True)
    classes = classes_of(settings.task, train, holdout)
    given = given_bundle()
    if given is None:
        estimator = fit(train[names], train["y_true"])
        built = _built(estimator, train, names)
    else:
        built = place_given(given, names, split_of(load_params())) | {"bundle": given.sha256}
        holdout = _never_seen(holdout, built)
        classes = built.get("classes")
        estimator = load_model()
    answers = np.asarray(predict(estimator, holdout[names], settings.task, classes))
    systems = {"candidate": answers}
    digests: dict[str, str] = {}
    compared: list[str] = []
    for room in rooms():
        others = room.systems(settings.task, train, holdout, load_params().seed, classes)
        systems |= others.predictions
        digests |= others.digests
        compared += others.columns
    # The sample's own answers are about its own outcome, and about all of its rows.
    oracle = best_predictions(settings.task) if classes is None else None
    if oracle is not None and len(oracle) == len(holdout):
        systems["oracle"] = oracle
    seen = seen_in_training(train, holdout, names)
    predictions = long_table(
        settings.task,
        holdout.assign(same_features=same_features(holdout, names), seen_in_training=seen),
        systems,
        compared,
    )
    import pyarrow.parquet

    with written_beside(OPEN_ZONE / PREDICTIONS) as beside:
        pyarrow.parquet.write_table(predictions, beside)
    card: dict[str, Any] = built | {
        "systems": {"candidate": built["sha256"]} | digests,
        "answers": {"dtype": np.dtype(answers.dtype.type).str, "shape": [-1, *answers.shape[1:]]},
        "holdout": notes(
            train, holdout, names, answers, load_params().features.get("horizon_days"), classes
        ),
    }
    if classes is not None:
        card["classes"] = classes
    write_json(MODEL_CARD, card)
    seconds = time.perf_counter() - started
    several = "" if classes is None else f", {len(classes)} classes"
    learned = f"on {len(train):,} rows" if given is None else f"of bundle {given.sha256[:SHORT]}"
    line = f"{type(estimator).__name__} {learned}{several} ({seconds:.1f} s)"
    if given is not None:
        line += f", built in {given.facts['environment']} and not fitted here"
    if again := int((seen >= 0).sum()):
        line += (
            f". {again:,} of {len(holdout):,} holdout rows are equal to training rows of others in "
            "all features"
        )
    return line


def fit(features: "pandas.DataFrame", target: "pandas.Series") -> Any:
    """Build the team's estimator from params.yaml and fit it on the training rows."""
    params = load_params()
    try:
        model = team.module("model")
        estimator: Any = model.build({**params.model, "seed": params.seed})
        return estimator.fit(features, target)
    except Exception as error:
        raise team.failure("model.py: building or fitting the model", error) from error


def _built(estimator: Any, train: "pandas.DataFrame", names: list[str]) -> dict[str, Any]:
    """Store what was fitted here; return what the card says of it."""
    # What registration would have to load the model for, which costs seconds.
    types = save_model(estimator, MODEL_FILE)
    return {
        "sha256": sha256_of(MODEL_FILE),
        "task": load_settings().task,
        "estimator": type(estimator).__name__,
        "types": types,
        "features": names,
        "training_rows": len(train),
        "training": _training(train, names),
        "params": load_params().model,
        "split": split_of(load_params()),
    }


def split_of(params: Params) -> dict[str, Any]:
    """Return all that decides which rows are held back."""
    return {"seed": params.seed, **params.split.model_dump(mode="json")}


def _never_seen(holdout: "pandas.DataFrame", built: dict[str, Any]) -> "pandas.DataFrame":
    """Keep the rows of a holdout by time that lie after all that a bundle's model learned from."""
    import pandas as pd

    until = built["training"].get("until")
    if until is None or "time" not in holdout:
        return holdout
    last = pd.Timestamp(until) + pd.Timedelta(days=built["split"].get("gap_days", 0))
    later = holdout[pd.to_datetime(holdout["time"]) >= last].reset_index(drop=True)
    if dropped := len(holdout) - len(later):
        progress(
            "train",
            f"{dropped:,} of {len(holdout):,} holdout rows are not judged: they are from before "
            f"{last:%Y-%m-%d}, and the bundle's model may have learned from what came true then",
        )
    if later.empty:
        raise MlopsError(
            f"All rows of this holdout are from before {last:%Y-%m-%d}, and the bundle's model may "
            "have learned from what came true then: it can be judged when newer data is here."
        )
    return later


def _training(train: "pandas.DataFrame", names: list[str]) -> dict[str, Any]:
    """Note what the model learned from, for whoever scores other rows with it."""
    with connect() as connection:
        table = connection.read_parquet(str(OPEN_ZONE / "features.parquet"))
        types = dict(zip(table.columns, map(str, table.types), strict=True))
    text = features_text(load_params())
    return {
        "keys": {name: types[name] for name in ("id", "time") if name in types},
        "types": {name: types[name] for name in names},
        "features_sql": hashlib.sha256(text.encode()).hexdigest(),
        "seen": seen_of(train, names),
        **({"until": str(train["time"].max())} if "time" in train else {}),
    }
