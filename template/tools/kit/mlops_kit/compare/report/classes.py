"""What each system does with each of several classes: what it finds, and what it takes it for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.metrics.classification import labels_of
from mlops_kit.compare.report.plots import clip

PAIR = ("candidate", "incumbent")
# Rows of a table that are still read, and columns that fit on the page.
MOST_LISTED = 20
MOST_CONFUSED = 8


class Titled(NamedTuple):
    """A table with its heading and one line on how to read it; its first row are the heads."""

    heading: str
    rows: list[list[str]]
    caption: str


def class_tables(holdout: Holdout, labels: dict[str, str]) -> list[Titled]:
    """Tabulate recall and precision by class, then the confusion of candidate and incumbent.

    [] unless there are more than two classes. `labels` are by role.
    """
    if len(holdout.classes) <= 2:
        return []
    counts = {role: confusion(holdout, role) for role in PAIR}
    return [
        _by_class(holdout, counts, labels),
        *(_confused(holdout, role, counts[role], labels[role]) for role in PAIR),
    ]


def confusion(holdout: Holdout, role: str) -> NDArray[np.int64]:
    """Count the rows by true class (rows) and given class (columns)."""
    n_classes = len(holdout.classes)
    cell = holdout.truth.astype(np.int64) * n_classes + labels_of(holdout.predictions[role])
    return np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)


def _by_class(
    holdout: Holdout, counts: dict[str, NDArray[np.int64]], labels: dict[str, str]
) -> Titled:
    size = counts["candidate"].sum(axis=1)
    shown = _commonest(size, MOST_LISTED)
    columns = [size.astype(str)]
    heads = ["class", "rows"]
    for what, axis in (("found", 1), ("right", 0)):
        for role in PAIR:
            heads.append(f"{what}, {labels[role]}")
            columns.append(_shares(np.diag(counts[role]), counts[role].sum(axis=axis)))
    table = [heads]
    table += [
        [clip(holdout.classes[c], 30), *(str(column[c]) for column in columns)] for c in shown
    ]
    few = f" The {len(shown)} commonest of {size.size} classes." if len(shown) < size.size else ""
    caption = (
        "Found: share of the rows of the class that are given it (recall). Right: share of the "
        f"rows given the class that are of it (precision).{few}"
    )
    return Titled("Class by class", table, caption)


def _confused(holdout: Holdout, role: str, counts: NDArray[np.int64], label: str) -> Titled:
    shown = _commonest(counts.sum(axis=1), MOST_CONFUSED)
    names = [clip(holdout.classes[code], 20) for code in shown]
    if len(shown) < len(counts):
        # Others share a row and a column, so that all rows are counted.
        place = np.full(len(counts), len(shown))
        place[shown] = np.arange(len(shown))
        together = np.zeros((len(shown) + 1, len(shown) + 1), np.int64)
        np.add.at(together, (place[:, None], place[None, :]), counts)
        counts, names = together, [*names, f"{len(place) - len(shown)} others"]
    table = [["true class", *names]]
    table += [[name, *map(str, row)] for name, row in zip(names, counts.tolist(), strict=True)]
    caption = "Rows by their true class, and across by the class that they are given."
    return Titled(f"Confusions of the {label}", table, caption)


def _commonest(size: NDArray[np.int64], most: int) -> list[int]:
    """Return the codes of the classes with most rows, in the classes' own order."""
    return sorted(np.argsort(-size, kind="stable")[:most].tolist())


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> list[str]:
    return [
        f"{100 * one / of:.1f} %" if of else "none" for one, of in zip(part, whole, strict=True)
    ]
