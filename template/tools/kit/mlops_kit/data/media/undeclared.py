"""A folder of which nothing is declared yet: of which kind are its files, and what tags them?"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from mlops_kit.core.files import from_json
from mlops_kit.data.media.place import Item, Place
from mlops_kit.data.media.recognised import HEAD, promises, type_of
from mlops_kit.data.media.sidecars import MOST_BYTES, PATH, Sidecars

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json", ".xml")
MOST_READ = 1_000  # of JSON beside files, to find which tags there are


def split(place: Place, kinds: tuple[str, ...]) -> tuple[list[Item], list[Item]]:
    """Return the files of some kinds, and those that are tables by their names.

    Where files have to be brought first, their names say what they are; else their content does.
    """
    items = place.items()
    ours = [item for item in items if _is_one(place, item, kinds)]
    beside = Sidecars(place, items, None, [], "")
    tables = [
        item
        for item in items
        if PurePosixPath(item.path.lower()).suffix in TABLES and not beside.is_one(item.path)
    ]
    return ours, tables


def tags_of(place: Place, ours: list[Item], tables: list[Item]) -> tuple[dict[str, Any], list[str]]:
    """Return what a source says of tags, and their names: of a csv with a path, or JSON beside."""
    paths = {item.path for item in ours}
    for item in tables:
        if item.path.lower().endswith(".csv") and item.size <= 100 * MOST_BYTES:
            place.bring([item])
            text = place.file(item).read_bytes().decode("utf-8-sig", "replace")
            lines = csv.DictReader(io.StringIO(text, newline=""))
            names = list(lines.fieldnames or [])
            if PATH in names and any(row[PATH] in paths for row in lines):
                return {"tags": item.path}, [name for name in names if name and name != PATH]
    return {}, list(Counter(_names(place, ours)))


def _names(place: Place, ours: list[Item]) -> Iterator[str]:
    beside = Sidecars(place, place.items(), None, ["any"], "")
    told = [one for item in ours[:MOST_READ] if (one := beside.beside(item.path))]
    place.bring(told)
    for one in told:
        try:
            said = from_json(place.file(one).read_bytes()[: MOST_BYTES + 1])
        except ValueError:  # told when it is read
            continue
        yield from said if isinstance(said, dict) else ()


def _is_one(place: Place, item: Item, kinds: tuple[str, ...]) -> bool:
    if place.far or item.odd:
        return any(promises(item.path, kind) for kind in kinds)
    try:
        with place.file(item).open("rb") as stream:
            return any(kind in type_of(stream.read(HEAD)).kinds for kind in kinds)
    except OSError:  # told when it is read
        return any(promises(item.path, kind) for kind in kinds)
