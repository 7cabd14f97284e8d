"""A clock that jumps, either way, neither clears an alarm nor takes rows away; memory is flat."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from mlops_kit.operate.monitor.judging.windows import Days
from mlops_kit.operate.monitor.monitor import oldest_kept, until
from mlops_kit.operate.monitor.served import BATCH, MOST_DAYS, Served, batches

FIRST, LAST = np.datetime64("2025-01-01"), np.datetime64("2025-03-01")
ROWS = (LAST - FIRST).astype(int) + 1


def served() -> Served:
    """Rows of sixty days, logged on the day that they are of."""
    return Served(Days(FIRST, np.ones(ROWS)), LAST, [], {})


@pytest.mark.parametrize("clock", ["2025-01-10", "2024-01-01", "1970-01-01"])
def test_a_clock_that_jumped_back_is_told_and_the_last_rows_are_looked_at(clock: str) -> None:
    found = served()
    days, at, _ = until(found, None, datetime.date.fromisoformat(clock))
    assert days.first + at == LAST
    assert "one of the two clocks is wrong" in found.notes[0]


def test_today_is_not_over_and_is_judged_tomorrow() -> None:
    found = served()
    days, at, gap = until(found, None, datetime.date(2025, 3, 1))
    assert (days.first + at, gap, found.notes) == (LAST - 1, 0, [])


def test_a_clock_that_jumped_ahead_asks_for_no_more_days_than_are_kept() -> None:
    days, at, gap = until(served(), None, datetime.date(9999, 1, 1))
    assert at == ROWS - 1 + MOST_DAYS and days.rows.size == at + 1
    assert gap > 10**6  # which is an alarm: silent
    # Nothing is cleared away for it.
    assert oldest_kept(days, 30) == (LAST - 30).astype(int)


def test_a_part_is_read_in_pieces_however_many_rows_it_has(tmp_path: Path) -> None:
    file, random = tmp_path / "part.parquet", np.random.default_rng(0)
    table = pa.table({"a": random.random(8 * BATCH), "b": random.random(8 * BATCH)})
    pyarrow.parquet.write_table(table, file, row_group_size=BATCH)
    del table
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() - before for _ in batches(file))
    assert most < file.stat().st_size / 2
