"""Stores that are no SQL databases: the shop from each of them, and what is said when one fails.

Real: Redis (Valkey 9), GraphQL (strawberry). Emulators: DynamoDB (moto, which lets everybody in),
MongoDB (mongoeco: a small shop). Compatible: Neo4j (ArcadeDB over Bolt).
"""

import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import shop_elsewhere
import yaml
from databases import VARIABLE, kept, landed, left, place, snapshot, written
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import load_sources
from mlops_kit.data.landing import seeding
from mlops_kit.data.sources import objects
from running import Project
from stages import command, pipeline
from stores import PASSWORD, STORES, Store

TASK = "classification"
KEYS = {
    "customers": "customer_id",
    "products": "product_id",
    "orders": "line_id",
    "oracle": "customer_id, time",
}
COLUMNS = {
    "member_id": {"type": "integer", "unique": True},
    "name": {"type": "string", "nullable": True},
    "changed": {"type": "string", "nullable": True},
}
MEMBERS = {"columns": COLUMNS, "cursor": "changed", "key": ["member_id"]}
MEMBER_ROWS = pl.DataFrame(
    {
        "member_id": range(1, 101),
        "name": [f"m{at} ñ 你好" for at in range(1, 101)],
        "changed": [f"2026-01-01T00:{at // 60:02}:{at % 60:02}" for at in range(1, 101)],
    }
)


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    one = STORES[request.param]()
    one.start()
    yield one
    one.close()


def declared(store: Store, table: dict[str, Any], name: str = "members") -> dict[str, Any]:
    return {name: {"path": store.path(name), **table}}


@pytest.fixture
def members(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Write a project whose table `members` is in the store, with a hundred rows."""
    store.fill({"members": MEMBER_ROWS})
    source = store.source() | {"retries": 0}
    written(tmp_path, monkeypatch, source, declared(store, MEMBERS), PASSWORD)
    return store


def test_rows_come_once_and_only_new_and_changed_ones_later(members: Store) -> None:
    assert landed()[0].startswith("members: 100 rows from db")
    assert snapshot("members").sort("member_id").equals(MEMBER_ROWS)
    assert landed()[0].startswith("members: nothing new from db")
    changed = MEMBER_ROWS.with_columns(
        name=pl.when(pl.col("member_id") == 7).then(pl.lit("new")).otherwise(pl.col("name")),
        changed=pl.when(pl.col("member_id") == 7)
        .then(pl.lit("2026-02-01T00:00:00"))
        .otherwise(pl.col("changed")),
    )
    later = pl.DataFrame({"member_id": [200, 201], "name": ["later", None],
                          "changed": ["2026-02-02T00:00:00", None]})  # fmt: skip
    members.fill({"members": pl.concat([changed, later])})
    # The highest of before comes again, and rows without a cursor each time.
    assert landed()[0].startswith("members: 2 new and 2 changed rows, 102 in all")
    rows = snapshot("members").sort("member_id")
    assert rows.equals(pl.concat([changed, later]))
    assert left("members") == []


def test_a_server_that_is_killed_leaves_nothing_half_done_and_the_next_read_is_whole(
    members: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed()
    before = place("members").read_bytes()
    more = pl.concat([MEMBER_ROWS, MEMBER_ROWS.with_columns(pl.col("member_id") + 100)])
    members.fill({"members": more})
    file = Path("conf/sources.yaml")
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    declared["sources"]["db"]["batch"] = 10
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    with monkeypatch.context() as patch:
        made = objects.batches
        patch.setattr(
            "mlops_kit.data.sources.objects.batches",
            lambda rows, *more: made(_killing(members, rows), *more),
        )
        with pytest.raises(MlopsError, match="does not answer, or broke off") as caught:
            landed(full=True)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert place("members").read_bytes() == before
    members.start()
    assert landed(full=True)[0].startswith("members: 200 rows from db")
    assert snapshot("members")["member_id"].sort().to_list() == list(range(1, 201))
    assert left("members") == []


def _killing(store: Store, rows: Any) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if number == 8:
            store.kill()
        yield row


def test_nobody_there_a_wrong_password_and_no_such_table_are_one_sentence_each(
    members: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> str:
        with pytest.raises(MlopsError) as caught:
            landed()
        said = str(caught.value)
        assert caught.value.exit_code == 3
        assert "\n" not in said
        assert PASSWORD not in said
        assert not place("members").exists()
        return said

    if members.keeps_password:
        monkeypatch.setenv(VARIABLE, "wrong")
        assert "does not let this user in" in refused()
        monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.delenv(VARIABLE)
    assert f"needs the environment variable {VARIABLE}" in refused()
    monkeypatch.setenv(VARIABLE, PASSWORD)
    source = members.source() | {"retries": 0}
    gone = {"members": {**MEMBERS, "path": members.path("nowhere")}}
    written(tmp_path, monkeypatch, source, gone, PASSWORD)
    said = refused()
    assert any(word in said for word in ("has no collection", "no such table", "has no rows",
                                         "Cannot query field"))  # fmt: skip
    columns = COLUMNS | {"nmae": {"type": "string", "nullable": True}}
    wrong = declared(members, {"columns": columns})
    written(tmp_path, monkeypatch, source, wrong, PASSWORD)
    said = refused()
    assert 'no column "nmae": it has "name"' in said or "nmae" in said
    closed = json.loads(json.dumps(source).replace(str(members.port), str(members.other + 1)))
    written(tmp_path, monkeypatch, closed, declared(members, MEMBERS), PASSWORD)
    assert "does not answer" in refused()


def test_sources_test_looks_at_connection_permission_and_clock(members: Store) -> None:
    config = load_sources()
    source: Any = config.sources["db"]
    looked = {one.what: one for one in source.examined("db")}
    assert looked["connection"].well
    assert PASSWORD not in looked["connection"].said
    assert "permission" in looked
    if members.kind != "dynamodb":
        assert looked["clock"].well, looked["clock"].said
    if members.kind == "redis":  # whoever has the password may do all
        assert not looked["permission"].well


KINDS = {
    "id": "integer",
    "exact": "decimal(38,10)",
    "at": "timestamptz",
    "day": "date",
    "yes": "boolean",
    "share": "number",
    "text": "string",
    "empty": "string",
    "ints": "integers",
    "long": "string",
}


def test_each_type_arrives_as_it_was_written(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.datetime(1969, 12, 31, 23, 59, 58, 123000, datetime.UTC)
    row: dict[str, Any] = {
        "id": store.largest,
        "exact": Decimal("123456789012345678901234.0123456789"),
        "at": moment,
        "day": datetime.date(1815, 12, 10),
        "yes": True,
        "share": 0.1 + 0.2,
        "text": "🙂 ñ 你好 \n 'x' \"y\"",
        "empty": "",
        "ints": [3, -5],
        "long": "ä" * (store.longest // 2),
    }
    nothing: dict[str, Any] = dict.fromkeys(row) | {"id": -1, "yes": False}
    schema = {"exact": pl.Decimal(38, 10)}
    table = pl.DataFrame([row, nothing], schema_overrides=schema, infer_schema_length=None)
    store.fill({"kinds": table})
    declared = {name: {"type": KINDS[name], "nullable": True} for name in row}
    columns = {"kinds": {"path": store.path("kinds"), "columns": declared, "key": ["id"]}}
    written(tmp_path, monkeypatch, store.source() | {"retries": 0}, columns, PASSWORD)
    landed()
    made = snapshot("kinds").to_dicts()
    assert made == [nothing, row]
    wrong = {"kinds": columns["kinds"] | {"columns": declared | {"text": {"type": "integer"}}}}
    written(tmp_path, monkeypatch, store.source() | {"retries": 0}, wrong, PASSWORD)
    with pytest.raises(MlopsError, match='A value of "text" of kinds of db is a str') as caught:
        landed(full=True)
    assert "🙂" not in str(caught.value)
    assert snapshot("kinds").to_dicts() == [nothing, row]


NESTED = {
    "id": "integer",
    "clock": "time",
    "blob": "binary",
    "tags": "list<string>",
    "sizes": "list<integer>",
    "home": "struct<street: string, price: decimal(4,2), no: integer>",
    "doc": "json",
}


def test_what_stands_inside_keeps_the_types_that_a_contract_gives_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row: dict[str, Any] = {
        "id": 1,
        "clock": datetime.time(23, 59, 59, 999999),
        "blob": b"\x00\xffAB",
        "tags": ["a", "ñ 🙂", "", '"b", c'],
        "sizes": [3, -5],
        "home": {"street": "x", "price": Decimal("1.10"), "no": store.largest},
        "doc": {"a": 1, "b": {"c": "x"}},
    }
    nothing: dict[str, Any] = dict.fromkeys(row) | {"id": 2}
    table = pl.DataFrame([row, nothing], infer_schema_length=None)
    store.fill({"kinds": table})
    columns = {name: {"type": kind, "nullable": name != "id"} for name, kind in NESTED.items()}
    declared = {"kinds": {"path": store.path("kinds"), "columns": columns, "key": ["id"]}}
    written(tmp_path, monkeypatch, store.source() | {"retries": 0}, declared, PASSWORD)
    landed()
    made = kept("kinds")
    made[0]["doc"] = json.loads(made[0]["doc"])
    assert made == [row, nothing]


OF_SHOP: dict[Any, str] = {
    pl.Int64: "integer", pl.Float64: "number", pl.Date: "date", pl.Datetime: "datetime",
    pl.List: "integers", pl.String: "string",
}  # fmt: skip


def test_the_sample_is_written_where_it_can_be_and_over_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"customers": 40, "products": 20, "order_lines": 300}
    made = shop_elsewhere.tables(store.size or few)
    made = {name: made[name] for name in store.holds}
    monkeypatch.setattr(seeding, "shop_of", lambda _: made)
    monkeypatch.chdir(tmp_path)
    address = store.source()["address"]
    if store.kind not in ("redis", "mongodb"):
        with pytest.raises(MlopsError, match="no source here that could do this"):
            list(seeding.seed(address))
        return
    store.fill({})
    monkeypatch.setenv("SHOP_PASSWORD" if store.kind == "mongodb" else "REDIS_PASSWORD", PASSWORD)
    said = list(seeding.seed(address))
    assert said[0] == f"customers: {len(made['customers']):,} rows"
    assert PASSWORD not in said[-1]
    with pytest.raises(MlopsError, match="already, and nothing was written"):
        list(seeding.seed(address))
    for name, rows in made.items():
        columns = {
            one: {"type": OF_SHOP[kind.base_type()], "nullable": True}
            for one, kind in rows.schema.items()
        }
        key = [one.strip() for one in KEYS[name].split(",")]
        declared = {name: {"path": store.path(name), "columns": columns, "key": key}}
        written(tmp_path, monkeypatch, store.source() | {"retries": 0}, declared, PASSWORD)
        landed()
        assert kept(name) == rows.sort(key).to_dicts()


@pytest.fixture(scope="module")
def shops(store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Project]:
    """Return the shop embedded and in the store, each through the whole pipeline."""
    embedded = shop_elsewhere.project_of(
        tmp_path_factory.mktemp("embedded") / "shop", TASK, store.size
    )
    pipeline(embedded)
    folder = tmp_path_factory.mktemp(store.kind) / "shop"
    project = shop_elsewhere.project_of(
        folder, TASK, store.size, data_sources=["sample", store.kind]
    )
    made = shop_elsewhere.tables(store.size)
    store.fill({name: made[name] for name in store.holds})
    source = store.source() | {"password": {"file": "store"}}

    def of_table(name: str) -> str:
        return f"path: '{store.path(name)}'\nkey: [{KEYS[name]}]"

    shop_elsewhere.move(project, json.dumps(source), of_table, store.holds)
    (project.path / ".secrets").mkdir(exist_ok=True)
    (project.path / ".secrets/store").write_text(PASSWORD + "\n", encoding="utf-8")
    done = command(project, "data ingest")
    assert done.returncode == 0, done.stderr
    store.kill()  # the pipeline opens no connection
    pipeline(project)
    store.start()
    return embedded, project


def test_the_shop_of_each_store_gives_the_features_of_the_sample(
    shops: tuple[Project, Project],
) -> None:
    embedded, project = shops
    expected, made = shop_elsewhere.features(embedded), shop_elsewhere.features(project)
    assert len(expected) > 30
    assert made.equals(expected)
    assert made.schema == expected.schema
    said, same = (
        pl.read_parquet(one.path / "data/open/predictions.parquet").filter(
            pl.col("system") != "oracle"
        )
        for one in (project, embedded)
    )
    assert said.equals(same)
