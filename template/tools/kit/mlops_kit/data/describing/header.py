"""Whether a line of a csv holds names or values."""

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.data.dialect import Dialect
from mlops_kit.data.values.numbers import GROUPED

LONG = 4  # numbers that follow each other by chance hardly ever


def check_header(file: Path, cells: Sequence[str]) -> None:
    """Ask whether the first line holds names, if a cell of it may as well be a value."""
    odd = [cell for cell in cells if _is_number(cell)]
    if odd and not _counts(odd):
        raise MlopsError(
            f"{file.as_posix()}: {len(odd)} of the {counted(len(cells), 'cell')} of its first line "
            "are numbers: it may hold values or names: say --set header=false, or --set "
            "header=true."
        )


def contrasts(lines: list[str], delimiter: str, dialect: Dialect) -> bool:
    """Whether a column has a word in the first record and numbers in all others nearby."""
    records = csv.reader(lines, **dialect.parameters(delimiter))
    names = next(records, [])
    columns = list(zip(*(one for one in records if len(one) == len(names)), strict=True))
    return any(
        not _is_number(name) and all(map(_is_number, filter(None, cells)))
        for name, cells in zip(names, columns, strict=False)
    )


def _counts(cells: Sequence[str]) -> bool:
    """Whether numbers follow each other as the years of a wide table do, and values do not."""
    whole = [int(cell) if cell.strip().isdecimal() else None for cell in cells]
    steps = {b - a if a is not None and b is not None else None for a, b in pairwise(whole)}
    return len(cells) >= LONG and steps in ({1}, {-1})


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(GROUPED.match(cell))
    return cell.strip().lower() not in ("nan", "inf", "infinity")
