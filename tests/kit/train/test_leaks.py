"""A feature that determines the outcome is refused by name, however it is spelt."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from leaks import HONEST, LEAKS, draw
from mlops_kit.compare.gate import check
from mlops_kit.core.errors import MlopsError
from mlops_kit.train.checks.outcome import determining_features
from mlops_kit.train.evidence import is_at_few_rates
from own_table import OwnTable

N = 2000
VOUCHED = {"reason": "the two are one measurement", "until": "2999-12-31"}


def random_rows() -> pl.DataFrame:
    """Draw rows of which nothing can be learned."""
    rng = np.random.default_rng(5)
    bought = rng.random(N) < 0.3
    return pl.DataFrame({"id": range(N), "x": rng.normal(size=N), "outcome": bought.astype(int)})


def split(rows: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    held = np.random.default_rng(seed).random(rows.height) < 0.25
    parts = pl.Series(np.where(held, "holdout", "train"))
    return rows.rename({"outcome": "y_true"}).with_columns(split=parts)


def found(rows: pl.DataFrame) -> list[str]:
    names = [name for name in rows.columns if name not in ("id", "outcome")]
    return determining_features(split(rows), names)


SPELLINGS = {
    "words": pl.when(pl.col("outcome") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")),
    "boolean": pl.col("outcome") == 1,
    "inverted": 1 - pl.col("outcome"),
    "rescaled": pl.col("outcome") * 17.5 - 3,
    "category": pl.when(pl.col("outcome") == 1)
    .then(pl.lit("C") + (pl.col("id") % 3).cast(pl.String))
    .otherwise(pl.lit("A") + (pl.col("id") % 5).cast(pl.String)),
    "nearly": pl.when(pl.col("id") % 150 == 7)
    .then(1 - pl.col("outcome"))
    .otherwise(pl.col("outcome")),
    "only then": pl.when(pl.col("outcome") == 1).then(pl.col("x")),
    "zero or more": pl.when(pl.col("outcome") == 1).then(pl.col("x").abs() + 1).otherwise(0.0),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_of_the_outcome_stops_the_features_stage_by_name(
    spelling, tmp_path, monkeypatch
):
    table = OwnTable(random_rows().with_columns(bought=SPELLINGS[spelling]))
    with pytest.raises(MlopsError, match='column "bought" determines the outcome') as error:
        table.featured(tmp_path, monkeypatch)
    assert '"x"' not in str(error.value)
    assert not (tmp_path / "data/open/features.parquet").exists()


@pytest.mark.parametrize(
    "bent",
    [
        pl.col("outcome") * 0.01,
        -pl.col("outcome"),
        (pl.col("outcome") * 1.21 + 4).round(1),
        pl.col("outcome").log(),
        pl.col("outcome").rank("ordinal"),
        pl.col("outcome").round(2).cast(pl.String) + " EUR",
    ],
)
def test_an_amount_in_another_unit_or_bent_is_found(bent):
    rng = np.random.default_rng(3)
    amounts = rng.lognormal(4, 1, N)
    rows = pl.DataFrame({"id": range(N), "outcome": amounts, "x": amounts + rng.normal(0, 20, N)})
    assert found(rows.with_columns(paid=bent)) == ["paid"]


RATES = {
    "tax of two rates": (lambda y, rng: (y * rng.choice([1.21, 1.105], N)).round(2), True),
    "four currencies": (lambda y, rng: y / rng.choice([1.1, 0.92, 950.5, 7.3], N), True),
    "nothing, or with tax": (lambda y, rng: np.where(y < 30, 0, y * 1.21), False),
    "what one of them costs": (lambda y, rng: y / rng.integers(1, 5, N), False),
    "nearly that of before": (lambda y, rng: y * rng.normal(1, 0.02, N), False),
    "five rates": (lambda y, rng: y * rng.choice([0.7, 0.83, 1, 1.21, 1.37], N), False),
    "a few pieces": (lambda y, rng: rng.integers(1, 40, N), False),
}


@pytest.mark.parametrize("kind", RATES)
def test_an_amount_at_one_of_few_rates_is_told_and_a_price_is_not(kind):
    rng = np.random.default_rng(8)
    amounts = rng.lognormal(5, 1, N)
    made, told = RATES[kind]
    assert is_at_few_rates(pd.Series(made(amounts, rng)), amounts, in_time=True) == told


def test_an_amount_as_of_the_day_before_tells_nothing_where_rows_have_a_time():
    rng = np.random.default_rng(9)
    amounts = rng.lognormal(5, 1, N)
    before = pd.Series(np.where(rng.random(N) < 0.99, amounts, amounts * 1.3))
    assert is_at_few_rates(before, amounts, in_time=False)
    assert not is_at_few_rates(before, amounts, in_time=True)


def test_a_list_that_holds_the_outcome_in_another_order_is_found():
    rng = np.random.default_rng(4)
    lists = [rng.choice(99, 4, replace=False).tolist() for _ in range(400)]
    rows = pl.DataFrame({"id": range(400), "outcome": lists, "near": [each[:2] for each in lists]})
    assert found(rows.with_columns(later=pl.col("outcome").list.reverse())) == ["later"]


def test_values_that_are_too_rare_to_be_a_sign_are_none():
    rows = random_rows().head(60)
    assert found(rows.with_columns(shop=pl.col("id") * 10 + pl.col("outcome"))) == []
    assert found(rows.with_columns(shop="S" + pl.col("id").cast(pl.String))) == []


def test_a_flag_that_is_nearly_always_no_does_not_tell_a_rare_outcome():
    rows = random_rows().with_columns(outcome=(pl.col("id") % 100 == 0).cast(int))
    flags = rows.with_columns(never=pl.lit(0), rare=pl.col("id") % 301 == 0)
    assert found(flags) == []


def test_many_zeros_and_a_feature_of_a_few_values_are_no_order():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        amounts = np.where(rng.random(1000) < 0.97, 0, rng.lognormal(3, 1, 1000))
        often = np.where(rng.random(1000) < 0.9, 0, rng.random(1000))
        rows = pl.DataFrame({"id": range(1000), "outcome": amounts, "x": often})
        assert found(rows) == []


@pytest.mark.parametrize("timed", [True, False])
def test_what_only_grows_is_no_leak_where_the_time_is_known(timed):
    total = np.cumsum(np.random.default_rng(7).exponential(1, 500))
    rows = pl.DataFrame({"outcome": total, "before": np.r_[0, total[:-1]], "cents": total * 100})
    rows = split(rows.with_columns(time=pl.int_range(500)) if timed else rows)
    refused = determining_features(rows, ["before", "cents"])
    assert refused == (["cents"] if timed else ["before", "cents"])


def test_whoever_says_why_may_keep_the_feature_and_it_is_told(tmp_path, monkeypatch):
    rows = random_rows().with_columns(bought=SPELLINGS["words"])
    vouched = {"acknowledged": {"determined": VOUCHED, "perfect": VOUCHED}}
    _, decision = OwnTable(rows, more=vouched).decided(tmp_path, monkeypatch)
    told = {each["name"]: each for each in decision["safety"]}
    assert told["determined outcome"]["verdict"] == "skipped"
    assert '"bought" determines the outcome alone' in told["determined outcome"]["sentence"]
    assert any("the two are one measurement" in reason for reason in decision["reasons"])


def test_an_acknowledgement_that_has_ended_refuses_again(tmp_path, monkeypatch):
    rows = random_rows().with_columns(bought=SPELLINGS["words"])
    ended = {"acknowledged": {"determined": VOUCHED | {"until": "2001-01-01"}}}
    with pytest.raises(MlopsError, match="determines the outcome"):
        OwnTable(rows, more=ended).featured(tmp_path, monkeypatch)


def test_a_measurement_that_separates_by_merit_is_kept_but_never_promoted_unseen(
    tmp_path, monkeypatch
):
    apart = random_rows().with_columns(petal=pl.col("x") + 20 * pl.col("outcome"))
    said, decision = OwnTable(apart).decided(tmp_path, monkeypatch)
    assert decision["decision"] == "inconclusive"
    assert check(tmp_path / "reports/compare/decision.json")[0] == 2
    assert 'feature "petal" is hardly ever wrong about the outcome alone' in decision["reasons"][0]
    assert decision["features"]["alone"][0]["feature"] == "petal"
    report = (tmp_path / "reports/compare/report.html").read_text()
    assert "&#34;petal&#34; nearly reaches the model alone (AUC 0.999 of 0.999)" in report
    assert "rows() of features.py gives no time" in said[0]


@pytest.mark.parametrize("kinds", [LEAKS, HONEST])
def test_drawn_leaks_are_found_and_honest_features_are_kept(kinds):
    wrong = []
    for number in range(24):
        table = draw(kinds, 10_000 + number)
        if found(table.rows) != [table.leak] * bool(table.leak):
            wrong.append((number, table.kind))
    assert wrong == []


def test_a_leak_of_many_values_is_found_though_the_holdout_has_few_rows_of_each():
    rng = np.random.default_rng(8)
    outcome = (rng.random(240) < 0.4).astype(int)
    desk = rng.integers(0, 8, 240)
    status = [
        f"{'closed' if y else 'open'} at desk {d}" for y, d in zip(outcome, desk, strict=True)
    ]
    rows = pl.DataFrame({"id": range(240), "outcome": outcome, "status": status})
    assert found(rows) == ["status"]


def test_what_is_equal_within_a_person_only_is_no_leak_when_persons_are_split():
    rng = np.random.default_rng(9)
    person = np.repeat(np.arange(100), 20)
    churned, wage = (rng.random(100) < 0.4).astype(int)[person], rng.normal(size=100)[person]
    rows = pl.DataFrame({"y_true": churned, "wage": wage})
    held = np.where(person % 4 == 0, "holdout", "train")
    assert determining_features(rows.with_columns(split=held), ["wage"]) == []


def test_a_band_of_amounts_in_words_is_found_and_a_category_that_overlaps_is_not():
    rng = np.random.default_rng(10)
    amounts = rng.normal(500, 100, N)
    bands = [f"{low} to {low + 12}" for low in (amounts // 12 * 12).astype(int)]
    near = [f"grade {grade}" for grade in ((amounts + rng.normal(0, 14, N)) // 12).astype(int)]
    names = [f"bill {n} of {amount:.6f}" for n, amount in enumerate(amounts)]
    rows = pl.DataFrame({"id": range(N), "outcome": amounts, "band": bands, "near": near})
    assert found(rows.with_columns(name=pl.Series(names))) == ["band"]


def test_a_number_whose_letters_tell_the_outcome_is_found_and_one_of_a_shop_is_not():
    rng = np.random.default_rng(12)
    rows = random_rows()
    desk = pl.when(pl.col("outcome") == 1).then(pl.lit("RF-")).otherwise(pl.lit("OK-"))
    shops = pl.Series(rng.choice(["north-", "south-"], N))
    number = (pl.col("id") * 7919 % 100_000).cast(pl.String)
    rows = rows.with_columns(case=desk + number, shop=pl.lit(shops) + number)
    assert found(rows) == ["case"]


def test_bands_with_their_limits_are_found_in_a_small_table_and_by_letters_in_a_larger_one():
    rng = np.random.default_rng(13)
    amounts = rng.normal(500, 100, N)
    step = (amounts // 12).astype(int)
    limits = [f"EUR {low * 12:,} to {low * 12 + 12:,}" for low in step]
    letters = [f"{chr(97 + one // 26)}{chr(97 + one % 26)}" for one in rng.permutation(90)]
    rows = pl.DataFrame({"id": range(N), "outcome": amounts, "limits": limits})
    assert found(rows.head(200)) == ["limits"]
    assert found(rows.with_columns(limits=pl.Series([letters[one] for one in step]))) == ["limits"]
