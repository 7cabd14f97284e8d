"""Cassandra without a server (stub): recorded rows and pages, and errors of the real driver."""

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import cassandra
import pytest
from cassandra import cluster, util
from databases import landed, left, place, snapshot, written
from listening import free_port
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.base import NOT_IN

SECRET = "a-word"  # noqa: S105
COLUMNS = {
    "id": {"type": "string"},
    "day": {"type": "date", "nullable": True},
    "at": {"type": "datetime", "nullable": True},
    "price": {"type": "decimal(12,2)", "nullable": True},
    "tags": {"type": "string", "nullable": True},
    "ints": {"type": "integers", "nullable": True},
}
IDS = [uuid.UUID(int=at) for at in range(3)]
ROWS = [
    {
        "id": one,
        "day": util.Date("1969-12-31"),
        "at": datetime.datetime(2026, 1, 2, 3, 4, 5, 678000),
        "price": Decimal("1.50"),
        "tags": util.sortedset(["b", "a"]),
        "ints": [1, 2],
    }
    for one in IDS
]


class Recorded:
    """A session that gives recorded rows, page by page, and notes what it was asked."""

    def __init__(self, pages: list[Any]) -> None:
        self.pages, self.asked, self.given = pages, [], 0
        self.row_factory: Any = None
        self.default_fetch_size = 0

    def execute(self, query: str) -> Iterator[dict[str, Any]]:
        """Give the rows of each page."""
        self.asked.append(query)
        for page in self.pages:
            if isinstance(page, Exception):
                raise page
            self.given += 1
            yield from page


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """Write a project, and let the driver give a recorded session."""
    one = Recorded([ROWS[:2], ROWS[2:]])

    class Cluster:
        def __init__(self, hosts: list[str], **options: Any) -> None:
            assert (hosts, options["port"]) == (["a.test", "b.test"], 9043)
            assert options["auth_provider"].password == SECRET

        def connect(self, keyspace: str) -> Recorded:
            assert keyspace == "shop"
            return one

        def shutdown(self) -> None:
            one.closed = True  # type: ignore[attr-defined]

    monkeypatch.setattr(cluster, "Cluster", Cluster)
    address = "cassandra://reader@a.test:9043,b.test:9043/shop"
    source = {"kind": "cassandra", "address": address, "retries": 0, "batch": 2}
    table = {"t": {"path": "Orders", "columns": COLUMNS, "key": ["id"]}}
    written(tmp_path, monkeypatch, source, table, SECRET)
    yield one
    assert one.closed  # type: ignore[attr-defined]


def test_recorded_rows_of_two_pages_arrive_in_types_of_the_contract(session: Recorded) -> None:
    assert landed()[0].startswith("t: 3 rows from db")
    assert session.asked == ['SELECT "id", "day", "at", "price", "tags", "ints" FROM "Orders"']
    assert (session.default_fetch_size, session.given) == (2, 2)
    first = snapshot("t").to_dicts()[0]
    assert first == {
        "id": str(IDS[0]),
        "day": datetime.date(1969, 12, 31),
        "at": ROWS[0]["at"],
        "price": Decimal("1.50"),
        "tags": '["a", "b"]',
        "ints": [1, 2],
    }


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (cassandra.Unauthorized("no"), "does not permit it"),
        (cassandra.InvalidRequest("unconfigured table"), "or the columns (unconfigured table)"),
        (cassandra.OperationTimedOut(), "does not answer, or broke off"),
        (cassandra.AuthenticationFailed("bad"), f"{NOT_IN} (bad)"),
        (
            cluster.NoHostAvailable("none", {"a.test": cassandra.AuthenticationFailed("bad")}),
            f"{NOT_IN} (bad)",
        ),
        (cluster.NoHostAvailable("none", {"a.test": OSError("refused")}), "does not answer"),
    ],
)
def test_an_error_after_the_first_page_is_one_sentence_and_nothing_is_landed(
    session: Recorded, error: Exception, why: str
) -> None:
    session.pages = [ROWS[:2], error]
    with pytest.raises(MlopsError) as caught:
        landed()
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not place("t").exists()
    assert left("t") == []


def test_nobody_there_is_told_by_the_real_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"kind": "cassandra", "address": f"cassandra://127.0.0.1:{free_port()}/shop"}
    table = {"t": {"columns": COLUMNS, "key": ["id"]}}
    written(tmp_path, monkeypatch, source | {"retries": 0}, table)
    with pytest.raises(MlopsError, match=r"^db \(cassandra://127.0.0.1:\d+/shop\) does not answer"):
        landed()
