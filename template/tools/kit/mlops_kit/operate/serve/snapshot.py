"""The features of every entity as of one time, by id: what a caller cannot send.

One SQLite file: every worker reads it, memory does not grow with it, and a new one takes its place
whole. Numbers keep every digit; a list is JSON.
"""

import datetime
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, written_beside
from mlops_kit.core.settings import Settings
from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect, today
from mlops_kit.core.words import counted
from mlops_kit.core.zones import SNAPSHOT, open_table
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.operate.predict.asked import moment
from mlops_kit.operate.predict.parts import PART, check_alone, check_types, featured
from mlops_kit.operate.predict.scorer import scorer
from mlops_kit.train.checks.rows import count
from mlops_kit.train.evidence import newest_fact
from mlops_kit.train.features import features_sha256
from mlops_kit.train.look_ahead import open_tables

if TYPE_CHECKING:
    import duckdb

SCHEMA = 1
NONE = (
    "features() of features.py gives no row as of {}. Where each row is an event and has a time of "
    "its own, nothing is known beforehand: let requests bring their features (`source: request` "
    "in conf/serve.yaml). Else give another --as-of."
)
ANY = -1  # stands for the horizon of rows that have none
TOGETHER = 200  # rows that are looked up at once
AHEAD = 1.0  # hours by which the clock of the machine that made it may be ahead


class Snapshot:
    """A snapshot that is read; it stays the same although another takes its place.

    Attributes
    ----------
    facts : dict
        schema, as_of (ISO, or null), made (seconds since the epoch), features_sql, names, constant
        (features with one value in every row, and this value), rows.
    """

    def __init__(self, file: Path = SNAPSHOT) -> None:
        if not file.is_file():
            raise MlopsError(
                f"{file.as_posix()} does not exist: write it with `uv run mlops snapshot`."
            )
        self._file = sqlite3.connect(
            f"file:{quote(str(file.resolve()))}?mode=ro", uri=True, check_same_thread=False
        )
        try:
            ((facts,),) = self._file.execute("SELECT facts FROM told").fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise MlopsError(
                f"{file.as_posix()} is no snapshot, or damaged: write it with `uv run mlops "
                "snapshot`."
            ) from error
        self.facts: dict[str, Any] = json.loads(facts)
        self.names: list[str] = self.facts["names"]
        self._lists = [self.names.index(name) for name in self.facts["lists"]]

    def row(self, id: Any, horizon: int | None = None) -> list[Any] | None:  # noqa: A002
        """Return the features of an entity in the order of `names`, or None if it has no row."""
        return self.rows([id]).get((id, ANY if horizon is None else horizon))

    def rows(self, ids: Sequence[Any]) -> dict[tuple[Any, int], list[Any]]:
        """Return the features of entities by id and horizon, ANY where rows have none."""
        found: dict[tuple[Any, int], list[Any]] = {}
        for start in range(0, len(ids), TOGETHER):
            part = ids[start : start + TOGETHER]
            query = f"SELECT * FROM features WHERE id IN ({', '.join('?' * len(part))})"
            for id_, horizon, *values in self._file.execute(query, part):
                for place in self._lists:
                    if values[place] is not None:
                        values[place] = json.loads(values[place])
                found[id_, horizon] = values
        return found

    def any_id(self) -> Any:
        """Return some id."""
        return self._file.execute("SELECT id FROM features LIMIT 1").fetchone()[0]

    def sample(self, rows: int) -> Iterator[list[Any]]:
        """Give some rows."""
        for id_, horizon in self._file.execute(
            "SELECT id, horizon FROM features LIMIT ?", (rows,)
        ).fetchall():
            if (row := self.row(id_, None if horizon == ANY else horizon)) is not None:
                yield row

    def age_hours(self) -> float:
        """Return how old what it knows is: since its time, or since it was made if that is less."""
        made = self.facts["made"]
        if self.facts["as_of"] is not None:
            of = datetime.datetime.fromisoformat(self.facts["as_of"]).replace(tzinfo=datetime.UTC)
            made = min(made, of.timestamp())
        return (time.time() - made) / 3600

    def is_stale(self, most: float | None) -> bool:
        """Whether it is older than so many hours, or of the future: nobody knows its age then."""
        return most is not None and (self.age_hours() > most or self.ahead_hours() > AHEAD)

    def ahead_hours(self) -> float:
        """Return by how much it was made after now, as this machine's clock says."""
        return (self.facts["made"] - time.time()) / 3600

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def write(
    settings: Settings, alias: str, as_of: str | None, file: Path = SNAPSHOT
) -> dict[str, Any]:
    """Write the features of every entity, as `mlops predict` computes them.

    Parameters
    ----------
    alias : str
        The version whose features they are; other ones are refused.
    as_of : str, optional
        The time of the features; today when not given.

    Returns
    -------
    dict
        What stands in the file: rows, as_of, features_sql; and `note`, or nothing.

    Raises
    ------
    MlopsError
        In a sentence; the file is as it was.
    """
    sources = load_sources()
    if not open_table(ENTITIES).is_file():
        raise MlopsError("data/open/tables holds no tables: run `uv run mlops run`.")
    model = scorer(settings, alias)
    training = model.config["training"]
    timed = "time" in training["keys"]
    if as_of is not None and not timed:
        raise MlopsError("--as-of: the rows of this model have no time; leave it out.")
    at = moment(as_of or today().isoformat(), training["keys"]["time"]) if timed else None
    names = list(training["types"])
    lists = [name for name in names if training["types"][name].endswith("]")]
    facts = {
        "schema": SCHEMA, "as_of": None if at is None else at.isoformat(), "made": time.time(),
        "features_sql": features_sha256(), "names": names, "lists": lists,
    }  # fmt: skip
    with written_beside(file) as beside:
        beside.unlink()
        rows, constant = _fill(settings, sources, model, at, names, beside, facts)
    told = {"rows": rows, "constant": constant, "path": file.as_posix(), **facts}
    return told | {"note": _late(at, newest_fact(sources))}


def _late(at: datetime.datetime | None, newest: tuple[str, str] | None) -> str:
    """Say so where features are of a time after all that is known."""
    if at is None or newest is None:
        return ""
    until = datetime.date.fromisoformat(newest[0]) + datetime.timedelta(days=1)
    if at.date() <= until:
        return ""
    return (
        f"the newest fact of the open tables is of {newest[0]} ({newest[1]}): what happened since "
        f"is not known as of {at.date()}"
    )


def _fill(
    settings: Settings,
    sources: Sources,
    model: Any,
    at: datetime.datetime | None,
    names: list[str],
    target: Path,
    facts: dict[str, Any],
) -> tuple[int, dict[str, Any]]:
    keys = model.config["training"]["keys"]
    horizons = model.config["training"].get("horizons")
    shown = ", ".join(f"features.{quoted(name)}" for name in names)
    columns = ", ".join(quoted(f"f{place}") for place in range(len(names)))
    marks = ", ".join("?" * (len(names) + 2))
    ahead = "horizon" if horizons else str(ANY)
    lists = [names.index(name) + 2 for name in facts["lists"]]
    with (
        connect(settings.data.threads, spill=target.with_suffix(".spilled")) as connection,
        closing(sqlite3.connect(target)) as store,
    ):
        store.execute("PRAGMA journal_mode = OFF")
        store.execute(f"CREATE TABLE features (id, horizon, {columns}, PRIMARY KEY (id, horizon)) "
                      "WITHOUT ROWID")  # fmt: skip
        open_tables(connection, sources, before=None)
        _ask(connection, sources, keys, at, horizons)
        asked = count(connection, "SELECT count(*) FROM _asked")
        for start in range(0, asked, PART):
            found = featured(connection, list(keys), start)
            check_types(connection, found, model)
            if start == 0:
                check_alone(connection, list(keys), found)
            result = connection.execute(f"SELECT id, {ahead}, {shown} FROM features")
            while some := result.fetchmany(10_000):
                store.executemany(
                    f"INSERT INTO features VALUES ({marks})", (_kept(row, lists) for row in some)
                )
            progress("snapshot", f"{min(start + PART, asked):,} of {counted(asked, 'row')}")
        (rows,) = store.execute("SELECT count(*) FROM features").fetchone()
        if not rows:
            raise MlopsError(NONE.format(at.date() if at else "now"))
        constant = dict(_constant(store, names, facts["lists"]))
        store.execute("CREATE TABLE told (facts)")
        told = json.dumps(facts | {"rows": rows, "constant": constant})
        store.execute("INSERT INTO told VALUES (?)", (told,))
        store.commit()
    return rows, constant


def _ask(
    connection: "duckdb.DuckDBPyConnection",
    sources: Sources,
    keys: dict[str, str],
    at: datetime.datetime | None,
    horizons: list[int] | None,
) -> None:
    """Ask for every entity, at one time and for every horizon."""
    moment_ = f", CAST('{at.isoformat()}' AS {keys['time']}) AS time" if at else ""
    ahead = f", unnest({horizons}::{keys['horizon']}[]) AS horizon" if horizons else ""
    connection.execute(
        f"CREATE TEMP TABLE _asked AS SELECT row_number() OVER () - 1 AS place, * FROM ("
        f"SELECT CAST({quoted(sources.entity.column)} AS {keys['id']}) AS id{moment_}{ahead} "
        f"FROM {ENTITIES} ORDER BY ALL)"
    )


def _kept(row: tuple[Any, ...], lists: list[int]) -> list[Any]:
    values = list(row)
    for place in lists:
        if values[place] is not None:
            values[place] = json.dumps(values[place])
    return values


def _constant(
    store: sqlite3.Connection, names: list[str], lists: list[str]
) -> Iterator[tuple[str, Any]]:
    """Give features with one value in every row: they tell of the time, not of the entity."""
    for place, name in enumerate(names):
        column = quoted(f"f{place}")
        low, high, there, rows = store.execute(
            f"SELECT min({column}), max({column}), count({column}), count(*) FROM features"
        ).fetchone()
        if name not in lists and rows > 1 and there == rows and low == high:
            yield name, low
