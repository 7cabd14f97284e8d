"""Whether a line of a csv holds names or values."""

import csv
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.dialect import Dialect
from mlops_kit.data.values.numbers import GROUPED


def check_header(file: Path, cells: list[str]) -> None:
    """Ask whether the first line holds names, if a cell of it may as well be a value."""
    odd = [cell for cell in cells if _is_number(cell)]
    if odd:
        raise MlopsError(
            f"{file.as_posix()}: {len(odd)} of the {len(cells)} cells of its first line are "
            "numbers: it may hold values or names: say --set header=false, or --set header=true."
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


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(GROUPED.match(cell))
    return cell.strip().lower() not in ("nan", "inf", "infinity")
