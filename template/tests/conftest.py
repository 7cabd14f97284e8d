"""A shop small enough to check by hand, for the examples in test_features.py."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml


@pytest.fixture
def params() -> dict[str, Any]:
    """The `features:` section of params.yaml."""
    return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["features"]


@pytest.fixture
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two customers in 2025: customer 1 buys product 7 each month, customer 2 bought once."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")  # as in the pipeline
    connection.execute(
        "CREATE TABLE customers (customer_id BIGINT, segment TEXT, signup_date DATE)"
    )
    connection.execute("INSERT INTO customers VALUES (1, 'loyal', '2024-12-01')")
    connection.execute("INSERT INTO customers VALUES (2, 'occasional', '2024-12-15')")
    connection.execute("CREATE TABLE products (product_id BIGINT, category TEXT, price DOUBLE)")
    connection.execute("INSERT INTO products VALUES (7, 'ovens', 100.0), (8, 'fans', 20.0)")
    connection.execute(
        "CREATE TABLE orders (line_id BIGINT, order_id BIGINT, customer_id BIGINT, "
        "product_id BIGINT, ordered_at TIMESTAMP, quantity BIGINT, unit_price DOUBLE)"
    )
    lines = [(month, month, 1, 7, _noon(month, 10), 1, 100.0) for month in range(1, 13)]
    lines.append((13, 13, 2, 8, _noon(1, 20), 2, 20.0))
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", lines)
    yield connection
    connection.close()


def _noon(month: int, day: int) -> datetime.datetime:
    return datetime.datetime(2025, month, day, 12)
