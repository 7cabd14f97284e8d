"""The rows that are asked for, read exactly, with ids of the open zone; others are set aside."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.utc import connect
from mlops_kit.data.config import Column, Files, Sources, Table
from mlops_kit.data.contract import EMPTY, Contract
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.data.reading import Written
from mlops_kit.data.sources import files
from mlops_kit.room import OpenIds, rooms

if TYPE_CHECKING:
    import polars

TIME = "time"
UNKNOWN = "is in no open table"
TWICE = "is asked for before"
NO_DAY = "has a time of day, and the model learned from days"
TIMES = {"DATE": "date", "TIMESTAMP": "datetime"}


@dataclass(frozen=True)
class Input:
    """What `--input` is: its files, and the columns that name a row."""

    source: Files
    table: Table
    files: list[Path]
    not_read: list[Path]
    id: str
    timed: bool

    def batches(self) -> "Iterator[tuple[Path, polars.DataFrame]]":
        """Give its rows as they came, some at a time, with `row`: their place, from 1."""
        start = 1
        try:
            for file, frames in files.read(self.source, "input", self.table):
                assert file is not None
                for frame in frames:
                    yield file, frame.with_row_index("row", start)
                    start += len(frame)
        except MlopsError as error:
            raise _about_input(error) from error


def find_input(place: Path, sources: Sources, timed: bool, as_of: str | None) -> Input:
    """Find the files of `--input`, and which columns name a row.

    Parameters
    ----------
    timed : bool
        Whether rows of the model have a time.
    as_of : str, optional
        The time of all rows, where no column says it.

    Raises
    ------
    MlopsError
        When there is no such file, no column of ids, or no time or two of them.
    """
    if not place.exists():
        raise MlopsError(f"--input: {place.as_posix()} does not exist; correct the path.")
    entity = sources.entity
    contract = sources.tables[entity.table].columns[entity.column]
    table = Table(source="input", path=place.name, columns={"id": contract})
    source = Files(kind="files", folder=place.parent)
    try:
        found = files.find(source, "input", table)
        columns = files.shown(found, table, [entity.column, "id", TIME])
    except MlopsError as error:
        raise _about_input(error) from error
    ids = [name for name in columns if name in (entity.column, "id")]
    if not ids:
        raise MlopsError(
            f"--input: {place.as_posix()} has neither a column {entity.column} nor a column id; "
            "give the ids one of these names."
        )
    if len(ids) > 1:
        raise MlopsError(
            f"--input: {place.as_posix()} has the columns {ids[0]} and id: leave out the one that "
            f"is no {entity.column}."
        )
    has_time = TIME in columns
    if timed and not has_time and as_of is None:
        raise MlopsError(
            f"--input: {place.as_posix()} has no column time, and the model needs to know as of "
            "when: add one, or give the time of all rows by --as-of 2026-01-31."
        )
    if as_of is not None and (has_time or not timed):
        why = f"{place.as_posix()} has a column time" if has_time and timed else (
            "the rows of this model have no time")  # fmt: skip
        raise MlopsError(f"--as-of: {why}; leave it out.")
    kept = contract.model_copy(update={"unique": False, "nullable": True})
    read = {ids[0]: kept} | ({TIME: _moment()} if timed and has_time else {})
    table = table.model_copy(update={"columns": read})
    return Input(source, table, found.files, found.not_read, ids[0], TIME in read)


def moment(text: str, kind: str) -> datetime.datetime:
    """Read `--as-of` as a column of times is read, in UTC.

    Raises
    ------
    MlopsError
        When it is no time, or has a time of day where the model knows days only.
    """
    import polars as pl

    table = Table(source="input", columns={TIME: _moment()})
    checked = Contract("input", table).check(pl.DataFrame({TIME: [text]}))
    rows = checked.broken["reason"].to_list()
    if not rows and kind == "DATE" and checked.good[TIME][0].time() != datetime.time():
        rows = [f"{TIME} {NO_DAY}"]
    if rows:
        reason = rows[0].removeprefix(f"{TIME} ").split(":")[0]
        raise MlopsError(f"--as-of {reason}: write it as 2026-01-31, or 2026-01-31T08:30:00Z.")
    return checked.good[TIME][0]


def read_asked(
    given: Input,
    sources: Sources,
    keys: dict[str, str],
    as_of: datetime.datetime | None,
    raw: bool,
    place: Path,
) -> int:
    """Write which rows are to be scored, in the order of the output, and which are set aside.

    `asked.parquet` has place, row, file, raw, id and time, each pair of id and time once;
    `aside.parquet` has row, file and reason.

    Parameters
    ----------
    keys : dict of str to str
        `id`, and `time` where the model's rows have one, and their types in DuckDB.
    raw : bool
        Whether raw ids go on, and rows keep their order; otherwise they are sorted, because the
        place of a token would tell whose it is.
    place : Path
        Folder for what is written.

    Returns
    -------
    int
        How many rows were read.
    """
    opened = next((one for room in rooms() if (one := room.open_ids(sources))), None)
    read, aside = place / "read.parquet", place / "broken.parquet"
    total = 0
    with Written(read) as good, Written(aside) as bad:
        for kept, broken in _checked(given, keys, opened):
            good.add(kept)
            bad.add(broken)
            total += len(kept) + len(broken)
    sort = not raw and opened is not None
    time = f", {_literal(as_of)} AS time" if as_of is not None else ""
    time = ", time" if given.timed else time
    named = ", time" if time else ""
    casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in keys.items())
    with connect() as connection:
        connection.execute(f"SET temp_directory = '{_sql(place / 'spilled')}'")
        for name, file in (("read", read), ("broken", aside)):
            connection.read_parquet(str(file)).create_view(name)
        entities = connection.read_parquet(f"data/open/tables/{ENTITIES}.parquet")
        entities.project(f'"{sources.entity.column}" AS id').create_view("known")
        connection.execute(
            f"""
            CREATE TEMP TABLE judged AS
            SELECT row, file, raw, {casts}, CASE
                WHEN id NOT IN (SELECT id FROM known) THEN 'id {UNKNOWN}'
                WHEN row > min(row) OVER (PARTITION BY id{named}) THEN 'id {TWICE}' END AS reason
            FROM (SELECT row, file, raw, id{time} FROM read)
            """
        )
        order = "id" + named if sort else "row"
        connection.sql(
            f"SELECT row_number() OVER (ORDER BY {order}) - 1 AS place, row, file, raw, id{named} "
            "FROM judged WHERE reason IS NULL ORDER BY place"
        ).write_parquet(str(place / "asked.parquet"))
        connection.sql(
            "SELECT row, file, reason FROM judged WHERE reason IS NOT NULL "
            "UNION ALL SELECT row, file, reason FROM broken ORDER BY row"
        ).write_parquet(str(place / "aside.parquet"))
    for file in (read, aside):
        file.unlink()
    return total


def _checked(
    given: Input, keys: dict[str, str], opened: OpenIds | None
) -> "Iterator[tuple[polars.DataFrame, polars.DataFrame]]":
    """Give typed rows (row, file, raw, id, time) and the broken ones (row, file, reason)."""
    import polars as pl

    numbered = {"row": Column(type="integer"), **given.table.columns}
    contract = Contract("input", given.table.model_copy(update={"columns": numbered}))
    last = None
    for file, frame in given.batches():
        if last not in (None, file):
            contract.end(last)
        last = file
        texts = frame[given.id]
        if opened is None:
            already = pl.repeat(False, len(frame), eager=True)
        else:
            already = opened.is_one(texts.cast(pl.String).str.strip_chars()).fill_null(False)
        marks = pl.select(pl.when(~already).then(texts)).to_series().alias(given.id)
        checked = contract.check(frame.with_columns(marks))
        rows = checked.good.join(
            frame.select("row", pl.when(already).then(texts.cast(pl.String).str.strip_chars())
                         .alias("token")), on="row", how="left", maintain_order="left")  # fmt: skip
        ids = rows[given.id]
        made = ids if opened is None else pl.select(
            pl.coalesce(rows["token"], opened.made(ids))).to_series()  # fmt: skip
        shown = pl.select(pl.coalesce(rows["token"], ids.cast(pl.String))).to_series()
        found = pl.DataFrame({"row": rows["row"], "raw": shown, "id": made}).with_columns(
            pl.lit(file.name).alias("file")
        )
        if given.timed:
            found = found.with_columns(rows[TIME])
        reason = pl.when(pl.col("id").is_null()).then(pl.lit(f"id {EMPTY}"))
        if given.timed and keys.get(TIME) == "DATE":
            clock = pl.col(TIME) != pl.col(TIME).dt.truncate("1d")
            reason = reason.when(clock).then(pl.lit(f"{TIME} {NO_DAY}"))
        found = found.with_columns(reason.otherwise(None).cast(pl.String).alias("reason"))
        broken = checked.broken.select(
            pl.col("row").cast(pl.Int64), pl.lit(file.name).alias("file"), "reason"
        )
        worse = found.filter(pl.col("reason").is_not_null()).select("row", "file", "reason")
        good = found.filter(pl.col("reason").is_null()).drop("reason")
        yield good, pl.concat([broken, worse])
    if last is not None:
        contract.end(last)


def _moment() -> Column:
    # A moment in UTC without its zone, as rows have it: with an offset or without.
    return Column(type="datetime")


def _literal(time: datetime.datetime) -> str:
    return f"CAST('{time.isoformat()}' AS TIMESTAMP)"


def _sql(path: Path) -> str:
    return path.as_posix().replace("'", "''")


def _about_input(error: MlopsError) -> MlopsError:
    said = str(error)
    if "sources.yaml" in said or "its table" in said:
        said += (
            " It is the file of --input: no table declares it, so write it as csv (UTF-8, with a "
            "header line), JSON lines or parquet."
        )
    return MlopsError(f"--input: {said}" if not said.startswith("--") else said, error.exit_code)
