"""The data stage: read the sources, check contracts, set broken rows aside, name the entities."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_json, written_beside
from mlops_kit.core.settings import Settings, environment, read_yaml
from mlops_kit.core.utc import connect
from mlops_kit.data.contract import validate
from mlops_kit.data.sources.files import (
    SOURCES_FILE,
    Files,
    Sources,
    files_of,
    load_sources,
    read_tables,
)
from mlops_kit.room import rooms

if TYPE_CHECKING:
    import polars

BUCKETS = 1_000
ENTITIES = "entities"


def input_record(config: Sources) -> dict[str, Any]:
    """What the data stage reads from outside: committed with dvc.lock so that a clone can compare.

    Files are named with size and SHA-256, the sample with its parameters; no value of any row.
    """
    tables: dict[str, Any] = {}
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if isinstance(source, Files) and table.path is not None:
            tables[name] = [
                {"path": file.as_posix(), "size": file.stat().st_size, "sha256": sha256_of(file)}
                for file in files_of(source, name, table.path)
            ]
        else:
            tables[name] = source.model_dump(mode="json")
    return {"environment": environment(), "tables": tables}


def write_input_record(path: Path, config: Sources, more: dict[str, Any] | None = None) -> None:
    """Write the record, and what the rooms add to it, to `path` unless it says that already."""
    import json

    record = input_record(config) | (more or {})
    with contextlib.suppress(OSError, ValueError):
        if json.loads(path.read_text(encoding="utf-8")) == record:
            return
    write_json(path, record)


def ingest(
    settings: Settings,
    tables_folder: Path,
    quarantine_folder: Path,
) -> str:
    """Read, check and store every declared table.

    Each room may leave out what must not come in, such as people who were erased.

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
        One line about what was read.

    Raises
    ------
    MlopsError
        When a table cannot be read or too much of it is broken; the broken rows are then in the
        quarantine, and the tables of the last good run stay as they were.
    """
    started = time.perf_counter()
    config = load_sources()
    limit = settings.data.max_quarantined_share
    read = read_tables(config)
    for room in rooms():
        read = room.before_ingest(read, config)
    checked = {name: validate(name, config.tables[name], frame) for name, frame in read.items()}
    quarantined = {name: broken for name, (_, broken) in checked.items()}
    store_tables(quarantined, quarantine_folder)
    for name, (good, broken) in checked.items():
        total = good.height + broken.height
        if broken.height > limit * total:
            raise MlopsError(
                f'{broken.height:,} of {total:,} rows of table "{name}" break its contract in '
                f"{SOURCES_FILE.as_posix()} (first: {broken['reason'][0]}); the limit is "
                f"{limit:.1%}. Look at {(quarantine_folder / name).as_posix()}.parquet, then mend "
                "the source, the contract, or data.max_quarantined_share in conf/base.yaml."
            )
    tables = {name: good for name, (good, _) in checked.items()}
    tables[ENTITIES] = entities(config, tables[config.entity.table])
    store_tables(tables, tables_folder)
    rows = sum(frame.height for name, frame in tables.items() if name != ENTITIES)
    aside = sum(frame.height for frame in quarantined.values())
    seconds = time.perf_counter() - started
    return f"{len(checked)} tables, {rows:,} rows, {aside:,} set aside ({seconds:.1f} s)"


def entities(config: Sources, table: "polars.DataFrame") -> "polars.DataFrame":
    """List what predictions are about, and whether a split by hash or group holds it out.

    SHA-256(seed, value) modulo 1,000 decides, where value is the entity itself, or, for
    `split.method: group`, the group that must stay together. Decided here, on raw values, and
    passed on as yes or no: a split must not depend on tokens, and must not tell a value.
    """
    params = read_yaml(Path("params.yaml"))
    split = params.get("split") or {}
    column = config.entity.column
    by = split.get("column", column) if split.get("method") in ("hash", "group") else column
    if by not in table.columns:
        raise MlopsError(
            f'params.yaml: split.column is "{by}", which is no column of table '
            f'"{config.entity.table}"; it has {", ".join(table.columns)}.'
        )
    with connect() as connection:
        connection.register("source", table)
        found = connection.sql(
            f"""
            SELECT "{column}", min("{by}") AS value, count(DISTINCT "{by}") AS groups
            FROM source WHERE "{column}" IS NOT NULL
            GROUP BY "{column}"
            """
        ).pl()
        if (found["groups"] > 1).any():
            raise MlopsError(
                f'params.yaml: split.column "{by}" has several values for one "{column}"; '
                "split by a column that is the same for all rows of an entity."
            )
        connection.register("found", found)
        return connection.sql(
            f"""
            SELECT "{column}",
                   CAST(concat('0x', substr(sha256(concat(?, ':', value)), 1, 8)) AS BIGINT)
                       % {BUCKETS} < ? AS held_out
            FROM found ORDER BY "{column}"
            """,
            params=[str(params.get("seed", 0)), BUCKETS * float(split.get("holdout", 0))],
        ).pl()


def store_tables(tables: "dict[str, polars.DataFrame]", folder: Path) -> None:
    """Write `<name>.parquet` for each table, whole or not at all, and remove tables of the past."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        with written_beside(folder / f"{name}.parquet") as beside:
            frame.write_parquet(beside)
    for file in folder.iterdir():
        if file.name not in {f"{name}.parquet" for name in tables}:
            file.unlink()
