"""Whatever is written comes back: random tables in random dialects, against what was written.

READ_FILES says how many tables are written; `make verify` draws 10,000 new ones.
"""

import contextlib
import json
import os
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.data.delimited import DELIMITERS
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.describing.describe import describe
from mlops_kit.data.reading import Reading, store
from raw_tables import DECLARED, YES, RawTable, json_lines, raw_tables

TABLES = int(os.environ.get("READ_FILES", "200"))
QUICK = settings(max_examples=TABLES, deadline=None, suppress_health_check=list(HealthCheck))
SEVERAL_READINGS = re.compile(r"[1-9]\d{0,2}\.\d{3}")


def read(folder: Path, table: RawTable, options: dict[str, Any]) -> tuple[Reading, pl.DataFrame]:
    config = Sources.model_validate(
        {
            "entity": {"table": "t", "column": table.columns[0].name},
            "sources": {"mine": {"kind": "files", "folder": str(folder)}},
            "tables": {
                "t": {"source": "mine", "path": "raw", "columns": table.declared(), **options}
            },
        }
    )
    told = store(config, "t", [], folder, folder / "good.parquet", folder / "broken.parquet")
    return told, pl.read_parquet(folder / "good.parquet")


@QUICK
@given(raw_tables())
def test_a_csv_comes_back_as_it_was_written_or_is_a_question(table: RawTable) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "raw").mkdir()
        table.write(Path(scratch) / "raw")
        try:
            told, kept = read(Path(scratch), table, table.options)
        except MlopsError as error:
            # Only a number that may be read in two ways is asked about.
            numbers = [one for one in table.columns if one.declared["type"] not in ("string",)]
            assert "is 1.5 with a decimal point" in str(error)
            assert "decimal" not in table.options
            assert any(SEVERAL_READINGS.search(text) for one in numbers for text in one.texts)
            return
    assert dict(told.reasons) == {}
    assert kept.rows() == table.rows()
    empty = sum(value is None for row in table.rows() for value in row)
    assert sum(counts.total() for counts in told.missing.values()) == empty


@QUICK
@given(raw_tables(), st.data())
def test_json_lines_come_back_as_they_were_written(table: RawTable, data: st.DataObject) -> None:
    width, height = len(table.columns), len(table.columns[0].values)
    orders = [data.draw(st.permutations(range(width))) for _ in range(height)]
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "raw").mkdir()
        (Path(scratch) / "raw/t.jsonl").write_text(json_lines(table, orders), encoding="utf-8")
        told, kept = read(Path(scratch), table, {"nulls": table.options["nulls"]})
    assert dict(told.reasons) == {}
    assert kept.rows() == table.rows()


def same(kept: Any, value: Any, text: str) -> bool:
    """Whether a cell came back as its value or as it is written; a marker as nothing, or itself."""
    if isinstance(kept, str):
        return kept in (text, text.strip()) or (value is None and kept == "")
    if kept is None or value is None:
        return kept is value or (text in DECLARED and str(kept) in (text, f"{text}.0"))
    if isinstance(kept, bool):
        return kept == (text.lower() in [one.lower() for one in YES])
    if isinstance(kept, int | float | Decimal):
        if isinstance(value, int | float | Decimal):
            return kept in (value, float(value))
        return float(text) == kept  # days of eight digits, texts of digits
    return kept == value or isinstance(value, str)


def is_utf8(content: bytes) -> bool:
    """Whether bytes are letters of UTF-8 beyond ASCII."""
    try:
        return not content.decode().isascii()
    except UnicodeDecodeError:
        return False


@QUICK
@given(raw_tables())
def test_a_described_csv_comes_back_as_it_was_written_or_is_a_question(table: RawTable) -> None:
    given = [] if table.header else [f"header={json.dumps(table.options['header'])}"]
    # No other delimiter is looked for: `~0,0` has two cells by the comma, too.
    # Nor does a delimiter stand in a file of one column: `a,b` over `0,0` has two by the comma.
    known = table.options.get("delimiter", ",") in DELIMITERS
    known &= len(table.columns) > 1 or not any(one in table.columns[0].name for one in DELIMITERS)
    given += [] if known else [f"delimiter={table.options.get('delimiter', ',')}"]
    # Where a backslash only stands before another, nothing tells that it escapes it.
    given += ["escape=\\"] if table.escape else []
    # Nor that a line break stands between two single quotes.
    breaks = any(mark in text for one in table.columns for text in one.texts for mark in "\r\n")
    given += ["quote='"] if table.quote == "'" and (breaks or table.escape) else []
    # Nor who wrote bytes that are letters in UTF-8, too: `Ñ€` of Windows is one of them.
    windows = table.encoding == "cp1252" and any(
        is_utf8(text.encode("cp1252")) for one in table.columns for text in (one.name, *one.texts)
    )
    given += ["encoding=cp1252"] if windows else []
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        Path("raw").mkdir()
        table.write(Path("raw"))
        try:
            found = describe(Path("raw"), given, Asked())
        except MlopsError:
            return  # it refuses, and says what to declare
        if found.made.asked():
            return
        declared = yaml.safe_load(found.files[Path("conf/sources.yaml")])
        config = Sources.model_validate(declared)
        told = store(config, found.made.name, [], Path(), Path("good.parquet"))
        kept = pl.read_parquet("good.parquet")
    assert dict(told.reasons) == {}
    for column in table.columns:
        if column.name not in kept.columns:
            # Told: another one has its name, it has no value, or counts the rows.
            made = found.made
            assert column.name in made.written.unread or made.columns[column.name].left_out
            continue
        for back, value, text in zip(kept[column.name], column.values, column.texts, strict=True):
            assert same(back, value, text), (column.name, back, value, text, declared)
