"""The classes of an outcome: which there are, in which order, and each system's answers by them."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal
from mlops_kit.room import rooms

if TYPE_CHECKING:
    import numpy
    import pandas

Classes: TypeAlias = list[str | int]

# More are hardly ever meant: an amount, or a code that nobody grouped.
MOST_CLASSES = 100
# Of the sum of a row's probabilities; single precision is rounded more coarsely.
ROUNDING, COARSE_ROUNDING = 1e-6, 1e-4
AS_YES_OR_NO = (
    "a yes or no is written as 1 and 0, and any other outcome has at least three classes, texts or "
    "whole numbers"
)


def classes_of(
    task: str, train: "pandas.DataFrame", holdout: "pandas.DataFrame"
) -> "Classes | None":
    """Return the classes in their order when there are more than two; None for 0 and 1, or none.

    The order is that of `data.classes` in conf/compare.yaml, otherwise the sorted one.

    Raises
    ------
    MlopsError
        When the labels are neither 0 and 1 nor three classes or more, one of them has no training
        row, or `data.classes` names others.
    """
    if task != "classification":
        return None
    labels = _labels(train["y_true"])
    declared = next((names for room in rooms() if (names := room.classes())), None)
    _refuse_others(labels, holdout["y_true"])
    if len(labels) < 3 and (declared is None or len(declared) < 3):
        _refuse_other_than_0_and_1(labels, declared)
        return None
    if len(labels) > MOST_CLASSES:
        raise MlopsError(
            f"features.py: target() gives {len(labels):,} different labels, and at most "
            f"{MOST_CLASSES} are classes: group the rare ones; an amount is a task of regression."
        )
    return labels if declared is None else _as_declared(labels, declared)


def _refuse_other_than_0_and_1(labels: Classes, declared: Sequence[str | int] | None) -> None:
    """Of two outcomes 1 is the event; which of two other labels that is, nobody may guess."""
    if len(labels) == 1:
        raise MlopsError(
            f'features.py: target() gives "{labels[0]}" in every training row: a classification '
            "needs rows of two outcomes or more."
        )
    names = [str(each) for each in declared or labels]
    if labels == [0, 1]:
        if names == ["0", "1"]:
            return
        raise MlopsError(
            f"conf/compare.yaml: data.classes names {' and '.join(names)}, and target() of "
            "features.py gives 0 and 1, of which 1 is the event: drop data.classes."
        )
    event = next((label for label in labels if str(label) == names[1]), labels[1])
    spelt = literal(event) if isinstance(event, str) else event
    also = ", and drop data.classes in conf/compare.yaml" if declared is not None else ""
    raise MlopsError(
        f'features.py: target() gives the two labels "{labels[0]}" and "{labels[1]}": write 1 for '
        f"the one whose chance is wanted and 0 for the other, such as CAST(... = {spelt} AS "
        f"BIGINT) AS y_true{also}."
    )


def _as_declared(labels: Classes, declared: Sequence[str | int]) -> Classes:
    by_name = {str(label): label for label in labels}
    names = [str(each) for each in declared]
    if unknown := [name for name in by_name if name not in names]:
        raise MlopsError(
            f'conf/compare.yaml: data.classes does not name "{unknown[0]}", which target() of '
            "features.py gives: add it at its place."
        )
    if unseen := [name for name in names if name not in by_name]:
        raise MlopsError(
            f'No training row has the class "{unseen[0]}" of data.classes in conf/compare.yaml, so '
            "nothing can be learned about it: collect some, or drop it there."
        )
    return [by_name[name] for name in names]


def _refuse_others(labels: Classes, holdout: "pandas.Series") -> None:
    known = set(labels)
    for label in _labels(holdout):
        if label not in known:
            rows = int((holdout == label).sum())
            raise MlopsError(
                f'features.py: the class "{label}" occurs in {rows:,} holdout rows and in no '
                "training row, so nobody could have learned it: collect more of it, group it with "
                "another one, or split otherwise (params.yaml)."
            )


def _labels(column: "pandas.Series") -> Classes:
    """Return the different labels, sorted; whole numbers are int."""
    found = column.unique().tolist()
    if all(isinstance(label, str) for label in found):
        if any(not label.strip() for label in found):
            raise MlopsError(
                "features.py: target() gives an empty text as y_true: leave out the rows without "
                "an outcome, or give them a class with a name."
            )
        return sorted(found)
    wrong = [each for each in found if not (_is_number(each) and float(each).is_integer())]
    if wrong:
        example = "" if not _is_number(wrong[0]) else f", such as {wrong[0]:g}"
        raise MlopsError(
            f"features.py: target() gives labels of type {type(wrong[0]).__name__}{example}: "
            f"{AS_YES_OR_NO}."
        )
    return sorted(int(label) for label in found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def positions(labels: "pandas.Series", classes: Classes) -> "numpy.ndarray":
    """Return the position of each label, shape (n,), among `classes`, of which each is one."""
    return labels.map({label: code for code, label in enumerate(classes)}).to_numpy("int64")


def by_class(
    who: str, chances: Any, known: "Sequence[Any] | numpy.ndarray | None", classes: Classes
) -> "numpy.ndarray":
    """Bring an estimator's probabilities into the order of `classes`, shape (n, n_classes).

    Parameters
    ----------
    chances : array, shape (n, n_classes)
        As `predict_proba` returns them.
    known : sequence, array or None
        The estimator's `classes_`, one per column; None is the order of `classes`.

    Raises
    ------
    MlopsError
        When it answers for other classes, or with what is no probability.
    """
    import numpy as np

    table = np.asarray(chances)
    if known is not None:
        columns = {_spelt(each): column for column, each in enumerate(np.asarray(known).tolist())}
        wanted = [_spelt(each) for each in classes]
        if set(columns) != set(wanted):
            missing = [name for name in wanted if name not in columns]
            strange = [name for name in columns if name not in wanted]
            told = f'does not know the class "{missing[0]}"' if missing else ""
            told += " and " if missing and strange else ""
            told += f'knows the class "{strange[0]}", which the outcome has not' if strange else ""
            raise MlopsError(f"{who}: the model {told}: train it on the classes of today.")
        if table.ndim == 2 and table.shape[1] == len(columns):
            table = table[:, [columns[name] for name in wanted]]
    return _probabilities(who, table, classes)


def as_table(who: str, values: Any, classes: Classes) -> "numpy.ndarray":
    """Turn a system's answers into probabilities, shape (n, n_classes), in the order of `classes`.

    Parameters
    ----------
    values : array or DataFrame
        (n,) labels, which are sure of themselves; (n,) lists of probabilities; (n, n_classes)
        probabilities, of a DataFrame by the columns' names.

    Raises
    ------
    MlopsError
        When a label is unknown, or what should be probabilities are none.
    """
    import numpy as np
    import pandas as pd

    if isinstance(values, pd.DataFrame):
        names, wanted = ([_spelt(each) for each in part] for part in (values.columns, classes))
        if list(values.columns) != list(range(len(classes))):
            return by_class(who, values, list(values.columns), classes)
        if names != wanted and set(names) == set(wanted):
            raise MlopsError(
                f"{who}: the columns {', '.join(names)} may be classes by their names, or by their "
                f"places among {', '.join(wanted)}: bring them into this order by name."
            )
    table = np.asarray(values)
    if table.ndim == 1 and table.dtype == object:
        table = _lists(who, table)
    if table.ndim != 1:
        return _probabilities(who, table, classes)
    if table.dtype.kind == "f":
        raise MlopsError(
            f"{who}: one number with a point for each row, which may be a score or a mean: give "
            "each row a class as target() spells it (whole numbers as int), or a probability for "
            "every class."
        )
    codes = {_spelt(each): code for code, each in enumerate(classes)}
    names = [_spelt(label) for label in table.tolist()]
    for name in names:
        if name not in codes:
            raise MlopsError(
                f'{who}: "{name}" is none of the classes {", ".join(codes)}: give each row one of '
                "them, or a probability for every class."
            )
    return np.eye(len(classes))[[codes[name] for name in names]]


def _lists(who: str, values: "numpy.ndarray") -> "numpy.ndarray":
    """Return a table where every value is a list, or the text of one; labels stay as they are."""
    import numpy as np

    if all(isinstance(value, str) and value.lstrip().startswith("[") for value in values):
        try:
            values = np.array([json.loads(value) for value in values], dtype=object)
        except ValueError as error:
            raise MlopsError(f"{who}: a list of probabilities is no JSON list.") from error
    if not all(isinstance(value, list | tuple | np.ndarray) for value in values):
        return values
    try:
        return np.array([np.asarray(value, np.float64) for value in values], np.float64)
    except (TypeError, ValueError) as error:
        raise MlopsError(
            f"{who}: the lists of probabilities differ in length, or hold more than numbers."
        ) from error


def _probabilities(who: str, table: "numpy.ndarray", classes: Classes) -> "numpy.ndarray":
    import numpy as np

    if table.ndim != 2 or table.shape[1] != len(classes):
        raise MlopsError(
            f"{who}: answers of shape {table.shape} for {len(classes)} classes: give each row one "
            "probability per class."
        )
    coarse = table.dtype == np.float32
    try:
        table = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise MlopsError(f"{who}: a probability is no number.") from error
    sums = table.sum(axis=1)
    near = np.abs(sums - 1) <= (COARSE_ROUNDING if coarse else ROUNDING)
    # NaN compares as nothing, so it is refused.
    if not ((table >= 0).all() and near.all()):
        raise MlopsError(
            f"{who}: what it answers are no probabilities: those of a row lie between 0 and 1 and "
            "add up to 1."
        )
    return table / sums[:, None] if coarse else table


def _spelt(label: Any) -> str:
    """Spell a label alike, whether it was read as 3 or as 3.0."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
