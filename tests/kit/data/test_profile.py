"""Profiles: what is planted is named, numbers are exact, and nobody's values come into the open."""

import datetime
import decimal
import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as statsmodels
from mlops_kit import cli
from mlops_kit.compare.profile.page import number
from mlops_kit.compare.profile.written import profiled
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.profiling import repeated, spread
from mlops_kit.data.profiling.opened import Asked, opened
from own_table import OwnTable
from scipy import stats
from small_disk import small_disk, told_of

N = 4_000
OPEN = Path("data/open")
WIDE = (",".join(f"c{n}" for n in range(5_000)) + "\n" + ",".join("1" * 5_000)).encode()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run `mlops data profile` with some words, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["mlops", "data", "profile", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def honest(n: int = N, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    height, noise = random.normal(size=n), random.normal(size=n)
    return pl.DataFrame(
        {
            "id": [f"token-{n:05d}" for n in random.permutation(n)],
            "split": np.where(np.arange(n) % 4 == 0, "holdout", "train"),
            "height": height,
            "kind": random.choice(["oak", "elm", "ash"], n),
            "amount": random.exponential(10, n).round(2),
            "noise": noise,
            "y_true": (height + noise + random.normal(size=n) > 0.5).astype(int),
        }
    )


def looked(table: pl.DataFrame, against: str | None = None) -> dict[str, Any]:
    """Profile a table as the features of the open zone."""
    OPEN.mkdir(parents=True, exist_ok=True)
    table.write_parquet(OPEN / "features.parquet")
    (result,) = profiled([Asked("features")], against)
    return result


def named(result: dict[str, Any]) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for one in result["findings"]:
        found.setdefault(one["kind"], []).append(one["columns"])
    return found


def block(table: pl.DataFrame) -> pl.DataFrame:
    rows = pl.int_range(pl.len()).is_between(1_000, 1_039)
    moved = pl.when(rows).then(pl.col("noise") + 60)
    return table.with_columns(moved.otherwise("noise").alias("noise"))


def leak(table: pl.DataFrame) -> pl.DataFrame:
    paid = pl.when(pl.col("y_true") == 1).then(pl.lit("paid")).otherwise(pl.lit("open"))
    return table.with_columns(after=paid)


def rare(table: pl.DataFrame) -> pl.DataFrame:
    by_chance = pl.Series(np.random.default_rng(8).normal(size=len(table)))
    return table.with_columns((pl.col("height") + by_chance > 3.2).cast(int).alias("y_true"))


PLANTED = {
    "leak": (leak, ["after"]),
    "imbalance": (rare, ["y_true"]),
    "outliers": (block, ["noise"]),
    "equal columns": (lambda t: t.with_columns(size=pl.col("height")), ["size", "height"]),
    "constant": (lambda t: t.with_columns(unit=pl.lit("cm")), ["unit"]),
    "equal rows": (lambda t: pl.concat([t, t.head(100).with_columns(id=pl.col("id") + "b")]), []),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_named_and_nothing_else(kind: str) -> None:
    plant, columns = PLANTED[kind]
    found = named(looked(plant(honest())))
    assert found.pop("identifier") == [["id"]]
    assert found == {kind: [columns]}


def test_an_honest_table_has_its_key_named_and_no_more() -> None:
    assert set(named(looked(honest()))) == {"identifier"}


def test_an_outlier_block_is_told_with_its_rows() -> None:
    (said,) = (one["sentence"] for one in looked(block(honest()))["findings"]
               if one["kind"] == "outliers")  # fmt: skip
    assert "40 rows (1.0%)" in said
    assert "together in rows 1,001 to 1,040" in said


def test_a_highest_grade_is_no_stand_in_and_a_stand_in_far_out_is_told() -> None:
    # Years at school of 753 women (Mroz 1987): half have 12, and who has most has 17.
    women = [4, 6, 8, 30, 25, 44, 43, 381, 44, 51, 14, 57, 46]
    years = np.random.default_rng(9).permutation(np.repeat(np.arange(5, 18), women))
    table = honest(len(years)).with_columns(years=pl.Series(years))
    assert set(named(looked(table))) == {"identifier"}
    far = pl.when(pl.int_range(pl.len()) % 50 == 0).then(999).otherwise("noise").alias("noise")
    (found,) = (one for one in looked(honest().with_columns(far))["findings"]
                if one["kind"] == "outliers")  # fmt: skip
    assert "on one side all of them one value" in found["sentence"]


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).lognormal(3, 2, 30_000),
        np.random.default_rng(2).poisson(900, 30_000).astype(float) * 7919,
        np.where(np.arange(30_000) % 3 == 0, 0, np.random.default_rng(3).normal(size=30_000)),
        np.append(np.random.default_rng(4).normal(size=29_999), 1e90),
    ],
    ids=["skewed", "whole", "mostly one", "one huge"],
)
def test_quantiles_are_exact_however_the_values_lie(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "FEW", 100)
    pl.DataFrame({"v": values}).write_parquet("v.parquet")
    with opened(Asked("v.parquet"), None) as table:
        low, high = float(values.min()), float(values.max())
        found = spread.quantiles(table, table.columns[0], low, high, values.size)
    wanted = np.quantile(values, spread.SHARES, method="averaged_inverted_cdf")
    assert list(found.values()) == pytest.approx(wanted.tolist(), rel=1e-15)


def test_counts_means_and_modes_are_those_of_all_rows() -> None:
    table = honest().with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("amount").alias("amount"),
        part=pl.when(pl.int_range(pl.len()) % 4 == 0).then(0.0).otherwise("noise"),
    )
    records = {one["name"]: one for one in looked(table)["columns"]}
    amount = table["amount"].drop_nulls()
    assert records["amount"]["missing"] == 400
    assert records["amount"]["mean"] == pytest.approx(amount.mean(), rel=1e-12)
    assert records["amount"]["deviation"] == pytest.approx(amount.std(), rel=1e-12)
    assert (records["amount"]["minimum"], records["amount"]["maximum"]) == (
        amount.min(), amount.max())  # fmt: skip
    assert records["amount"]["median"] == amount.median(), "of an even number of values, too"
    assert records["part"]["median"] == table["part"].median()
    assert (records["part"]["mode"], records["part"]["commonest_share"]) == (0.0, 0.25)
    assert dict(records["kind"]["levels"]) == dict(table["kind"].value_counts().iter_rows())
    histogram = records["noise"]["histogram"]
    counts = np.histogram(table["noise"], histogram["edges"])[0]
    assert histogram["counts"] == counts.tolist()


def test_relations_are_scipys_and_chance_is_called_so() -> None:
    table = honest().with_columns(weight=pl.col("height").exp() + pl.col("noise") / 5)
    result = looked(table)
    pairs = {(one["a"], one["b"]): one for one in result["relations"]["pairs"]}
    pair = pairs["height", "weight"]
    assert pair["pearson"] == pytest.approx(stats.pearsonr(table["height"], table["weight"])[0])
    assert pair["spearman"] == pytest.approx(stats.spearmanr(table["height"], table["weight"])[0])
    told = {one["column"]: one for one in result["candidates"]}
    assert result["candidates_rows"] == 3_000  # of training alone
    assert not told["height"]["chance"]
    assert told["kind"]["chance"]
    assert told["amount"]["chance"]
    assert result["candidates"][0]["column"] in ("height", "noise", "weight")


def test_categories_go_together_as_scipy_and_a_regression_on_them_say() -> None:
    random = np.random.default_rng(7)
    a = random.integers(0, 4, 600)
    b = np.where(random.random(600) < 0.4, a, random.integers(0, 3, 600))
    height = a * 0.7 + random.normal(size=600)
    table = pl.DataFrame(
        {
            "a": [None if n % 50 == 0 else f"a{one}" for n, one in enumerate(a)],
            "b": [f"b{one}" for one in b],
            "y_true": random.integers(0, 2, 600),
            "height": [None if n % 70 == 0 else one for n, one in enumerate(height)],
        }
    )
    pairs = {(one["a"], one["b"]): one["value"] for one in looked(table)["relations"]["pairs"]}
    both = table.drop_nulls(["a", "b"]).pivot("b", index="a", values="b", aggregate_function="len")
    counts = both.drop("a").fill_null(0).to_numpy()
    n, (rows, columns) = counts.sum(), counts.shape
    # Bergsma (2013): chi-square and the numbers of levels, each without what chance gives it.
    phi = max(stats.chi2_contingency(counts, correction=False)[0] / n
              - (rows - 1) * (columns - 1) / (n - 1), 0)  # fmt: skip
    fewest = min(each - (each - 1) ** 2 / (n - 1) for each in (rows, columns))
    assert pairs["a", "b"] == pytest.approx(math.sqrt(phi / (fewest - 1)))
    assert pairs["a", "b"] < stats.contingency.association(counts, method="cramer")
    # Kelley (1935) is the adjusted R² of a regression on the categories.
    there = table.drop_nulls(["a", "height"])
    known = statsmodels.OLS(
        there["height"].to_numpy(), there["a"].to_dummies().to_numpy().astype(float)
    ).fit()
    assert pairs["a", "height"] == pytest.approx(math.sqrt(known.rsquared_adj))


def test_the_page_runs_nothing_and_asks_nothing_of_the_network() -> None:
    text = Path(looked(block(honest()))["written"][1]).read_text("utf-8")
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)=|url\(|@import""", text)
    assert "together in rows 1,001 to 1,040" in text
    assert len(text) < 60_000
    evil = honest().rename({"kind": "<img onerror=x>"})
    text = Path(looked(evil)["written"][1]).read_text("utf-8")
    assert "<img" not in text


def test_nobodys_own_value_is_shown_and_raw_data_stays_restricted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = pl.DataFrame(
        {
            "email": [f"person{n}@example.org" for n in range(300)],
            "customer_id": range(77_000, 77_300),
            "town": ["Rosario"] * 290 + [f"Hamlet {n}" for n in range(10)],
            "age": [20 + n % 50 for n in range(299)] + [104],
        }
    )
    people.write_csv("people.csv")
    assert command(monkeypatch, "people.csv", "--json") == 0
    printed = capsys.readouterr().out
    files = [file for file in Path().rglob("*") if file.is_file() and file.name != "people.csv"]
    assert {file.parent for file in files} == {Path("data/restricted/profiles")}
    for text in [printed, *(file.read_text("utf-8") for file in files)]:
        for secret in ("example.org", "Hamlet", "77000", "77,000", "77299"):
            assert secret not in text
    assert "Rosario" not in printed
    assert "104" not in printed
    (record,) = json.loads(printed)
    assert record["restricted"]
    assert command(monkeypatch, "people.csv") == 0
    said = capsys.readouterr().out
    assert "Rosario" not in said
    assert "restricted zone" in said


def test_two_months_side_by_side_say_what_moved_and_alike_ones_nothing() -> None:
    before = honest(seed=1)
    before.write_parquet("before.parquet")
    assert looked(honest(seed=2), "before.parquet")["against"]["differences"] == []
    now = honest(seed=2).with_columns(
        noise=pl.col("noise") + 1,
        kind=pl.col("kind").replace("elm", "yew"),
        amount=pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise("amount"),
        extra=pl.lit(1),
    )
    differences = looked(now.drop("height"), "before.parquet")["against"]["differences"]
    found = {(one["column"], one["kind"]): one["sentence"] for one in differences}
    assert set(found) == {
        *(("height", "gone"), ("extra", "new"), ("noise", "moved"), ("amount", "missing")),
        *(("kind", "moved"), ("kind", "outside")),
    }
    assert "1.0" in found["noise", "moved"]
    assert "higher" in found["noise", "moved"]
    assert "20.0% missing, 0.0%" in found["amount", "missing"]


def test_texts_get_lengths_and_a_vocabulary() -> None:
    words = ["the pump is broken again", "the door does not close", "no water in the drum"]
    table = pl.DataFrame({"note": [f"{words[n % 3]} since day {n}" for n in range(400)]})
    table.write_ndjson("notes.jsonl")
    (result,) = profiled([Asked("notes.jsonl")], None)
    (record,) = result["columns"]
    assert record["kind"] == "text"
    assert record["longest"] == max(table["note"].str.len_chars())
    split = [text.split() for text in table["note"]]
    assert record["text"]["vocabulary"] == len(set().union(*split))
    assert record["text"]["mean_words"] == pytest.approx(np.mean([len(each) for each in split]))
    shown = dict(record["text"]["words"])
    assert shown["the"] == 1
    assert not any(word.isdigit() for word in shown)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("nowhere.csv", None, 'There is no table or file "nowhere.csv" here'),
        ("a.xlsx", b"x", "is no table that can be read here"),
        ("a.parquet", b"x", "is no whole parquet file"),
        ("a.csv", b"", "is empty"),
        ("b.csv", b"a,b\n", "has no rows"),
        ("c.jsonl", b"{oops\n", "is no whole JSON object"),
        ("d.csv", WIDE, "has 5,000 columns"),
    ],
    ids=["not there", "office", "no parquet", "empty", "header", "no json", "wide"],
)
def test_what_cannot_be_profiled_is_one_sentence(
    file: str,
    content: bytes | None,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if content is not None:
        Path(file).write_bytes(content)
    with pytest.raises(MlopsError, match=re.escape(said)):
        list(profiled([Asked(file)], None))
    assert command(monkeypatch, file) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_columns_of_every_type_are_looked_at(tmp_path: Path) -> None:
    n = 400
    start = datetime.date(1600, 1, 1)
    odd = pl.DataFrame(
        {
            "inf": [math.inf if i % 50 == 0 else float(i) for i in range(n)],
            "huge": [1e308 * (1 if i % 2 else -1) for i in range(n)],
            "nan": [math.nan if i % 3 else 1.0 for i in range(n)],
            "dec": [decimal.Decimal(i) / 100 for i in range(n)],
            "list": [[1, 2]] * n, "struct": [{"a": i} for i in range(n)], "bytes": [b"ab"] * n,
            "old": [start + datetime.timedelta(days=i) for i in range(n)],
            "clock": [datetime.time(1, 2)] * n, "empty": [None] * n,
            "\N{DECIDUOUS TREE} name": ["oak", "elm"] * (n // 2),
            "group": pl.Series(["x", "y", "z", "w"] * (n // 4), dtype=pl.Categorical),
            "case": range(n), "Case": range(n),
        }
    )  # fmt: skip
    odd.write_parquet(tmp_path / "odd.parquet")
    (result,) = profiled([Asked("odd.parquet")], None)
    assert [one["name"] for one in result["columns"]] == odd.columns
    found = named(result)
    assert (found["infinite"], found["empty"]) == ([["inf"]], [["empty"]])
    assert ["Case"] in [columns[:1] for columns in found["equal columns"]]


def test_columns_of_other_values_are_told_apart_without_asking_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(1)
    wide = pl.DataFrame({f"c{n}": random.normal(size=300) for n in range(30)})
    again = wide.with_columns(copy=pl.col("c7"), word=pl.col("c9").cast(str))
    asked = []
    how = repeated._how

    def counted(*given: Any) -> str | None:
        asked.append(given)
        return how(*given)

    monkeypatch.setattr(repeated, "_how", counted)
    again.write_parquet("wide.parquet")
    (result,) = profiled([Asked("wide.parquet")], None)
    pairs = {(one["column"], one["of"]) for one in result["repeated_columns"]}
    assert pairs == {("copy", "c7"), ("word", "c9")}
    assert result["notes"] == []
    assert len(asked) == 2


def test_equal_rows_of_two_columns_are_counted_and_no_finding() -> None:
    pl.DataFrame({"a": [1, 2] * 40, "b": ["x", "y"] * 40}).write_parquet("narrow.parquet")
    (result,) = profiled([Asked("narrow.parquet")], None)
    assert result["repeated_rows"]["rows"] == 78
    assert "equal rows" not in named(result)


def test_what_is_not_looked_at_of_many_columns_is_said() -> None:
    random = np.random.default_rng(1)
    wide = {f"c{n}": random.integers(0, 9, 200) for n in range(302)} | {"same": [1] * 200}
    pl.DataFrame(wide).write_parquet("wide.parquet")
    (result,) = profiled([Asked("wide.parquet")], None)
    assert [note.split(" among the first ")[1] for note in result["notes"]] == [
        "300 columns; --columns chooses others", "60 columns; --columns chooses others"
    ]  # fmt: skip
    assert (len(result["relations"]["columns"]), result["relations"]["beyond"]) == (60, 240)
    assert result["relations"]["left_out"] == []


def test_an_empty_table_and_a_wrong_name_are_one_sentence() -> None:
    honest(0).write_parquet("none.parquet")
    with pytest.raises(MlopsError, match="has no rows"):
        list(profiled([Asked("none.parquet")], None))
    honest(50).write_parquet("some.parquet")
    for asked in (Asked("some.parquet", "sold"), Asked("some.parquet", None, ["sold"])):
        with pytest.raises(MlopsError, match='has no column "sold"'):
            list(profiled([asked], None))


def test_types_of_a_csv_are_those_of_all_its_values() -> None:
    rows = 12_000
    pl.DataFrame(
        {
            "code": [f"{n % 900:04d}" for n in range(rows)],
            "late": [str(n) for n in range(rows - 1)] + ["2.5"],
            "day": [f"2026-{n % 12 + 1:02d}-01" for n in range(rows)],
            "mixed": ["1"] * (rows - 1) + ["x"],
            "gap": ["NA", "3"] * (rows // 2),
        }
    ).write_csv("t.csv")
    (result,) = profiled([Asked("t.csv")], None)
    types = {one["name"]: (one["type"], one["missing"]) for one in result["columns"]}
    assert types == {"code": ("VARCHAR", 0), "late": ("DOUBLE", 0), "day": ("DATE", 0),
                     "mixed": ("VARCHAR", 0), "gap": ("BIGINT", rows // 2)}  # fmt: skip
    assert "mixed" in result["notes"][0]


def test_a_full_disk_is_one_sentence(folder: Path) -> None:
    with small_disk(folder / "small", 8) as disk:
        os.chdir(disk.path)
        honest(2_000).write_csv("t.csv")
        disk.fill(20_000)
        said = told_of(lambda: list(profiled([Asked("t.csv")], None)))
    assert "The disk is full" in said


def test_a_project_profiles_its_features_and_every_open_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = honest(600).drop("id", "split").rename({"y_true": "outcome"})
    own = OwnTable(rows.with_columns(id=pl.int_range(pl.len()) + 1))
    own.featured(folder, monkeypatch)
    capsys.readouterr()
    assert command(monkeypatch) == 0
    said = capsys.readouterr().out
    assert "features     600 rows" in said
    assert "reports/data/profile.html" in said
    assert "reports/data/profile-t.html" in said
    features = json.loads(Path("reports/data/profile.json").read_text("utf-8"))
    assert features["outcome"]["column"] == "y_true"
    assert not features["restricted"]
    assert 300 < features["candidates_rows"] < 600
    assert not list(Path("data").rglob(".profile*"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0000123, "0.0000123"),
        (-3e-9, "-3 × 10⁻⁹"),  # noqa: RUF001
        (1234567.0, "1,234,567"),
        (2.50001, "2.5"),
    ],
)
def test_the_page_writes_numbers_as_people_do(value: float, said: str) -> None:
    assert number(value) == said
