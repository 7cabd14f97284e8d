"""Documents of JSON and XML of which nothing is declared yet: where rows stand, and their names."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Table
from mlops_kit.data.sources import inside, json_array, xml_records

Objects = Callable[[Path, Table], Iterator[tuple[int, dict[str, Any]]]]


class Found(NamedTuple):
    """The path of the rows (None: all of a JSON document), their names, and what is no column."""

    records: str | None
    names: list[str]
    unread: dict[str, str]


def look(files: list[Path], kind: str, table: Table) -> Found:
    """Look through all documents of a table, for the rows at its path or at the only one there is.

    Parameters
    ----------
    kind : str
        `json` or `xml`.

    Raises
    ------
    MlopsError
        When rows may stand in several places, or nothing looks like rows; the message names both.
    """
    path = table.records or _only_path(files[0], kind, table)
    table = table.model_copy(update={"records": path})
    names: dict[str, None] = {}
    unread: dict[str, str] = {}
    for file in files:
        if kind == "xml":
            listed, left = xml_records.names_in(file, table)
            unread |= left
            names.update(dict.fromkeys(listed))
    if kind == "json":
        listed, unread = json_columns(files, json_array.objects_in, table)
        names.update(dict.fromkeys(listed))
    return Found(path, [name for name in names if name not in unread], unread)


def json_columns(
    files: list[Path], objects_in: Objects, table: Table
) -> tuple[list[str], dict[str, str]]:
    """Name the columns of all objects of some files of JSON; see `inside.columns_in`."""
    return inside.columns_in(one for file in files for _, one in objects_in(file, table))


def _only_path(file: Path, kind: str, table: Table) -> str | None:
    paths = (xml_records.paths_in if kind == "xml" else json_array.arrays_in)(file, table)
    if paths is None:
        raise MlopsError(
            f"{file.as_posix()} holds an object in each line: say so by --set format=jsonl."
        )
    if len(paths) > 1:
        several = " or ".join(f"--set records={path}" for path in paths)
        raise MlopsError(
            f"{file.as_posix()} holds rows of several kinds: say which are meant, {several}."
        )
    if not paths and kind == "xml":
        raise MlopsError(
            f"{file.as_posix()} has no element that stands several times: say which one is a row "
            "by its path, such as --set records=orders/order."
        )
    return paths[0] if paths else None
