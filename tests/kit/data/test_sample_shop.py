"""The sample shop is what it promises to be."""

from importlib import import_module
from types import ModuleType

import numpy as np
import polars as pl
import pytest

SMALL = {"customers": 300, "products": 50, "order_lines": 3000}


@pytest.mark.parametrize(
    "sizes", [SMALL, {"customers": 1000, "products": 20, "order_lines": 2000}, {"seed": 8} | SMALL]
)
def test_tables_have_exactly_the_sizes_asked_for(shop: ModuleType, sizes: dict[str, int]) -> None:
    tables = shop.generate(**sizes)
    assert tables["customers"].height == sizes["customers"]
    assert tables["products"].height == sizes["products"]
    assert tables["orders"].height == sizes["order_lines"]
    for table, key in (
        ("customers", "customer_id"),
        ("products", "product_id"),
        ("orders", "line_id"),
    ):
        assert tables[table][key].is_unique().all()
    for table in tables.values():
        assert sum(table.null_count().row(0)) == 0


@pytest.mark.parametrize(
    "sizes",
    [
        {"customers": 5},
        {"products": 3},
        {"customers": 20, "order_lines": 10},
        {"customers": 5000, "order_lines": 6000},
        {"customers": 100, "order_lines": 60000},
    ],
)
def test_sizes_that_make_no_shop_are_refused_in_a_sentence(
    shop: ModuleType, sizes: dict[str, int]
) -> None:
    errors = import_module("mlops_kit.core.errors")
    with pytest.raises(errors.MlopsError, match="The sample shop needs"):
        shop.generate(**sizes)


def test_the_default_sample_has_the_declared_columns_and_sizes(
    sample: dict[str, pl.DataFrame],
) -> None:
    text, number = pl.String, pl.Int64
    assert dict(sample["customers"].schema) == {
        "customer_id": number,
        "full_name": text,
        "email": text,
        "phone": text,
        "dni": text,
        "birth_date": pl.Date,
        "city": text,
        "segment": text,
        "signup_date": pl.Date,
    }
    assert dict(sample["products"].schema) == {
        "product_id": number,
        "name": text,
        "category": text,
        "brand": text,
        "price": pl.Float64,
    }
    assert dict(sample["orders"].schema) == {
        "line_id": number,
        "order_id": number,
        "customer_id": number,
        "product_id": number,
        "ordered_at": pl.Datetime("us"),
        "quantity": number,
        "unit_price": pl.Float64,
    }
    assert dict(sample["oracle"].schema) == {
        "customer_id": number,
        "time": pl.Date,
        "probability": pl.Float64,
        "spend": pl.Float64,
        "items": pl.List(number),
    }
    assert [sample[t].height for t in ("customers", "products", "orders")] == [5000, 300, 60000]


def test_the_same_seed_gives_the_same_shop_on_every_machine(
    shop: ModuleType, sample: dict[str, pl.DataFrame]
) -> None:
    again, other = shop.generate(**SMALL), shop.generate(**SMALL, seed=8)
    for name, table in shop.generate(**SMALL).items():
        assert table.equals(again[name])
        assert not table.equals(other[name])
    orders = sample["orders"]
    figures = [orders["order_id"].max(), orders["product_id"].sum(), orders["quantity"].sum()]
    assert figures == [30488, 9051068, 63571]
    assert float(orders["unit_price"].sum()) == pytest.approx(14073739.97, abs=0.01)


def test_customers_are_nobody(sample: dict[str, pl.DataFrame]) -> None:
    customers = sample["customers"]
    assert customers["email"].str.contains(r"^[a-z]+\.[a-z]+\d+@example\.(com|org|net)$").all()
    assert customers["dni"].str.contains(r"^8\d{7}$").all()  # no such number was ever given out
    assert customers["phone"].str.contains(r"^\+54 9 999 \d{3}-\d{4}$").all()  # no such area code
    assert customers["email"].is_unique().all()
    assert customers["dni"].is_unique().all()
    assert customers["birth_date"].is_between(pl.date(1940, 1, 1), pl.date(2006, 1, 1)).all()


def test_facts_agree_with_each_other(sample: dict[str, pl.DataFrame]) -> None:
    lines = sample["orders"].join(sample["customers"], on="customer_id", validate="m:1")
    lines = lines.join(sample["products"], on="product_id", validate="m:1")
    assert lines.height == 60000
    assert (lines["ordered_at"].dt.date() >= lines["signup_date"]).all()
    assert lines["ordered_at"].dt.date().min() == pl.Series(["2024-01-01"]).str.to_date()[0]
    assert lines["ordered_at"].dt.date().max() == pl.Series(["2025-12-31"]).str.to_date()[0]
    assert sample["orders"]["ordered_at"].is_sorted()
    assert (lines["unit_price"] <= lines["price"]).all()
    orders = lines.group_by("order_id").agg(pl.n_unique("customer_id", "ordered_at"))
    assert orders["customer_id"].max() == orders["ordered_at"].max() == 1


def test_the_shop_has_seasons_segments_loyalty_and_a_long_tail(
    sample: dict[str, pl.DataFrame],
) -> None:
    lines = sample["orders"].join(sample["products"], on="product_id")
    lines = lines.join(sample["customers"].select("customer_id", "segment"), on="customer_id")
    month = pl.col("ordered_at").dt.month()

    def share(category: str, months: list[int]) -> float:
        return (
            lines.filter(month.is_in(months)).select((pl.col("category") == category).mean()).item()
        )

    assert share("air conditioning", [12, 1, 2]) > 5 * share("air conditioning", [6, 7, 8])
    assert share("heating", [6, 7, 8]) > 5 * share("heating", [12, 1, 2])
    sold = lines["product_id"].value_counts(sort=True)["count"].to_numpy()
    assert sold[:30].sum() > 0.4 * sold.sum()
    assert len(sold) > 290
    per_customer = lines.group_by("segment").agg(
        pl.n_unique("order_id") / pl.n_unique("customer_id").alias("orders")
    )
    rate = dict(per_customer.iter_rows())
    assert rate["loyal"] > 2 * rate["regular"]
    assert rate["regular"] > 2 * rate["occasional"]
    # Tastes: two lines of one customer share the category far more often than two strangers' do.
    lines = lines.sort("customer_id", "line_id")
    same = (pl.col("category") == pl.col("category").shift(1)).filter(
        pl.col("customer_id") == pl.col("customer_id").shift(1)
    )
    shares = lines["category"].value_counts(normalize=True)["proportion"].to_numpy()
    by_chance = float((shares**2).sum())
    assert lines.select(same.mean()).item() > 2.5 * by_chance


def test_the_oracle_covers_every_month_and_only_earlier_buyers(
    sample: dict[str, pl.DataFrame],
) -> None:
    oracle = sample["oracle"]
    months = pl.date_range(pl.date(2024, 7, 1), pl.date(2025, 12, 1), "1mo", eager=True)
    assert oracle["time"].unique().sort().to_list() == months.to_list()
    first = sample["orders"].group_by("customer_id").agg(pl.col("ordered_at").min().dt.date())
    for month in (months[0], months[-1]):
        expected = set(first.filter(pl.col("ordered_at") < month)["customer_id"])
        assert set(oracle.filter(pl.col("time") == month)["customer_id"]) == expected
    assert (oracle["items"].list.unique().list.len() == 10).all()


def test_the_oracle_is_calibrated(sample: dict[str, pl.DataFrame]) -> None:
    window = (
        sample["oracle"]
        .join(sample["orders"], on="customer_id", how="left")
        .filter(
            pl.col("ordered_at")
            .dt.date()
            .is_between(pl.col("time"), pl.col("time").dt.offset_by("29d"))
        )
    )
    bought = window.group_by("customer_id", "time").agg(
        (pl.col("quantity") * pl.col("unit_price")).sum().alias("bought")
    )
    table = sample["oracle"].join(bought, on=["customer_id", "time"], how="left").fill_null(0.0)
    tenth = (pl.col("probability").rank("ordinal") * 10 // (pl.len() + 1)).alias("tenth")
    by_tenth = table.group_by(tenth).agg(
        pl.len(),
        pl.col("probability").mean(),
        (pl.col("bought") > 0).mean().alias("rate"),
        pl.col("spend").mean(),
        pl.col("bought").mean(),
        pl.col("bought").std().alias("deviation"),
    )
    for row in by_tenth.iter_rows(named=True):
        # Rows of one customer are not independent: allow twice the usual four standard errors.
        error = (row["probability"] * (1 - row["probability"]) / row["len"]) ** 0.5
        assert abs(row["rate"] - row["probability"]) < 8 * error
        assert abs(row["bought"] - row["spend"]) < 8 * row["deviation"] / row["len"] ** 0.5


def test_the_oracle_formulas_agree_with_a_simulation(shop: ModuleType) -> None:
    rng = np.random.default_rng(1)
    world, _ = shop.build_world(rng, 20, 20)
    world = world._replace(
        base=np.full(20, 0.02),
        discount=np.zeros(shop.DAYS),
        price=np.ones(20),  # a line is worth 1 + SECOND_UNIT, so that spend counts lines
    )
    states = np.full((len(shop.SNAPSHOTS), 20), 0.05)
    baskets = np.zeros(len(shop.SEGMENTS))
    first = shop.foresee(world, states, baskets, np.zeros(20, np.int64)).head(1)
    start, runs = int((shop.SNAPSHOTS[0] - shop.FIRST_DAY).astype(int)), 200_000
    excitement, orders = np.full(runs, 0.05), np.zeros(runs)
    for day in range(start, start + shop.HORIZON):
        ordered = rng.random(runs) < world.season[world.segment[0], day] * (0.02 + excitement)
        orders += ordered
        excitement = shop.DECAY * excitement + shop.JUMP * ordered
    assert first["probability"].item() == pytest.approx(float((orders > 0).mean()), abs=0.005)
    spend = float(orders.mean()) * (1 + shop.SECOND_UNIT)
    assert first["spend"].item() == pytest.approx(spend, rel=0.02)
