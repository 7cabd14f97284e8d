"""What people wrote about files beside them: a csv with a line for each, or a JSON beside each."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import from_json
from mlops_kit.core.words import counted
from mlops_kit.data.media.place import Item, Place

PATH = "path"
MOST_BYTES = 2**20  # of one JSON


class Unclear(Exception):
    """What stands beside a file cannot be used: why."""


class Sidecars:
    """Tags by the path of the file that they are about.

    Parameters
    ----------
    place : Place
        Where the files are.
    items : iterable of Item
        All that is there.
    table : str or None
        The csv of all tags, by its path in the place; without it each file may have a JSON of its
        own, called `scan.jpg.json` or `scan.json` beside `scan.jpg`.
    tags : list of str
        The tags that are wanted; without any nothing is read.
    whose : str
        What reads them, for messages.
    """

    def __init__(
        self, place: Place, items: Iterable[Item], table: str | None, tags: list[str], whose: str
    ) -> None:
        self.place, self.tags, self.whose, self.table = place, tags, whose, table
        self.by_path = {item.path: item for item in items}
        self.seen: set[str] = set()
        self.rows: dict[str, Mapping[str, str | None]] = {}
        if table is not None:
            self.rows = self._of_csv(table)

    def of(self, path: str) -> Mapping[str, str | None]:
        """Return the tags of a file as texts; {} where nothing is said of it.

        Raises
        ------
        Unclear
            When its JSON cannot be read.
        """
        one = self.beside(path)
        if one is None:
            return self.rows.get(path, {})
        with self.place.file(one).open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        try:
            if len(content) > MOST_BYTES or not isinstance(said := from_json(content), dict):
                raise ValueError
        except ValueError:
            raise Unclear(f"{one.path} beside it is no JSON object of at most 1 MB") from None
        self.seen |= said.keys()
        return {tag: _text(said[tag]) for tag in self.tags if tag in said}

    def is_one(self, path: str) -> bool:
        """Whether a file says something about others."""
        if self.table is not None:
            return path == self.table
        return path.lower().endswith(".json") and any(
            one in self.by_path for one in (path[: -len(".json")], *self._stems(path))
        )

    def beside(self, path: str) -> Item | None:
        """Return the JSON that is read for a file, if there is one."""
        if self.table is not None or not self.tags or (name := self.name_of(path)) is None:
            return None
        return self.by_path[name]

    def name_of(self, path: str) -> str | None:
        """Name the JSON of a file, if there is one."""
        names = (f"{path}.json", str(PurePosixPath(path).with_suffix(".json")))
        return next((one for one in names if one in self.by_path and one != path), None)

    def check(self, paths: set[str]) -> list[str]:
        """Say which lines of the csv are about no file, if any is.

        Raises
        ------
        MlopsError
            When no JSON at all had a tag that is declared.
        """
        if self.table is not None:
            lost = sorted(self.rows.keys() - paths)
            return [f"{self.table} names {_some(lost)}: no such file is there"] if lost else []
        if missing := [tag for tag in self.tags if tag not in self.seen]:
            raise MlopsError(
                f'No JSON beside a file of {self.whose} says "{missing[0]}", which is declared and '
                "is nothing that is read from the files themselves: correct the name, or name the "
                "csv of all tags as `tags` of the source."
            )
        return []

    def _stems(self, path: str) -> list[str]:
        stem = path[: -len(".json")]
        if not hasattr(self, "_by_stem"):
            self._by_stem: dict[str, list[str]] = {}
            for one in self.by_path:
                if not one.lower().endswith(".json"):
                    bare = str(PurePosixPath(one).with_suffix(""))
                    self._by_stem.setdefault(bare, []).append(one)
        return self._by_stem.get(stem, [])

    def _of_csv(self, table: str) -> dict[str, Mapping[str, str | None]]:
        if table not in self.by_path:
            raise MlopsError(
                f"{self.whose} takes its tags from {table}, and no such file is there: put it "
                "there, or correct `tags`."
            )
        self.place.bring([self.by_path[table]])
        content = self.place.file(self.by_path[table]).read_bytes()
        try:
            lines = io.StringIO(content.decode("utf-8-sig"), newline="")
        except UnicodeDecodeError:
            raise MlopsError(f"{table} of {self.whose} is no text in UTF-8: save it so.") from None
        reader = csv.DictReader(lines, strict=True)
        columns = list(reader.fieldnames or [])
        if missing := [one for one in (PATH, *self.tags) if one not in columns]:
            raise MlopsError(
                f'{table} of {self.whose} has no column "{missing[0]}" '
                f"({', '.join(columns) or 'no header line'}): write one of that name."
            )
        if twice := [one for one in (PATH, *self.tags) if columns.count(one) > 1]:
            raise MlopsError(f'{table} of {self.whose} has two columns "{twice[0]}": leave one.')
        found: dict[str, Mapping[str, str | None]] = {}
        try:
            for row in reader:
                path = row[PATH]
                if None in row or None in row.values():
                    raise csv.Error(f"not {counted(len(columns), 'value')}, as in its first line")
                if path in found:
                    raise MlopsError(
                        f"{table} of {self.whose} has two lines for {path}: leave one of them."
                    )
                found[path] = {tag: row[tag] or None for tag in self.tags}
        except csv.Error as error:
            raise MlopsError(
                f"{table} of {self.whose}, line {reader.line_num:,}, cannot be read ({error}): "
                "mend it."
            ) from error
        return found


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
