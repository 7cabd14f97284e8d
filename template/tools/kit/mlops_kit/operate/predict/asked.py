"""The rows that are asked for, read exactly, with ids of the open zone; others are set aside."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import open_table
from mlops_kit.data.config import Column, Files, Sources, Table
from mlops_kit.data.contract import EMPTY, Contract
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.data.reading import Written
from mlops_kit.data.sources import files
from mlops_kit.data.values.cast import as_text
from mlops_kit.data.values.missing import where
from mlops_kit.room import OpenIds, rooms

if TYPE_CHECKING:
    import polars

TIME = "time"
ROW = "_row"
TWICE = "is asked for before"
NO_DAY = "has a time of day, and the model learned from days"
NOT_RAW = "is a token, and scores inside data/restricted have raw ids"


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
        """Give its rows as they came, some at a time, with their place, from 1."""
        start = 1
        try:
            for file, frames in files.read(self.source, "input", self.table):
                assert file is not None
                for frame in frames:
                    yield file, frame.with_row_index(ROW, start)
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
        columns = files.shown(found, table, list(dict.fromkeys([entity.column, "id", TIME])))
    except MlopsError as error:
        raise _about_input(error) from error
    ids = [name for name in columns if name != TIME]
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
    horizons: list[int] | None = None,
) -> int:
    """Write which rows are to be scored, in the order of the output, and which are set aside.

    `asked.parquet` has place, row, file, id, time and raw (where asked), each id and time once;
    `aside.parquet` has row, file and reason.

    Parameters
    ----------
    keys : dict of str to str
        `id`, and `time` where the model's rows have one, and their types in DuckDB.
    raw : bool
        Whether raw ids go on, and rows keep their order. Tokens are sorted: the place of a token
        would tell whose it is.
    place : Path
        Folder for what is written.
    horizons : list of int, optional
        Each row that is read asks for these.

    Returns
    -------
    int
        How many rows were asked for: those read, times the horizons.
    """
    opened = next((one for room in rooms() if (one := room.open_ids(sources))), None)
    read, broken = place / "read.parquet", place / "broken.parquet"
    total = 0
    with Written(read) as good, Written(broken) as bad:
        for kept, aside in _checked(given, keys, opened, raw):
            good.add(kept)
            bad.add(aside)
            total += len(kept) + len(aside)
    moment = f", CAST('{as_of.isoformat()}' AS TIMESTAMP) AS time" if as_of else ""
    keys = {name: kind for name, kind in keys.items() if name != "horizon"}
    typed = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in keys.items())
    shown = "raw, " if raw else ""
    named = ", ".join(keys)
    each = f"(SELECT unnest({horizons or [1]}::BIGINT[]) AS horizon)"
    strange, twice = f"{given.id} is not in {sources.entity.table}", f"{given.id} {TWICE}"
    with connect(spill=place / "spilled") as connection:
        connection.read_parquet(str(read)).create_view("read")
        connection.read_parquet(str(broken)).create_view("broken")
        known = connection.read_parquet(open_table(ENTITIES).as_posix())
        known.project(f"{quoted(sources.entity.column)} AS id").create_view("known")
        connection.execute(
            f"""
            CREATE TEMP TABLE judged AS
            SELECT row, file, {shown} {typed}, CASE
                WHEN id NOT IN (SELECT id FROM known) THEN {literal(strange)}
                WHEN row > min(row) OVER (PARTITION BY {named}) THEN {literal(twice)}
                END AS reason
            FROM (SELECT *{moment} FROM read)
            """
        )
        order = "row" if raw or opened is None else named
        connection.sql(
            f"SELECT row_number() OVER (ORDER BY {order}, horizon) - 1 AS place, row, file, "
            f"{shown} {named}{', horizon' if horizons else ''} FROM judged, {each} "
            "WHERE reason IS NULL ORDER BY place"
        ).write_parquet(str(place / "asked.parquet"))
        connection.sql(
            f"SELECT row, file, reason FROM judged, {each} WHERE reason IS NOT NULL "
            f"UNION ALL SELECT row, file, reason FROM broken, {each} ORDER BY row"
        ).write_parquet(str(place / "aside.parquet"))
    read.unlink()
    broken.unlink()
    return total * len(horizons or [1])


def _checked(
    given: Input, keys: dict[str, str], opened: OpenIds | None, raw: bool
) -> "Iterator[tuple[polars.DataFrame, polars.DataFrame]]":
    """Give typed rows (row, file, id, time, raw) and those set aside (row, file, reason)."""
    import polars as pl

    numbered = {ROW: Column(type="integer"), **given.table.columns}
    contract = Contract("input", given.table.model_copy(update={"columns": numbered}))
    last = None
    for file, frame in given.batches():
        if last not in (None, file):
            contract.end(last)
        last = file
        texts = as_text(frame[given.id]).str.strip_chars()
        tokens = where(opened.is_one(texts), texts) if opened else texts.clear(len(texts))
        checked = contract.check(frame.with_columns(where(tokens.is_null(), frame[given.id])))
        tokens = tokens.filter(frame[ROW].is_in(checked.good[ROW].implode()))
        ids = checked.good[given.id]
        made = opened.made(ids) if opened else ids
        rows = pl.DataFrame(
            {
                "row": checked.good[ROW],
                "file": pl.repeat(file.name, len(ids), dtype=pl.String, eager=True),
                "id": pl.select(pl.coalesce(tokens, made)).to_series() if opened else made,
                **({TIME: checked.good[TIME]} if given.timed else {}),
                **({"raw": ids} if raw else {}),
            }
        )
        why = pl.when(pl.col("id").is_null()).then(pl.lit(f"{given.id} {EMPTY}"))
        if raw:
            why = why.when(tokens.is_not_null()).then(pl.lit(f"{given.id} {NOT_RAW}"))
        if given.timed and keys.get(TIME) == "DATE":
            clock = pl.col(TIME) != pl.col(TIME).dt.truncate("1d")
            why = why.when(clock).then(pl.lit(f"{TIME} {NO_DAY}"))
        rows = rows.with_columns(why.otherwise(None).cast(pl.String).alias("reason"))
        aside = [rows.filter(pl.col("reason").is_not_null()), checked.broken.with_columns(
            pl.col(ROW).cast(pl.Int64).alias("row"), pl.lit(file.name).alias("file"))]  # fmt: skip
        kept = rows.filter(pl.col("reason").is_null()).drop("reason")
        yield kept, pl.concat([one.select("row", "file", "reason") for one in aside])
    if last is not None:
        contract.end(last)


def _moment() -> Column:
    # A moment in UTC without its zone, as rows have it: with an offset or without.
    return Column(type="datetime")


def _about_input(error: MlopsError) -> MlopsError:
    said = str(error)
    if "sources.yaml" in said or "its table" in said:
        said += (
            " It is the file of --input, which no table declares: write it as csv (UTF-8, with a "
            "header line), JSON lines or parquet."
        )
    return MlopsError(said if said.startswith("--input") else f"--input: {said}", error.exit_code)
