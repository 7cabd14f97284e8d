"""Turn columns of truth and predictions into the arrays that metrics read, or refuse them."""

import contextlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.holdout.table import SCALE
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import acting, counted

# Beyond this a square overflows: as unusable as infinity.
HUGE = 1e150
MAX_LEVELS = 100
# As a time becomes text.
MIDNIGHT = " 00:00:00.000000"


def truth_and_predictions(
    y_true: pa.ChunkedArray, raw: dict[str, pa.ChunkedArray], metric: Metric, config: CompareConfig
) -> tuple[Any, dict[str, Any], tuple[str, ...]]:
    """Turn the columns into what the metric reads: numbers, class codes, probabilities or lists.

    Parameters
    ----------
    y_true : chunked array, shape (n,)
    raw : dict
        Role -> predictions of that system, shape (n,).

    Returns
    -------
    tuple
        The truth, the predictions by role, and the names of the classes by their codes, () when
        no classes are judged.

    Raises
    ------
    MlopsError
        When a value is NaN, infinite, of the wrong type or an unknown label, or only one class
        is there.
    """
    if metric.column == "items":
        lists = {"y_true": _lists(y_true, "y_true")}
        lists |= {role: _lists(values, "items") for role, values in raw.items()}
        if len(lists["y_true"].flatten()) == 0:
            raise MlopsError("No row of the holdout has a true item: every system would score 0.")
        lists = _of_one_type(lists)
        return lists.pop("y_true"), lists, ()
    if metric.column == "prediction":
        truth = numbers(y_true, "y_true")
        if truth.size < 2:
            raise MlopsError("The holdout has one row: a comparison needs at least two.")
        return truth, {role: numbers(values, "prediction") for role, values in raw.items()}, ()
    truth, predictions, names = _of_classes(y_true, raw, metric, config)
    n_classes = len(names)
    if not np.isin(truth, np.arange(n_classes)).all():
        last = "0 and 1" if n_classes == 2 else f"0 to {n_classes - 1}"
        raise MlopsError(
            f"y_true holds labels other than {last}: mend them, or name them in data.classes."
        )
    present, counts = np.unique(truth, return_counts=True)
    if present.size == 1 or (n_classes == 2 and counts.min() < 2):
        which = "both" if n_classes == 2 else "several"
        raise MlopsError(f"The holdout holds a single class of y_true: it needs rows of {which}.")
    if n_classes > 2 and config.data.threshold is not None:
        raise MlopsError(
            f"data.threshold decides between two classes, and here are {n_classes}: drop it, the "
            "most likely class counts."
        )
    return truth, predictions, names


def _of_classes(
    y_true: pa.ChunkedArray, raw: dict[str, pa.ChunkedArray], metric: Metric, config: CompareConfig
) -> tuple[Any, dict[str, Any], tuple[str, ...]]:
    classes = config.data.classes
    truth = numbers(y_true, "y_true") if classes is None else _classes(y_true, "y_true", classes)
    several = truth.max(initial=0) > 1 or (classes is not None and len(classes) > 2)
    kinds = [values.type for values in raw.values()]
    if any(pa.types.is_list(kind) for kind in kinds):
        predictions = {role: _probabilities(values) for role, values in raw.items()}
        widths = {role: values.shape[1] for role, values in predictions.items()}
        n_classes = widths["candidate"]
        for role, width in widths.items():
            if width != (n_classes if classes is None else len(classes)):
                wanted = (
                    f"the candidate for {n_classes}"
                    if classes is None
                    else f"data.classes names {len(classes)}"
                )
                raise MlopsError(
                    f'The {role} "{config.systems[role]}" gives probabilities of '
                    f"{counted(width, 'class')}, and {wanted}: give one for each class, in one "
                    "order."
                )
        known = range(n_classes) if classes is None else classes
        if n_classes == 2:
            predictions = {role: _of_second(values) for role, values in predictions.items()}
    elif several or any(pa.types.is_string(kind) for kind in kinds):
        if not metric.labels:
            if not several:
                scores = {role: numbers(values, "score") for role, values in raw.items()}
                return truth, scores, tuple(map(str, classes or (0, 1)))
            raise MlopsError(
                f"y_true holds labels other than 0 and 1: for these {config.primary.metric} needs "
                "a list of probabilities in each row, one per class."
            )
        known = tuple(np.unique(truth).astype(int).tolist()) if classes is None else classes
        predictions = {role: _classes(values, "score", known) for role, values in raw.items()}
        predictions = {role: values.astype(np.int64) for role, values in predictions.items()}
        if classes is None:
            truth = _classes(y_true, "y_true", known)
    else:
        predictions = {role: numbers(values, "score") for role, values in raw.items()}
        known = classes or (0, 1)
    return truth, predictions, tuple(map(str, known))


def _lists(column: pa.ChunkedArray, name: str) -> Any:
    if not pa.types.is_list(column.type):
        raise MlopsError(f'Column "{name}" must hold lists of items, not {column.type}.')
    lists = column.combine_chunks()
    if lists.flatten().null_count:
        raise MlopsError(f'A list in column "{name}" holds an empty item: drop it.')
    return lists


def _of_one_type(lists: dict[str, Any]) -> dict[str, Any]:
    """Give items that are numbers here and texts there the same type, by role."""
    for kind in (pa.int64(), pa.string()):
        if len({str(values.type) for values in lists.values()}) > 1:
            with contextlib.suppress(pa.ArrowInvalid):
                lists = {role: values.cast(pa.list_(kind)) for role, values in lists.items()}
    return lists


def numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """Cast a column to finite numbers, shape (n,)."""
    try:
        found = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        hint = "; name the labels in data.classes" if name == "y_true" else ""
        raise MlopsError(f'Column "{name}" must hold numbers, not {column.type}{hint}.') from error
    if bad := int((~(np.abs(found) < HUGE)).sum()):
        raise MlopsError(
            f'Column "{name}" is NaN or infinite in {counted(bad, "row")}: mend the predictions.'
        )
    return found


def levels_of(column: pa.ChunkedArray, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Name the values of a column of slices in their order, and code each row, shape (n,)."""
    levels, codes = np.unique(column.to_numpy().astype(str), return_inverse=True)
    with contextlib.suppress(ValueError):  # of numbers, 2 stands before 10
        place = np.argsort(levels.astype(np.float64), kind="stable")
        levels, codes = levels[place], np.argsort(place)[codes]
    # Midnights are days.
    if all(level.endswith(MIDNIGHT) for level in levels.tolist()):
        levels = np.array([level.removesuffix(MIDNIGHT) for level in levels.tolist()])
    if levels.size > MAX_LEVELS:
        raise MlopsError(
            f'Column "{name}" has {counted(levels.size, "value")}, too many to judge each: '
            "write a coarser column in the predict stage."
        )
    return levels.tolist(), codes


def scales(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Read by what the errors of each row are divided, shape (n,)."""
    found = numbers(column, SCALE)
    if none := int((found <= 0).sum()):
        raise MlopsError(
            f'{acting(none, "row", "have")} a "{SCALE}" that is not above 0: their series does '
            "not change from season to season, and mase divides by that. Leave them out, or judge "
            "by mae or wape."
        )
    return found


def _probabilities(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if not pa.types.is_list(column.type):
        raise MlopsError(f"Some systems give a list of probabilities, another {column.type}.")
    lists = column.combine_chunks()
    width = pc.unique(pc.list_value_length(lists)).to_pylist()
    if len(width) != 1 or width[0] < 2:
        raise MlopsError("Every row needs one probability per class: the lists differ in length.")
    return numbers(pa.chunked_array([lists.flatten()]), "score").reshape(-1, width[0])


def _of_second(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of two classes the second is judged, however its chance is written."""
    if (np.abs(chances.sum(axis=1) - 1) > 1e-6).any():
        raise MlopsError(
            "The two probabilities of a row do not add up to 1: mend the predictions, or give the "
            "score of the second class alone."
        )
    return chances[:, 1]


def _classes(column: pa.ChunkedArray, name: str, classes: tuple[Any, ...]) -> NDArray[np.float64]:
    if pa.types.is_floating(column.type):
        found = numbers(column, name)
        if (strange := found[found % 1 != 0]).size:
            raise MlopsError(
                f'Column "{name}" holds a fraction in {counted(strange.size, "row")}, such as '
                f"{strange[0]:g}, where a class is wanted: give classes, or a list of "
                "probabilities in each row."
            )
        column = pa.chunked_array([pa.array(found.astype(np.int64))])
    names = pa.array([str(each) for each in classes], pa.string())
    found = pc.index_in(column.cast(pa.string()), value_set=names)
    if found.null_count:
        example = pc.unique(column.filter(found.is_null()))[0].as_py()
        raise MlopsError(
            f'Column "{name}" holds an unknown label in {counted(found.null_count, "row")}, such '
            f"as {example!r}; known are {', '.join(names.to_pylist())} (data.classes)."
        )
    return found.cast(pa.float64()).to_numpy()
