"""The sample shop is what it promises to be, and the seeded code learns what it can from it."""

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
import yaml
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "seeds"
TASKS = ("classification", "regression", "recommendation")
FUNCTIONALITIES = ("new", "existing_rules", "existing_model")
ORACLE_COLUMN = {"classification": "probability", "regression": "spend", "recommendation": "items"}
SMALL = {"customers": 300, "products": 50, "order_lines": 3000}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Import the generator from the template's folder, which no import statement can name."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "shop").symlink_to(ROOT / "template/src/{{ package_name }}", target_is_directory=True)
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(sys, "dont_write_bytecode", True)
        yield importlib.import_module("shop.mlops.data.shop")
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "shop":
            del sys.modules[name]


@pytest.fixture(scope="module")
def sample(shop: ModuleType) -> dict[str, pl.DataFrame]:
    """Return the sample at its default size."""
    return shop.generate()


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
    errors = importlib.import_module("shop.mlops.errors")
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


def test_the_default_sample_costs_less_than_two_cpu_seconds(
    shop: ModuleType, figure: Callable[[str], None]
) -> None:
    start = time.process_time()
    shop.generate()
    seconds = time.process_time() - start
    figure(f"sample shop: {seconds:.2f} CPU-s")
    assert seconds < 2.0


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


class Problem(NamedTuple):
    """One task on one sample: the params, and training and holdout rows with the oracle's word."""

    task: str
    params: dict[str, Any]
    columns: list[str]
    train: pd.DataFrame
    holdout: pd.DataFrame


def seed_module(path: str) -> ModuleType:
    """Import a seeded file where it stands."""
    name = "seed_" + path.replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, SEEDS / f"{path}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # skops and clone look the class up by its module
    spec.loader.exec_module(module)
    return module


def seed_params(task: str) -> dict[str, Any]:
    """Read a task's part of params.yaml."""
    return yaml.safe_load((SEEDS / f"params/{task}.yaml").read_text(encoding="utf-8"))


def feature_table(tables: dict[str, pl.DataFrame], task: str) -> pd.DataFrame:
    """Run a task's seeded SQL over the tables, in the order of time and id."""
    features, params = seed_module(f"features/{task}"), seed_params(task)["features"]
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.from_arrow(table.to_arrow()).create_view(name)
        connection.execute(f"CREATE TABLE rows AS {features.rows(params)}")
        return connection.execute(
            f"""
            SELECT * FROM ({features.features(params)}) JOIN ({features.target(params)})
            USING (id, time) ORDER BY time, id
            """  # noqa: S608
        ).df()


@pytest.fixture(scope="module")
def problem(request: pytest.FixtureRequest, sample: dict[str, pl.DataFrame]) -> Problem:
    """Split one task's rows by time: the latest months that hold a fifth, and a gap before them."""
    task = request.param
    rows = feature_table(sample, task)
    columns = [name for name in rows.columns if name not in ("id", "time", "y_true")]
    oracle = sample["oracle"].rename({"customer_id": "id"}).to_pandas()
    rows = rows.merge(
        oracle[["id", "time", ORACLE_COLUMN[task]]], on=["id", "time"], validate="1:1"
    )
    held = rows["time"].value_counts(normalize=True).sort_index(ascending=False).cumsum()
    start = held[held >= 0.2].index[0]
    train = rows[rows["time"] <= start - pd.Timedelta(days=30)]
    return Problem(task, seed_params(task), columns, train, rows[rows["time"] >= start])


def predictions(problem: Problem, target: pd.Series) -> np.ndarray:
    """Fit the seeded model on `target` and predict the holdout."""
    build = seed_module(f"model/{problem.task}").build
    estimator = build({**problem.params["model"], "seed": 7})
    estimator.fit(problem.train[problem.columns], target)
    rows = problem.holdout[problem.columns]
    if problem.task == "classification":
        return estimator.predict_proba(rows)[:, 1]
    return estimator.predict(rows)


def metric(task: str, y_true: pd.Series, predicted: Any) -> Callable[[Any], float]:
    """Return the metric as a function of row weights, higher is better."""
    if task == "classification":
        return lambda weights: float(roc_auc_score(y_true, predicted, sample_weight=weights))
    if task == "regression":
        squares = (y_true.to_numpy() - predicted) ** 2
        return lambda weights: -float(np.sqrt(np.average(squares, weights=weights)))
    gains = 1.0 / np.log2(np.arange(2, 12))
    values = [
        np.isin(items, wanted) @ gains / gains[: len(wanted)].sum()
        for wanted, items in zip(y_true, predicted, strict=True)
    ]
    return lambda weights: float(np.average(values, weights=weights))


def lower_and_upper(
    first: Callable[[np.ndarray], float],
    second: Callable[[np.ndarray], float],
    customers: pd.Series,
) -> tuple[float, float]:
    """Bound first - second at 90 % with a Bayesian bootstrap over customers."""
    rng = np.random.default_rng(0)
    codes, known = pd.factorize(customers)
    draws = (rng.exponential(size=len(known))[codes] for _ in range(60))
    differences = [first(weights) - second(weights) for weights in draws]
    return float(np.quantile(differences, 0.05)), float(np.quantile(differences, 0.95))


@pytest.mark.parametrize("problem", TASKS, indirect=True)
def test_the_model_beats_every_baseline_and_stays_below_the_oracle(
    problem: Problem, figure: Callable[[str], None]
) -> None:
    task, holdout = problem.task, problem.holdout
    start = time.process_time()
    predicted = predictions(problem, problem.train["y_true"])
    seconds = time.process_time() - start
    even = np.ones(len(holdout))
    model = metric(task, holdout["y_true"], predicted)
    oracle = metric(task, holdout["y_true"], holdout[ORACLE_COLUMN[task]].to_numpy())
    assert model(even) <= oracle(even)
    assert seconds < 4.0
    for functionality in FUNCTIONALITIES:
        seed = seed_module(f"baseline/{functionality}/{task}")
        guess = seed.predict(problem.train[[*problem.columns, "y_true"]], holdout[problem.columns])
        baseline = metric(task, holdout["y_true"], guess)
        closed = (model(even) - baseline(even)) / (oracle(even) - baseline(even))
        lower, upper = lower_and_upper(model, baseline, holdout["id"])
        figure(
            f"{task}, {functionality}: baseline {abs(baseline(even)):.4g}, model "
            f"{abs(model(even)):.4g}, oracle {abs(oracle(even)):.4g}; {closed:.0%} of the gap, "
            f"gain [{lower:.4g}, {upper:.4g}], {seconds:.1f} CPU-s"
        )
        assert closed >= 0.6
        assert lower > 0


@pytest.mark.parametrize("problem", TASKS, indirect=True)
def test_shuffled_labels_teach_nothing(problem: Problem) -> None:
    task, holdout = problem.task, problem.holdout
    shuffled = problem.train["y_true"].sample(frac=1.0, random_state=0)
    shuffled.index = problem.train.index
    even = np.ones(len(holdout))
    learned = metric(task, holdout["y_true"], predictions(problem, problem.train["y_true"]))(even)
    model = metric(task, holdout["y_true"], predictions(problem, shuffled))(even)
    seed = seed_module(f"baseline/new/{task}")
    guess = seed.predict(problem.train[[*problem.columns, "y_true"]], holdout[problem.columns])
    baseline = metric(task, holdout["y_true"], guess)(even)
    # What is learned from noise points in a random direction, so its ranking may be off either way.
    assert model - baseline < 0.35 * (learned - baseline)


@pytest.mark.parametrize("task", TASKS)
def test_features_use_only_what_was_known(shop: ModuleType, task: str) -> None:
    tables = shop.generate(**SMALL)
    full = feature_table(tables, task)
    times = sorted(full["time"].unique())
    assert len(times) == 18
    moment = times[-3]
    # Rows of an earlier time need later facts only for their label, so these are kept but altered.
    later = pl.col("ordered_at") >= pl.lit(moment.to_pydatetime())
    tables["orders"] = tables["orders"].with_columns(
        pl.when(later).then(pl.col("unit_price") * 3).otherwise(pl.col("unit_price")),
        pl.when(later).then(1).otherwise(pl.col("product_id")).alias("product_id"),
        pl.when(later).then(9).otherwise(pl.col("quantity")).alias("quantity"),
    )
    altered = feature_table(tables, task)
    columns = [name for name in full.columns if name != "y_true"]
    for known in (times[0], moment):
        before, after = (table[table["time"] == known] for table in (full, altered))
        for column in columns:
            if before[column].dtype == "float64":  # threads may add a sum up in another order
                assert np.allclose(before[column], after[column], rtol=1e-9, atol=0)
                continue
            assert [str(value) for value in before[column]] == [
                str(value) for value in after[column]
            ]
    assert len(full[full["time"] == times[-1]]) > 0


@pytest.mark.parametrize("task", TASKS)
def test_a_seeded_model_can_be_cloned_stored_and_fitted_on_a_small_shop(
    shop: ModuleType, task: str
) -> None:
    rows = feature_table(shop.generate(**SMALL), task)
    columns = [name for name in rows.columns if name not in ("id", "time", "y_true")]
    estimator = seed_module(f"model/{task}").build({**seed_params(task)["model"], "seed": 7})
    fitted = clone(estimator).fit(rows[columns], rows["y_true"])
    stored = skops.io.dumps(fitted)
    again = skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))
    assert np.array_equal(again.predict(rows[columns]), fitted.predict(rows[columns]))


def test_a_customer_without_known_history_gets_the_best_sellers_of_the_season() -> None:
    recommend = seed_module("model/recommendation")
    model = recommend.ItemToItem(k=2, prior=1.0, weight=1.0)
    rows = pd.DataFrame({"history": [[1], [1], [2], [3]], "month": [1, 1, 1, 7]})
    model.fit(rows, pd.Series([[3], [3], [3, 1], [2]]))
    strangers = pd.DataFrame({"history": [[], [99], [1]], "month": [1, 1, 1]})
    assert model.predict(strangers)[:, 0].tolist() == [3, 3, 3]
    assert model.predict(strangers).shape == (3, 2)
    assert model.predict(strangers.head(0)).shape == (0, 2)
    assert recommend.ItemToItem(k=9).fit(rows, pd.Series([[3], [3], [3], [2]])).predict(
        strangers
    ).shape == (3, 3)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("functionality", FUNCTIONALITIES)
def test_a_newcomer_reads_the_seeded_code_in_ten_minutes(task: str, functionality: str) -> None:
    names = (f"features/{task}", f"model/{task}", f"baseline/{functionality}/{task}")
    texts = [(SEEDS / f"{name}.py").read_text(encoding="utf-8") for name in names]
    assert sum(len(text.splitlines()) for text in texts) < 200
    assert not any(opener in text for text in texts for opener in ("{{", "{%", "{#"))
