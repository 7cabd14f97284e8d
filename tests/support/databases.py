"""A project whose tables stand in a database, and what the tests of every kind do with it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
import yaml
from club import BASE, DEV, PARAMS
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import load_sources
from mlops_kit.data.landing.land import How, land

VARIABLE = "DATABASE_PASSWORD"
MEMBERS = {
    "member_id": {"type": "integer", "unique": True},
    "name": {"type": "string", "nullable": True},
    "changed": {"type": "timestamp", "nullable": True},
}


def written(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: Mapping[str, Any],
    tables: Mapping[str, Any],
    password: str | None = None,
) -> None:
    """Write a project whose source `db` is a database, and make it the cwd."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    if password is not None:
        monkeypatch.setenv(VARIABLE, password)
        source = {**source, "password": {"env": VARIABLE}}
    first = next(iter(tables))
    column = next(iter(tables[first]["columns"]))
    sources = {
        "entity": {"table": first, "column": column},
        "sources": {"db": dict(source)},
        "tables": {name: {"source": "db", "path": name, **one} for name, one in tables.items()},
    }
    for name, one in tables.items():
        if "query" in one:
            del sources["tables"][name]["path"]
    for name, text in {
        "conf/base.yaml": BASE,
        "conf/dev.yaml": DEV,
        "conf/sources.yaml": yaml.safe_dump(sources, sort_keys=False),
        "params.yaml": PARAMS,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def landed(since: str | None = None, limit: int | None = None, full: bool = False) -> list[str]:
    """Land every table of the project; return what is said."""
    return list(land(load_settings(), load_sources(), None, How(since, limit, full)))


def snapshot(table: str) -> pl.DataFrame:
    """Return what was landed of a table."""
    return pl.read_parquet(place(table))


def kept(table: str) -> list[dict[str, Any]]:
    """Return the rows that keep the contract of a landed table, in its types, as pyarrow has them.

    What breaks it fails the test.
    """
    from mlops_kit.data.reading import store

    good = Path("good.parquet")
    told = store(load_sources(), table, [], Path(), good)
    assert dict(told.reasons) == {}
    return pyarrow.parquet.read_table(good).to_pylist()


def place(table: str) -> Path:
    """Return where a table is landed."""
    return Path("data/restricted/landed/dev/db") / f"{table}.parquet"


def left(table: str) -> list[str]:
    """Name what lies beside the snapshot of a table, but for the lock."""
    folder = place(table).parent
    return sorted({one.name for one in folder.iterdir()} - {".lock", f"{table}.parquet"})


def recorded() -> dict[str, Any]:
    """Return what data/inputs.json would say of the tables."""
    from mlops_kit.data.ingest import input_record

    return json.loads(json.dumps(input_record(load_sources())["tables"]))
