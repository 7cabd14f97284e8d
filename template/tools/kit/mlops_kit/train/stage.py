"""The train stage: fit the team's model, store it, and let every system predict the holdout."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.bundle import SHORT
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_json, written_beside
from mlops_kit.core.settings import Settings
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.room import rooms
from mlops_kit.train.checks.copies import seen_in_training
from mlops_kit.train.checks.reference import summary
from mlops_kit.train.checks.rows import KEYS
from mlops_kit.train.checks.skew import seen as seen_of
from mlops_kit.train.classes import Classes, classes_of
from mlops_kit.train.evidence import notes, same_features
from mlops_kit.train.features import NOT_FEATURES, Params, features_sha256, load_params
from mlops_kit.train.fitting.fit import fit
from mlops_kit.train.fitting.search import choose
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
from mlops_kit.train.splits.fits import LEARNED_UNTIL, Fit, fits_of, never_seen, outcomes_of
from mlops_kit.train.splits.split import IN_TIME

if TYPE_CHECKING:
    import numpy
    import pandas


def train_and_predict(settings: Settings) -> str:
    """Fit on the training rows, store the model, and write every system's holdout predictions.

    With several cut-offs a model is fitted at each, on what was known by then, and predicts the
    rows up to the next; the last one is stored.

    Writes `models/model.skops`, `models/model.json` and `predictions.parquet` in the open zone:
    the long table (id, y_true, system, score | scores | prediction | items, group, time, horizon,
    known_at, same_features, seen_in_training, mase_scale) that compare reads.

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
    fits, given, built = fits_of(table), given_bundle(), None
    if given is not None:
        built = place_given(given, names, split_of(load_params())) | {"bundle": given.sha256}
        fits = never_seen(fits, built["training"].get(LEARNED_UNTIL))
    holdout = pd.concat([each.holdout for each in fits], ignore_index=True)
    classes = classes_of(settings.task, fits[0].train, holdout)
    if built is not None and classes != built.get("classes"):
        raise MlopsError(
            "The bundle's model knows other classes than the outcomes here have: "
            f"{built.get('classes') or [0, 1]} against {classes or [0, 1]}."
        )
    judged = None if built is None else load_model()
    params, search = load_params(), None
    setting = params.model.written
    if params.model.search is not None and built is None:
        # By what the earliest model may learn from: later rows are held out.
        setting, search = choose(fits[0].train, names, settings, classes, params)
    known = outcomes_of(table)
    made = [_predicted(each, names, settings, classes, known, judged, setting) for each in fits]
    estimator, train = made[-1].estimator, fits[-1].train
    systems = {
        name: np.concatenate([each.systems[name] for each in made]) for name in made[-1].systems
    }
    answers, digests = systems["candidate"], made[-1].digests
    # The sample's own answers are about its own outcome, and about all of its rows.
    oracle = best_predictions(settings.task) if classes is None else None
    if oracle is not None and len(oracle) == len(holdout):
        systems["oracle"] = oracle
    seen = np.concatenate([seen_in_training(each.train, each.holdout, names) for each in fits])
    holdout = holdout.assign(same_features=same_features(holdout, names), seen_in_training=seen)
    if scales := [each.scale for each in made if each.scale is not None]:
        holdout = holdout.assign(mase_scale=np.concatenate(scales))
    predictions = long_table(settings.task, holdout, systems, made[-1].columns)
    if built is None:
        built = _built(estimator, fits[-1], names, setting)
    import pyarrow.parquet

    with written_beside(OPEN_ZONE / PREDICTIONS) as beside:
        pyarrow.parquet.write_table(predictions, beside)
    horizon = params.features.get("horizon_days")
    card: dict[str, Any] = built | {
        "systems": {"candidate": built["sha256"]} | digests,
        "task": settings.task,
        "answers": {"dtype": np.dtype(answers.dtype.type).str, "shape": [-1, *answers.shape[1:]]},
        "holdout": notes(fits[0].train, holdout, names, answers, horizon, classes),
    }
    if given is None:
        card["training"]["reference"] = summary(train, names, holdout, answers, classes)
    if given is not None:
        card.pop("cutoffs", None)  # one model, whatever others were made before it
    elif len(fits) > 1:
        # The stored model is the last of them.
        card["cutoffs"] = [each.record() for each in fits]
    if classes is not None:
        card["classes"] = classes
    if search is not None:
        card["search"] = search
    if made[-1].augmented is not None:
        card["augmented_rows"] = made[-1].augmented
    write_json(MODEL_CARD, card)
    seconds = time.perf_counter() - started
    rows = f"{counted(len(train), 'row')}"
    if (more := made[-1].augmented) is not None:
        rows = f"{counted(more, 'row')}, which augment() of model.py made of {rows}"
    several = "" if classes is None else f", {len(classes)} classes"
    learned = f"on {rows}" if given is None else f"of bundle {given.sha256[:SHORT]}"
    line = f"{type(estimator).__name__} {learned}{several} ({seconds:.1f} s)"
    if given is not None:
        line += f", built in {given.facts['environment']} and not fitted here"
    elif len(fits) > 1:
        first, last = (str(each.cutoff).removesuffix(" 00:00:00") for each in (fits[0], fits[-1]))
        line = (
            f"{len(fits)} cut-offs from {first} to {last}, "
            f"{len(fits[0].train):,} to {counted(len(train), 'row')}; the last one is kept: {line}"
        )
    if search is not None:
        line += (
            f", chosen among {counted(len(search['settings']), 'setting')} by {search['metric']} "
            "on training rows"
        )
    if again := int((seen >= 0).sum()):
        line += (
            f". {again:,} of {len(holdout):,} holdout rows are equal to training rows of others in "
            "all features"
        )
    return line


class _Made(NamedTuple):
    """One trained model, its rows as augmented, and what all systems say about its holdout."""

    estimator: Any
    augmented: int | None
    systems: "dict[str, numpy.ndarray]"
    digests: dict[str, str]
    columns: list[str]
    scale: "numpy.ndarray | None"


def _predicted(
    each: Fit,
    names: list[str],
    settings: Settings,
    classes: Classes | None,
    known: "pandas.DataFrame | None",
    judged: Any,
    setting: Mapping[str, Any],
) -> _Made:
    import numpy as np

    estimator, more = judged, None
    if judged is None:
        estimator, more = fit(each.train[names], each.train["y_true"], setting)
    answers = np.asarray(predict(estimator, each.holdout[names], settings.task, classes))
    made = _Made(estimator, more, {"candidate": answers}, {}, [], None)
    seed = load_params().seed
    for room in rooms():
        others = room.systems(settings.task, each.train, each.holdout, seed, classes, known)
        made.systems.update(others.predictions)
        made.digests.update(others.digests)
        made.columns.extend(others.columns)
        if others.scale is not None:
            made = made._replace(scale=others.scale)
    return made


def _built(
    estimator: Any, last: Fit, names: list[str], setting: Mapping[str, Any]
) -> dict[str, Any]:
    """Store what was fitted here; return what the card says of it."""
    # What registration would have to load the model for, which costs seconds.
    types = save_model(estimator, MODEL_FILE)
    return {
        "sha256": sha256_of(MODEL_FILE),
        "estimator": type(estimator).__name__,
        "types": types,
        "features": names,
        "training_rows": len(last.train),
        "training": _training(last, names),
        "params": dict(setting),
        "split": split_of(load_params()),
    }


def split_of(params: Params) -> dict[str, Any]:
    """Return all that decides which rows are held back."""
    return {"seed": params.seed, **params.split.model_dump(mode="json")}


def _training(last: Fit, names: list[str]) -> dict[str, Any]:
    """Note what the model learned from, for whoever scores other rows with it."""
    with connect() as connection:
        table = connection.read_parquet(str(OPEN_ZONE / "features.parquet"))
        types = dict(zip(table.columns, map(str, table.types), strict=True))
    more: dict[str, Any] = {}
    if "horizon" in last.train:
        more["horizons"] = sorted(map(int, last.train["horizon"].unique()))
    if load_params().split.method in IN_TIME:
        began = last.holdout["time"].min() if last.cutoff is None else last.cutoff
        more[LEARNED_UNTIL] = began.isoformat()
    return {
        "keys": {name: types[name] for name in KEYS if name in types},
        "types": {name: types[name] for name in names},
        "features_sql": features_sha256(),
        "seen": seen_of(last.train, names),
        **more,
    }
