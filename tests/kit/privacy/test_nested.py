"""What stands inside of lists, structs, JSON and bytes is searched, or stays behind."""

import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet
import pytest
import yaml
from club import BASE, DEV
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import load_sources
from mlops_kit.data.ingest import ingest
from mlops_kit.privacy.detect.columns.column import scan
from mlops_kit.privacy.policy.load import PRIVACY_FILE, load_privacy, unnamed_text
from mlops_kit.privacy.policy.propose import draft
from mlops_kit.privacy.protect import keys
from mlops_kit.privacy.protect.stage import protect
from mlops_kit.room import Wanted

TODAY = datetime.date(2026, 6, 1)
COLUMNS = {
    "id": {"type": "integer"},
    "at": {"type": "time"},
    "lines": {"type": "list<struct<sku: string, qty: integer>>"},
    "about": {"type": "struct<kind: string, contact: string>"},
    "more": {"type": "json"},
    "blob": {"type": "binary"},
}
OPEN = Path("data/open/tables/t.parquet")
RAW = Path("raw/t.parquet")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setenv(keys.KEY_VARIABLE, "k" * 32)
    for folder in ("conf", "raw", "data/restricted/tables", "data/restricted/quarantine"):
        Path(folder).mkdir(parents=True)
    Path("conf/base.yaml").write_text(BASE)
    Path("conf/dev.yaml").write_text(DEV)
    Path("params.yaml").write_text("{split: {method: hash, holdout: 0.2}, seed: 1}")
    declared: dict[str, Any] = {
        "entity": {"table": "t", "column": "id"},
        "sources": {"mine": {"kind": "files", "folder": "raw"}},
        "tables": {"t": {"source": "mine", "path": "t.parquet", "columns": COLUMNS}},
    }
    Path("conf/sources.yaml").write_text(yaml.safe_dump(declared))


def protected(
    rules: dict[str, Any],
    contact: str = "none",
    more: str = '{"a": 1}',
    blob: bytes = b"text",
) -> pl.DataFrame:
    """Write 300 rows, run both stages, and return what reached the open zone."""
    n = 300
    pl.DataFrame(
        {
            "id": range(n),
            "at": [datetime.time(k % 24, k % 60, 0, k) for k in range(n)],
            "lines": [[{"sku": f"s{k % 5}", "qty": k}] * (k % 3) for k in range(n)],
            "about": [{"kind": "x", "contact": contact if k == 7 else "none"} for k in range(n)],
            "more": [more if k == 7 else '{"a": 2}' for k in range(n)],
            "blob": [blob] * n,
        }
    ).write_parquet(RAW)
    columns = {"t.id": {"action": "token"}, **{f"t.{k}": v for k, v in rules.items()}}
    Path("conf/privacy.yaml").write_text(yaml.safe_dump({"columns": columns}))
    ingest(load_settings(), Path("data/restricted/tables"), Path("data/restricted/quarantine"))
    protect(TODAY)
    return pl.read_parquet(OPEN)


KEEP = {"action": "keep"}
UNTIL = datetime.date(2027, 1, 1)
VOUCHED = {**KEEP, "reason": "pictures of goods", "until": UNTIL}


def test_what_passes_whole_is_what_was_read() -> None:
    made = protected(dict.fromkeys(("at", "lines", "about", "more"), KEEP))
    raw = pl.read_parquet(RAW)
    names = ["at", "lines", "about", "more"]
    order = [pl.col("at"), pl.col("lines").list.len()]
    assert made.select(names).sort(order).equals(raw.select(names).sort(order))
    assert pyarrow.parquet.read_schema(OPEN).field("at").type == pyarrow.time64("us")
    view = duckdb.read_parquet(str(OPEN))
    assert dict(zip(view.columns, map(str, view.types), strict=True)) == {
        "id": "VARCHAR",
        "at": "TIME",
        "lines": "STRUCT(sku VARCHAR, qty BIGINT)[]",
        "about": "STRUCT(kind VARCHAR, contact VARCHAR)",
        "more": "VARCHAR",
    }


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"contact": "ana.lopez@shop.es"}, "t.about.contact"),
        ({"more": '{"a": {"to": ["x", "ana.lopez@shop.es"]}}'}, "t.more"),
        ({"more": '{"ana.lopez@shop.es": 1}'}, "t.more"),
        ({"blob": b"write to ana.lopez@shop.es"}, "t.blob"),
    ],
)
def test_personal_data_inside_closes_the_gate_with_its_place(
    given: dict[str, Any], place: str
) -> None:
    rules = {"about": KEEP, "more": KEEP, "blob": VOUCHED, "lines": KEEP}
    with pytest.raises(MlopsError, match=rf"{place}.* looks like .*email") as error:
        protected(rules, **given)
    assert error.value.exit_code == 1
    assert not OPEN.exists()


def test_bytes_that_are_no_text_pass_only_with_a_reason() -> None:
    with pytest.raises(MlopsError, match="keep of bytes needs a reason and until"):
        protected({"blob": KEEP}, blob=b"\xff\xd8")
    assert protected({"blob": VOUCHED}, blob=b"\xff\xd8")["blob"][0] == b"\xff\xd8"


def test_bytes_inside_of_others_pass_only_where_somebody_answers_for_them() -> None:
    inside = pl.Series("x", [[{"photo": b"\xff", "contact": "ana.lopez@shop.es"}]])
    with pytest.raises(MlopsError, match=r'"x.photo" has the type Binary, which cannot be'):
        scan("x", inside)
    assert {(one.place, one.entity) for one in scan("x", inside, vouched=True)} == {
        ("x.contact", "email")
    }


def test_a_policy_without_a_line_is_told_of_every_column_that_may_hold_text() -> None:
    Path("conf/privacy.yaml").write_text("{columns: {t.id: {action: token}}}")
    sources = load_sources()
    named = unnamed_text(load_privacy(sources), sources)
    assert sorted(named) == ["t.about", "t.blob", "t.lines", "t.more"]


def test_what_stands_inside_is_proposed_by_its_worst_part_and_else_left_to_a_person() -> None:
    protected({"at": KEEP})
    table = pl.read_parquet("data/restricted/tables/t.parquet")
    mails = [{"kind": "x", "contact": f"user{k}@shop.es"} for k in range(len(table))]
    table.with_columns(pl.Series("about", mails)).write_parquet("data/restricted/tables/t.parquet")
    found = draft(load_sources(), Path("data/restricted/tables"), Wanted("undecided"))
    rules = yaml.safe_load(found.files[PRIVACY_FILE])["columns"]
    assert rules["t.about"] == {"entity": "email", "action": "drop"}
    assert rules["t.at"] == {"action": "keep"}
    for name in ("lines", "more", "blob"):
        assert rules[f"t.{name}"] == {"action": "undecided"}
