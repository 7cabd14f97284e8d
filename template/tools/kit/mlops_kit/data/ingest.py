"""The data stage: read the sources, check contracts, set broken rows aside, name the entities."""

import contextlib
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml, sha256_of, write_json, written_beside
from mlops_kit.core.settings import Settings, environment
from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, Files, Landed, Sources, load_sources
from mlops_kit.data.contracts.declared import in_order
from mlops_kit.data.landing.snapshot import read_to, stale
from mlops_kit.data.reading import READING_FILE, Reading, store
from mlops_kit.data.shared_keys import shared_keys
from mlops_kit.data.sources.files import find
from mlops_kit.data.storage import raw
from mlops_kit.data.storage.raw import recorded
from mlops_kit.room import rooms

BUCKETS = 1_000
MEMORY = "128MB"
ENTITIES = "entities"


def input_record(config: Sources) -> dict[str, Any]:
    """What the data stage reads from outside: committed with dvc.lock so that a clone can compare.

    Files are named with size and SHA-256, the sample with its parameters, a landed snapshot with
    the cursor that it was read to; no other value of any row, and no folder of this machine.
    """
    tables: dict[str, Any] = {}
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if not isinstance(source, Files):
            tables[name] = source.model_dump(mode="json")
            continue
        found = find(source, name, table)
        tables[name] = [
            {
                "path": recorded(source, file),
                "size": file.stat().st_size,
                "sha256": sha256_of(file),
                **(read_to(file) if isinstance(source, Landed) else {}),
            }
            for file in found.files
        ]
        tables[name] += [{"path": recorded(source, file), "read": False} for file in found.not_read]
    return {"environment": environment(), "tables": tables}


def write_input_record(
    path: Path, config: Sources, settings: Settings, more: dict[str, Any] | None = None
) -> None:
    """Write the record, and what the rooms add to it, to `path` unless it says that already.

    Raises
    ------
    MlopsError
        When raw files are not those that this environment recorded.
    """
    import json

    record = input_record(config) | (more or {})
    unlisted = raw.check(settings, config, record["tables"])
    with contextlib.suppress(OSError, ValueError):
        if json.loads(path.read_text(encoding="utf-8")) == record:
            return
    if unlisted:
        raw.tell_unlisted()
    write_json(path, record)


def ingest(
    settings: Settings,
    tables_folder: Path,
    quarantine_folder: Path,
) -> str:
    """Read, check and store every declared table, some rows at a time.

    Each room may leave out what must not come in, such as people who were erased. What was read,
    what was not, and what is missing goes to reports/data/reading.json: counts and names.

    Parameters
    ----------
    settings : Settings
        Gives the share of rows that may break a contract.
    tables_folder : Path
        Receives `<table>.parquet` with the rows that keep their contract, and
        `entities.parquet`: one row per entity, and whether a split by hash or group holds it out.
    quarantine_folder : Path
        Receives `<table>.parquet` with the broken rows and their `reason`.

    Returns
    -------
    str
        One line about what was read, and one of each table of which something is to be told.

    Raises
    ------
    MlopsError
        When a table cannot be read or too much of it is broken; the broken rows are then in the
        quarantine, and the tables of the last good run stay as they were.
    """
    started = time.perf_counter()
    config = load_sources()
    check_apart(config, (tables_folder, quarantine_folder))
    if raw.listed(environment()) is not None:  # DVC may have been called by itself
        raw.check(settings, config, input_record(config)["tables"])
    limit = settings.data.max_quarantined_share
    leave_out = [room.before_ingest(config) for room in rooms()]
    told: dict[str, Reading] = {}
    with ExitStack() as stack:
        beside = {}
        for name in in_order(config):
            good = tables_folder / f"{name}.parquet"
            beside[name] = stack.enter_context(written_beside(good))
            with written_beside(quarantine_folder / f"{name}.parquet") as broken:
                place = quarantine_folder
                told[name] = store(config, name, leave_out, place, beside[name], broken, beside)
        told = {name: told[name] for name in config.tables}
        remove_others(quarantine_folder, config.tables)
        for name, reading in told.items():
            reading.check(limit, quarantine_folder / f"{name}.parquet")
        entity = stack.enter_context(written_beside(tables_folder / f"{ENTITIES}.parquet"))
        write_entities(config, beside[config.entity.table], entity)
        twice = list(shared_keys(config, beside, quarantine_folder / ".shared.tmp"))
    remove_others(tables_folder, [*config.tables, ENTITIES])
    records = {name: reading.record() for name, reading in told.items()}
    shared = {"shared": [one._asdict() for one in twice]} if twice else {}
    write_json(READING_FILE, {"schema": 1, "tables": records} | shared)
    rows = sum(reading.good for reading in told.values())
    aside = sum(reading.broken for reading in told.values())
    seconds = time.perf_counter() - started
    line = (
        f"{counted(len(told), 'table')}, {counted(rows, 'row')}, {aside:,} set aside "
        f"({seconds:.1f} s)"
    )
    said = [*stale(config), *(one for reading in told.values() for one in reading.said())]
    return "\n".join([line, *said, *(one.said() for one in twice if one.alike)])


def write_entities(config: Sources, table: Path, target: Path) -> None:
    """List what predictions are about, and whether a split by hash or group holds it out.

    SHA-256(seed, value) modulo 1,000 decides, where value is the entity itself, or, for
    `split.method: group`, the group that must stay together. Decided here, on raw values, and
    passed on as yes or no: a split must not depend on tokens, and must not tell a value. A split
    of another kind holds nobody out here: a SHA-256 of each is half of this stage.
    """
    params = read_yaml(Path("params.yaml"))
    split = params.get("split") or {}
    column = config.entity.column
    drawn = split.get("method") in ("hash", "group")
    by = split.get("column", column) if drawn else column
    columns = _columns(table)
    if by not in columns:
        raise MlopsError(
            f'params.yaml: split.column is "{by}", which is no column of table '
            f'"{config.entity.table}"; it has {", ".join(columns)}.'
        )
    key = quoted(column)
    alone = config.tables[config.entity.table].columns[column].unique
    # Neither the entities nor their order need fit in memory.
    with connect(spill=target.with_name(".spilled.tmp"), memory=MEMORY) as connection:
        connection.read_parquet(str(table)).create_view("source")
        if (
            by != column
            and not alone
            and connection.execute(
                f"""
            SELECT 1 FROM source WHERE {key} IS NOT NULL
            GROUP BY {key} HAVING min({quoted(by)}) <> max({quoted(by)}) LIMIT 1
            """
            ).fetchall()
        ):
            raise MlopsError(
                f'params.yaml: split.column "{by}" has several values for one "{column}"; '
                "split by a column that is the same for all rows of an entity."
            )
        held_out, given = "false", []
        if drawn:
            held_out = f"""CAST(concat('0x', substr(sha256(concat(?, ':', value)), 1, 8)) AS BIGINT)
                           % {BUCKETS} < ?"""
            given = [str(params.get("seed", 0)), BUCKETS * float(split.get("holdout", 0))]
        connection.sql(
            f"""
            SELECT {key}, {held_out} AS held_out
            FROM (
                SELECT {key}, {quoted(by) if alone else f"min({quoted(by)})"} AS value
                FROM source WHERE {key} IS NOT NULL {"" if alone else f"GROUP BY {key}"}
            ) ORDER BY {key}
            """,
            params=given,
        ).write_parquet(str(target), compression="zstd")


def remove_others(folder: Path, tables: Iterable[str]) -> None:
    """Remove the tables of the past."""
    for file in folder.iterdir():
        if file.name not in {f"{name}.parquet" for name in tables} and file.suffix != ".tmp":
            file.unlink()


def check_apart(config: Sources, written: Iterable[Path]) -> None:
    """Refuse to write where raw data are read: what stands there belongs to somebody else."""
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if not isinstance(source, Files):
            continue
        place = source.place(name, table)
        for folder in written:
            if place.is_dir() and folder.resolve().is_relative_to(place.resolve()):
                raise MlopsError(
                    f'{SOURCES_FILE.as_posix()}: table "{name}" reads all of '
                    f"{place.as_posix()}, where the pipeline writes "
                    f"{folder.as_posix()}; put the raw files into a folder of their own."
                )


def _columns(table: Path) -> list[str]:
    import pyarrow.parquet

    return list(pyarrow.parquet.read_schema(table).names)
