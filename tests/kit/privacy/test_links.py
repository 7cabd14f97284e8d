"""Erasing follows a person from one identifier to the next, and nobody else."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from mlops_kit.core import settings
from mlops_kit.core.errors import MlopsError
from mlops_kit.data import ingest
from mlops_kit.privacy.people import erase as erase_of
from mlops_kit.privacy.protect import keys, tokens
from mlops_kit.privacy.protect import stage as protect_of

KEY = "k" * 40
PEOPLE = 30
TABLES = Path("data/restricted/tables")
ID = {"action": "token", "domain": "customer"}
EMAIL = {"entity": "email", "action": "token"}
PHONE = {"entity": "phone", "action": "token"}
NAME = {"entity": "name", "action": "token"}
PLAIN = {"entity": "none", "action": "keep"}


def mail(who: int) -> str:
    return f"p{who}@corp.com"


def phone(who: int) -> str:
    return f"+34 600 000 {who:03d}"


def stand_in_shop(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **tables: dict[str, tuple[Any, list[Any]]]
) -> None:
    """Write raw files of `table={column: (rule, values)}` and run the stages on them.

    The first column of the first table is the entity; no column is declared unique.
    """
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setenv(keys.KEY_VARIABLE, KEY)
    for name in ("conf", "raw"):
        Path(name).mkdir()
    base = {"project": "Shop", "business_metric": "x", "model_name": "shop"}
    base |= {"task": "regression", "functionality": "new"}
    base |= {"data": {"max_quarantined_share": 0.1}}
    dev = {"dvc_remote": "dev", "tracking": {"uri": "sqlite:///m.db", "experiment": "s"}}
    dev["tracking"]["registry_prefix"] = "dev"
    params = {"seed": 1, "split": {"method": "hash", "holdout": 0.2}, "features": {}, "model": {}}
    declared: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    for table, columns in tables.items():
        frame = pl.DataFrame({name: values for name, (_, values) in columns.items()})
        frame.write_csv(f"raw/{table}.csv")
        types = {
            name: {"type": "integer" if kind.is_integer() else "string", "nullable": True}
            for name, kind in frame.schema.items()
        }
        declared[table] = {"source": "m", "path": f"{table}.csv", "columns": types}
        rules |= {f"{table}.{name}": rule for name, (rule, _) in columns.items()}
    (first, *_) = tables
    sources = {
        "entity": {"table": first, "column": next(iter(tables[first]))},
        "sources": {"m": {"kind": "files", "folder": "raw"}},
        "tables": declared,
    }
    files = {"base": base, "dev": dev, "sources": sources, "privacy": {"columns": rules}}
    for name, content in files.items():
        Path(f"conf/{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    ingest.ingest(settings.load_settings(), TABLES, Path("data/restricted/quarantine"))
    protect_of.protect()


def token(value: object, domain: str = "customer", entity: str = "") -> str:
    return tokens.token(pl.Series([value]), KEY.encode(), domain, entity).item()


def left(table: str) -> pl.DataFrame:
    """Return what raw file and restricted table both still hold."""
    raw = pl.read_csv(f"raw/{table}.csv")
    assert raw.height == pl.read_parquet(TABLES / f"{table}.parquet").height
    assert raw.height == pl.read_parquet(f"data/open/tables/{table}.parquet").height
    return raw


def customers(**more: Any) -> dict[str, Any]:
    everybody = range(PEOPLE)
    return {
        "customer_id": (ID, [*everybody]),
        "email": (EMAIL, [mail(n) for n in everybody]),
        **more,
    }


@pytest.mark.parametrize("by", ["number", "email", "phone"])
def test_every_token_of_the_person_is_followed_from_table_to_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Number to e-mail to phone: no table holds all three, and no column is declared unique."""
    everybody = range(PEOPLE)
    stand_in_shop(
        tmp_path,
        monkeypatch,
        customers=customers(),
        newsletter={
            "email": (EMAIL, [mail(n).upper() for n in everybody]),
            "phone": (PHONE, [phone(n) for n in everybody]),
        },
        calls={
            "phone": (PHONE, [phone(n) for n in everybody] * 2),
            "minutes": (PLAIN, [*range(2 * PEOPLE)]),
        },
    )
    subject = {
        "number": token(7),
        "email": token(mail(7), "email", "email"),
        "phone": token(phone(7), "phone", "phone"),
    }[by]
    planned = erase_of.erase(subject, dry_run=True)
    told = erase_of.erase(subject)
    assert told["rows"] == planned["rows"]
    assert (left("customers").height, left("newsletter").height) == (PEOPLE - 1, PEOPLE - 1)
    assert sorted(left("calls")["minutes"]) == [n for n in range(2 * PEOPLE) if n % PEOPLE != 7]
    assert len(told["reached"]) == 2
    assert all(" beside " in one for one in told["reached"])
    assert told["left"] == []


def test_numbers_of_orders_are_followed_and_products_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody declared whose numbers they are: orders are of one person each, products of many."""
    order = {"action": "token", "domain": "order"}
    product = {"action": "token", "domain": "product"}
    orders = range(2 * PEOPLE)
    bought = [900 if n == 7 else n % 12 for n in orders]  # what nobody else has bought
    stand_in_shop(
        tmp_path,
        monkeypatch,
        customers=customers(),
        orders={
            "order_no": (order, [*orders]),
            "customer_id": (ID, [n % PEOPLE for n in orders]),
            "product_no": (product, bought),
        },
        parcels={"order_no": (order, [*orders]), "kilos": (PLAIN, [*orders])},
        products={"product_no": (product, [*range(12), 900]), "price": (PLAIN, [*range(13)])},
    )
    erase_of.erase(token(7))
    assert left("parcels")["kilos"].to_list() == [n for n in orders if n % PEOPLE != 7]
    assert 900 in left("products")["product_no"].to_list()
    assert left("products").height == 13


def household(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """People 7 and 8 have one phone."""
    phones = [phone(8 if n == 7 else n) for n in range(PEOPLE)]
    stand_in_shop(tmp_path, monkeypatch, customers=customers(phone=(PHONE, phones)), **more)


def test_an_identifier_of_a_household_erases_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    household(
        tmp_path,
        monkeypatch,
        orders={
            "customer_id": (ID, [n % PEOPLE for n in range(2 * PEOPLE)]),
            "phone": (
                PHONE,
                [phone(8 if n % PEOPLE == 7 else n % PEOPLE) for n in range(2 * PEOPLE)],
            ),
        },
    )
    told = erase_of.erase(token(7))
    assert left("customers")["customer_id"].to_list() == [n for n in range(PEOPLE) if n != 7]
    assert left("orders").filter(pl.col("customer_id") == 8).height == 2
    assert left("orders").height == 2 * PEOPLE - 2
    (said,) = told["left"]
    assert said.startswith(token(phone(8), "phone", "phone"))
    assert said.endswith("is of 1 other too: not followed")
    # They are not left out of the next delivery either.
    ingest.ingest(settings.load_settings(), TABLES, Path("data/restricted/quarantine"))
    assert 8 in pl.read_parquet(TABLES / "customers.parquet")["customer_id"].to_list()


def test_rows_that_only_a_shared_identifier_names_are_decided_by_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {
        "phone": (PHONE, [phone(n) for n in range(PEOPLE)]),
        "minutes": (PLAIN, [*range(PEOPLE)]),
    }
    household(tmp_path, monkeypatch, calls=calls)
    before = left("customers")
    with pytest.raises(MlopsError, match="Nothing was erased: 1 row of calls under") as refused:
        erase_of.erase(token(7))
    assert refused.value.exit_code == 1
    assert str(refused.value).count(". ") == 0
    assert left("customers").equals(before)
    assert not Path("conf/erased.txt").exists()
    assert "1 row of calls" in erase_of.erase(token(7), dry_run=True)["left"][1]
    erase_of.erase(token(7), leave_shared=True)
    assert left("customers").height == PEOPLE - 1
    assert left("calls").height == PEOPLE


def test_a_token_of_several_people_erases_none_and_names_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    household(tmp_path, monkeypatch)
    with pytest.raises(MlopsError, match="shared by 2 people") as refused:
        erase_of.erase(token(phone(8), "phone", "phone"))
    assert token(7) in str(refused.value)
    assert token(8) in str(refused.value)
    assert left("customers").height == PEOPLE


def test_a_name_is_never_followed_since_the_next_delivery_may_bring_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"Invented {n}" for n in range(PEOPLE)]
    stand_in_shop(
        tmp_path,
        monkeypatch,
        customers=customers(full_name=(NAME, names)),
        letters={"full_name": (NAME, names), "pages": (PLAIN, [*range(PEOPLE)])},
    )
    with pytest.raises(MlopsError, match="1 row of letters under"):
        erase_of.erase(token(7))
    told = erase_of.erase(token(7), leave_shared=True)
    assert "may be of others too: not followed" in told["left"][0]
    assert left("letters").height == PEOPLE
    added = pl.read_csv("raw/customers.csv").tail(1)
    added = added.with_columns(
        customer_id=pl.lit(99, dtype=pl.Int64),
        email=pl.lit("new@corp.com"),
        full_name=pl.lit(names[7]),
    )
    pl.concat([pl.read_csv("raw/customers.csv"), added]).write_csv("raw/customers.csv")
    ingest.ingest(settings.load_settings(), TABLES, Path("data/restricted/quarantine"))
    assert 99 in pl.read_parquet(TABLES / "customers.parquet")["customer_id"].to_list()


def test_people_who_were_referred_by_the_person_stay_and_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = [None if n < 20 else 7 for n in range(PEOPLE)]
    stand_in_shop(tmp_path, monkeypatch, customers=customers(referred_by=(ID, by)))
    told = erase_of.erase(token(7))
    assert left("customers").height == PEOPLE - 1
    assert told["left"] == [
        "customers names this person in 10 rows of other people, as referred_by: empty that "
        "field in the source"
    ]
    ingest.ingest(settings.load_settings(), TABLES, Path("data/restricted/quarantine"))
    assert pl.read_parquet(TABLES / "customers.parquet").height == PEOPLE - 1


def test_a_visitor_of_whom_no_table_says_who_it_is_takes_nobody_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = {
        "email": (EMAIL, ["visitor@corp.com", mail(3), mail(4)]),
        "phone": (PHONE, [phone(500), phone(500), phone(4)]),
    }
    stand_in_shop(tmp_path, monkeypatch, customers=customers(), visits=visits)
    told = erase_of.erase(token("visitor@corp.com", "email", "email"), leave_shared=True)
    assert left("customers").height == PEOPLE
    assert left("visits")["email"].to_list() == [mail(3), mail(4)]
    assert "not followed" in told["left"][0]
