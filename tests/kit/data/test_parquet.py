"""What grows row by row: a dictionary where values repeat, columns where there are no rows."""

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlops_kit.data.parquet import Growing

ROWS = pa.table(
    {
        "id": range(1_000),
        "price": [Decimal(n) / 100 for n in range(1_000)],
        "town": [f"town {n % 7}" for n in range(1_000)],
        "day": [datetime.date(2024, 1, 1 + n % 28) for n in range(1_000)],
        "tags": [[f"tag {n % 3}"] for n in range(1_000)],
        "nothing": pa.nulls(1_000),
        "kind": pa.array([f"kind {n % 2}" for n in range(1_000)]).dictionary_encode(),
    }
)


def by_dictionary(file: Path) -> set[str]:
    """Return the columns whose first part has a dictionary."""
    group = pq.read_metadata(file).row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    return {one.path_in_schema.split(".")[0] for one in columns if one.has_dictionary_page}


def test_only_what_repeats_has_a_dictionary(tmp_path: Path) -> None:
    with Growing(tmp_path / "rows.parquet") as file:
        file.add(ROWS.slice(0, 0))  # what has no rows says nothing of them
        for at in range(0, 1_000, 250):
            file.add(ROWS.slice(at, 250))
    assert file.rows == 1_000
    assert by_dictionary(tmp_path / "rows.parquet") == {"town", "day", "kind"}
    assert pq.read_table(tmp_path / "rows.parquet").equals(ROWS)


def test_a_file_without_rows_has_its_columns_and_what_it_says(tmp_path: Path) -> None:
    with Growing(tmp_path / "none.parquet", ROWS.schema) as file:
        file.says({b"read to": "7"})
    assert pq.read_schema(tmp_path / "none.parquet").remove_metadata().equals(ROWS.schema)
    assert pq.read_metadata(tmp_path / "none.parquet").metadata[b"read to"] == b"7"
    with Growing(tmp_path / "first.parquet") as file:
        file.add(ROWS.slice(0, 0))
    assert pq.read_schema(tmp_path / "first.parquet").equals(ROWS.schema)


def test_nothing_is_opened_for_rows_that_never_came(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="source"), Growing(tmp_path / "no.parquet", ROWS.schema):
        raise OSError("source")
    assert not list(tmp_path.iterdir())
