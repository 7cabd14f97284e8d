"""The train stage: fit the team's model, store it, and let every system predict the holdout."""

import hashlib
import time
from typing import TYPE_CHECKING, Any

from mlops_kit.core.files import sha256_of, write_json, written_beside
from mlops_kit.core.settings import Settings
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.room import rooms
from mlops_kit.train.checks.copies import seen_in_training
from mlops_kit.train.checks.skew import seen as seen_of
from mlops_kit.train.classes import classes_of
from mlops_kit.train.evidence import notes, same_features
from mlops_kit.train.features import NOT_FEATURES, features_text, load_params
from mlops_kit.train.fitting.fit import fit
from mlops_kit.train.fitting.search import choose
from mlops_kit.train.model_file import MODEL_CARD, MODEL_FILE, save_model
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
    params = load_params()
    setting, search = params.model.written, None
    if params.model.search is not None:
        setting, search = choose(train, names, settings, classes, params)
    estimator = fit(train[names], train["y_true"], setting)
    answers = np.asarray(predict(estimator, holdout[names], settings.task, classes))
    systems = {"candidate": answers}
    digests: dict[str, str] = {}
    compared: list[str] = []
    for room in rooms():
        others = room.systems(settings.task, train, holdout, params.seed, classes)
        systems |= others.predictions
        digests |= others.digests
        compared += others.columns
    # The sample's own answers are about its own outcome.
    oracle = best_predictions(settings.task) if classes is None else None
    if oracle is not None:
        systems["oracle"] = oracle
    seen = seen_in_training(train, holdout, names)
    predictions = long_table(
        settings.task,
        holdout.assign(same_features=same_features(holdout, names), seen_in_training=seen),
        systems,
        compared,
    )
    types = save_model(estimator, MODEL_FILE)
    import pyarrow.parquet

    with written_beside(OPEN_ZONE / PREDICTIONS) as beside:
        pyarrow.parquet.write_table(predictions, beside)
    card: dict[str, Any] = {
        "sha256": sha256_of(MODEL_FILE),
        "systems": {"candidate": sha256_of(MODEL_FILE)} | digests,
        "task": settings.task,
        "estimator": type(estimator).__name__,
        # What registration would have to load the model for, which costs seconds.
        "types": types,
        "answers": {"dtype": np.dtype(answers.dtype.type).str, "shape": [-1, *answers.shape[1:]]},
        "features": names,
        "training_rows": len(train),
        "training": _training(train, names),
        "params": setting,
        "holdout": notes(
            train, holdout, names, answers, params.features.get("horizon_days"), classes
        ),
    }
    if classes is not None:
        card["classes"] = classes
    if search is not None:
        card["search"] = search
    write_json(MODEL_CARD, card)
    seconds = time.perf_counter() - started
    several = "" if classes is None else f", {len(classes)} classes"
    line = f"{type(estimator).__name__} on {len(train):,} rows{several} ({seconds:.1f} s)"
    if search is not None:
        line += (
            f", chosen among {len(search['settings']):,} settings by {search['metric']} on "
            "training rows"
        )
    if again := int((seen >= 0).sum()):
        line += (
            f". {again:,} of {len(holdout):,} holdout rows are equal to training rows of others in "
            "all features"
        )
    return line


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
    }
