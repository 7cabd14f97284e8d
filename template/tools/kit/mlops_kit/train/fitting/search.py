"""Choose among settings of the model by training rows alone: the holdout is never handed in."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.core.settings import Settings
from mlops_kit.core.words import counted
from mlops_kit.room import Yardstick, rooms
from mlops_kit.train.classes import Classes
from mlops_kit.train.features import Params
from mlops_kit.train.fitting.fit import asked, build, fit
from mlops_kit.train.fitting.folds import Fold, folds_of
from mlops_kit.train.fitting.space import Setting
from mlops_kit.train.predictions import predict

if TYPE_CHECKING:
    import pandas

# Seconds between two lines about how far it is.
PATIENCE = 10.0


def choose(
    train: "pandas.DataFrame",
    names: list[str],
    settings: Settings,
    classes: Classes | None,
    params: Params,
) -> tuple[Setting, dict[str, Any]]:
    """Fit every setting on some training rows, judge it on the others, and take the best.

    The metric is the one that decides in conf/compare.yaml. Of settings that are equally good the
    first counts, so that the written one stays unless another is better.

    Parameters
    ----------
    train : pandas.DataFrame
        Training rows only, with `split`: any other row is a mistake of the caller.
    names : list of str
        The features.
    classes : list, optional
        The classes in their order, when they are more than 0 and 1.

    Returns
    -------
    setting : dict
        What build() is called with, apart from the seed.
    record : dict
        asked (digest), method, metric, direction, fits, chosen (position), folds: learned and
        judged rows of each; settings: setting (the searched names), value (mean) and by fold.

    Raises
    ------
    MlopsError
        When nothing can judge, a setting fails, or its metric is no number.
    """
    if not (train["split"] == "train").all():
        raise ValueError("a search sees training rows only")
    search = params.model.search
    assert search is not None
    yardstick = _yardstick(settings.task, classes)
    tried = params.model.settings(params.seed)
    of_classes = settings.task == "classification"
    folds = folds_of(train, names, params.split, search.folds, params.seed, of_classes)
    said = [_said(each, search.space) for each in tried]
    for each, what in zip(tried, said, strict=True):
        # Costs nothing, and finds most mistakes before the first fit.
        build(each, what)
    fits = len(tried) * len(folds)
    progress(
        "train",
        f"search: {counted(len(tried), 'setting')} on {len(folds)} folds of training rows, "
        f"{counted(fits, 'fit')}",
    )
    started = told = time.perf_counter()
    scores: list[list[float]] = []
    for each, what in zip(tried, said, strict=True):
        scores.append([])
        for fold in folds:
            scores[-1].append(_judged(each, what, train, names, fold, settings, classes, yardstick))
            now, done = time.perf_counter(), sum(map(len, scores))
            if now - told > PATIENCE and done < fits:
                left = (now - started) / done * (fits - done)
                progress(
                    "train", f"search: {done:,} of {counted(fits, 'fit')}, about {left:,.0f} s more"
                )
                told = now
    sign = 1 if yardstick.direction == "higher" else -1
    means = [sum(each) / len(each) for each in scores]
    best = max(range(len(tried)), key=lambda place: sign * means[place])
    record = {
        "asked": asked(params),
        "method": search.method,
        "space": search.model_dump()["space"],
        "metric": yardstick.name,
        "direction": yardstick.direction,
        "split": params.split.method,
        "folds_asked": search.folds,
        "folds": [{"learned": len(f.learn), "judged": len(f.judge)} for f in folds],
        "fits": fits,
        "chosen": best,
        "settings": [
            {
                "setting": {name: each[name] for name in search.space},
                "value": mean,
                "by_fold": score,
            }
            for each, mean, score in zip(tried, means, scores, strict=True)
        ],
    }
    return tried[best], record


def _judged(
    setting: Setting,
    what: str,
    train: "pandas.DataFrame",
    names: list[str],
    fold: Fold,
    settings: Settings,
    classes: Classes | None,
    yardstick: Yardstick,
) -> float:
    """Fit on one side of a fold, and return the metric on the other."""
    import numpy as np

    learn, judge = (train.iloc[rows].reset_index(drop=True) for rows in fold)
    try:
        estimator = fit(learn[names], learn["y_true"], setting, what).estimator
        answers = np.asarray(predict(estimator, judge[names], settings.task, classes, what))
        value = yardstick.value(judge["y_true"], answers)
    except MlopsError as error:
        sentence = str(error)
        raise MlopsError(
            sentence if sentence.startswith(what) else f"{what}: {sentence}"
        ) from error
    if not np.isfinite(value):
        raise MlopsError(
            f"{what}: {yardstick.name} is {value:g} on training rows: take the setting out of "
            "model.search.space."
        )
    return value


def _said(setting: Setting, space: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name}: {setting[name]}" for name in space)
    return f"params.yaml: model.search, with {values}"


def _yardstick(task: str, classes: Classes | None) -> Yardstick:
    found = (made for room in rooms() if (made := room.yardstick(task, classes)) is not None)
    if (yardstick := next(found, None)) is None:
        raise MlopsError("params.yaml: model.search has no metric to choose by: drop it.")
    return yardstick
