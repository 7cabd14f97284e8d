"""Samples: each row as likely as its card says, and the same rows wherever they are drawn."""

import gzip
import hashlib
import json
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlops_kit import cli
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import remove_leftovers
from mlops_kit.core.utc import connect
from mlops_kit.data.ingest import BUCKETS
from mlops_kit.data.sampling import card
from mlops_kit.data.sampling.definition import KEYS, Sample
from mlops_kit.data.sampling.draw import PROBABILITY, WAVE, draw
from mlops_kit.data.sampling.strata import allocated
from mlops_kit.data.sampling.stream import reservoir
from scipy import stats

N = 40
ROWS = pl.DataFrame(
    {
        "id": range(N),
        "kind": ["oak" if n % 5 else "elm" for n in range(N)],
        "weight": [float(n % 4 + 1) if n else 60.0 for n in range(N)],
        "height": [float(n**2 % 17) for n in range(N)],
        "owner": [n // 4 for n in range(N)],
    }
)
# The methods whose chances are known, with sizes at which rows are certain, rare and common.
BY_CHANCE: dict[str, dict[str, Any]] = {
    "hash": {"share": 0.3},
    "hash of units": {"method": "hash", "share": 0.3, "unit": "owner"},
    "random": {"size": 13},
    "systematic": {"size": 12, "order_by": ["height"]},
    "stratified": {"size": 11, "by": ["kind"], "at_least": 4},
    "weighted": {"size": 9, "weight": "weight"},
}


def drawn(
    asked: Mapping[str, Any], seed: int = 7, rows: pl.DataFrame = ROWS, threads: int = 1,
    key: str | None = "id",
) -> tuple[pl.DataFrame, dict[str, Any]]:  # fmt: skip
    """Draw of a frame, and return the sample in the order of its columns with what was told."""
    sample = Sample.model_validate({"table": "trees", **asked})
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.register("source", rows.to_arrow())
        if sample.edges is not None:
            edges = pl.DataFrame({"a": range(N - 1), "b": range(1, N)})
            connection.register("edges", edges.to_arrow())
        facts = draw(connection, sample, seed, key)
        return connection.sql("SELECT * FROM drawn ORDER BY ALL").pl(), facts


def named(name: str) -> dict[str, Any]:
    return {"method": name} | BY_CHANCE[name]


@pytest.mark.parametrize("seeds", [60, pytest.param(3_000, marks=pytest.mark.repetition)])
@pytest.mark.parametrize("name", BY_CHANCE)
def test_every_row_comes_as_often_as_its_chance_says(name: str, seeds: int) -> None:
    came, chances = np.zeros(N), np.zeros(N)
    for seed in range(seeds):
        try:
            sample, _ = drawn(named(name), seed)
        except MlopsError as nothing:
            assert "no row of trees came in" in str(nothing)
            continue
        places = sample["id"].to_numpy()
        came[places] += 1
        chances[places] = sample[PROBABILITY].to_numpy()
    assert (came > 0).all()
    certain = chances == 1
    assert (came[certain] == seeds).all()
    mean, spread = seeds * chances[~certain], np.sqrt(seeds * chances * (1 - chances))[~certain]
    z = (came[~certain] - mean) / spread
    # Rows of a fixed size avoid each other: their sum is smaller than chi-square's, not larger.
    independent = 4 if "units" in name else 1
    assert stats.chi2.sf((z**2).sum() / independent, z.size / independent) > 1e-4
    assert 2 * stats.norm.sf(np.abs(z).max()) * z.size > 1e-4
    strata = {"hash": 0, "random": 1, "stratified": 2}
    if name in strata:  # and not smaller by more than those avoid
        assert stats.chi2.cdf((z**2).sum(), z.size - strata[name]) > 1e-4


@pytest.mark.parametrize("name", BY_CHANCE)
def test_order_and_threads_change_no_row(name: str) -> None:
    sample, facts = drawn(named(name))
    shuffled = ROWS.sample(fraction=1, shuffle=True, seed=3)
    for rows, threads in product((ROWS, shuffled), (1, 2)):
        again, told = drawn(named(name), rows=rows, threads=threads)
        assert again.equals(sample)
        assert told == facts
    other, _ = drawn(named(name), seed=8)
    assert not other.equals(sample)


def test_another_engine_that_follows_the_definition_draws_the_same() -> None:
    def number(key: int) -> float:
        code = hashlib.sha256(f"sample:7:{key}".encode()).hexdigest()
        return (int(code[:13], 16) + 0.5) / 16**13

    numbered = ROWS.with_columns(pl.col("id").map_elements(number, pl.Float64).alias("number"))
    smallest = numbered.sort("number").head(13)["id"].sort()
    assert drawn(named("random"))[0]["id"].sort().equals(smallest)
    assert (
        drawn(named("hash"))[0]["id"]
        .sort()
        .equals(numbered.filter(pl.col("number") < 0.3)["id"].sort())
    )


def test_a_sample_is_not_the_holdout_of_the_same_seed() -> None:
    ids = range(20_000)
    held_out = {
        one for one in ids
        if int(hashlib.sha256(f"7:{one}".encode()).hexdigest()[:8], 16) % BUCKETS < BUCKETS * 0.2
    }  # fmt: skip
    rows = pl.DataFrame({"id": ids})
    sample, _ = drawn({"share": 0.2}, rows=rows)
    shared = len(held_out & set(sample["id"]))
    assert abs(shared - 0.04 * len(ids)) < 5 * (0.04 * len(ids)) ** 0.5


def test_a_larger_sample_of_the_same_seed_holds_the_smaller_one() -> None:
    small, large = (set(drawn({"method": "random", "size": size})[0]["id"]) for size in (5, 20))
    assert small < large


def test_units_come_whole() -> None:
    sample, facts = drawn(named("hash of units"))
    assert facts["drawn"] * 4 == facts["rows"] == sample.height
    assert facts["population"] == N / 4


def test_chances_of_weights_follow_them_and_add_up_to_the_size() -> None:
    sample, _ = drawn(named("weighted"))
    assert sample.height == 9
    every: dict[int, float] = {}
    for seed in range(40):
        again, _ = drawn(named("weighted"), seed)
        assert again.height == 9
        every |= dict(zip(again["id"], again[PROBABILITY], strict=True))
    assert sum(every.values()) == pytest.approx(9)
    assert every[0] == 1  # nine times its weight is more than that of all others
    assert every[7] / every[4] == pytest.approx(4)
    # As Horvitz and Thompson estimate: on average the total of the whole.
    totals = [
        float((one["height"] / one[PROBABILITY]).sum())
        for one in (drawn(named("weighted"), seed)[0] for seed in range(60))
    ]
    error = stats.sem(totals)
    assert abs(np.mean(totals) - float(ROWS["height"].to_numpy().sum())) < 4 * error


@pytest.mark.parametrize(
    ("weights", "size", "certain"),
    [([1, 1, 1, 1], 4, 4), ([0, 0, 5, 5], 2, 2), ([100, 10, 1, 1, 1], 3, 2), ([3, 3, 3], 1, 0)],
)
def test_what_is_certain_comes_always(weights: list[float], size: int, certain: int) -> None:
    rows = pl.DataFrame({"id": range(len(weights)), "weight": weights})
    asked = {"method": "weighted", "weight": "weight", "size": size}
    for seed in range(5):
        sample, facts = drawn(asked, seed, rows)
        assert sample.height == size
        assert (sample[PROBABILITY] == 1).sum() == certain
        assert facts.get("never", 0) == weights.count(0)


@given(
    weight=st.sampled_from([0.1, 0.2, 0.3, 1 / 3, 0.7, 1.1]),
    alike=st.integers(1, 7),
    more=st.integers(1, 4),
    others=st.integers(5, 12),
)
@example(weight=0.2, alike=7, more=4, others=7)
@settings(max_examples=60, deadline=None)
def test_equal_weights_at_the_limit_are_certain_together(
    weight: float, alike: int, more: int, others: int
) -> None:
    # The others together weigh so much that rounding alone decides whether these are certain.
    rest = more * weight / others
    rows = pl.DataFrame({"id": range(alike + others), "weight": [weight] * alike + [rest] * others})
    asked = {"method": "weighted", "weight": "weight", "size": alike + more}
    sample, _ = drawn(asked, rows=rows)
    assert sample.height == alike + more
    chances = sample[PROBABILITY].to_numpy()
    assert chances[sample["id"].to_numpy() < alike] == pytest.approx(1)
    assert chances[sample["id"].to_numpy() >= alike] == pytest.approx(more / others)


@given(
    rows=st.lists(st.tuples(st.integers(1, 50), st.floats(0, 10)), min_size=1, max_size=8),
    allocation=st.sampled_from(["proportional", "equal", "optimal"]),
    at_least=st.integers(0, 3),
    part=st.floats(0.01, 1),
)
@example(rows=[(2, 5e-324)], allocation="optimal", at_least=0, part=0.5)
@example(rows=[(50, 1e308), (50, 1e307)], allocation="optimal", at_least=0, part=0.5)
@settings(max_examples=300, deadline=None)
def test_a_size_is_divided_exactly(
    rows: list[tuple[int, float]], allocation: str, at_least: int, part: float
) -> None:
    strata = {str(place): one for place, one in enumerate(rows)}
    whole = sum(count for count, _ in rows)
    size = max(1, int(part * whole))
    spread = {"spread_of": "height"} if allocation == "optimal" else {}
    sample = Sample.model_validate(
        {"table": "t", "method": "stratified", "size": size, "by": ["kind"], "at_least": at_least,
         "allocation": allocation, **spread}
    )  # fmt: skip
    least = {name: min(count, at_least) for name, (count, _) in strata.items()}
    if sum(least.values()) > size:
        with pytest.raises(MlopsError, match="coarser strata"):
            allocated(sample, strata)
        return
    found = allocated(sample, strata)
    assert sum(found.values()) == size
    assert all(least[name] <= found[name] <= count for name, (count, _) in strata.items())
    if allocation == "proportional" and not at_least:
        exact = {name: size * count / whole for name, (count, _) in strata.items()}
        assert all(abs(found[name] - share) < 1 for name, share in exact.items())


def test_optimal_goes_where_values_spread() -> None:
    asked = {"table": "t", "method": "stratified", "size": 30, "by": ["kind"]}
    optimal = Sample.model_validate(asked | {"allocation": "optimal", "spread_of": "height"})
    assert allocated(optimal, {"a": (100, 1.0), "b": (100, 4.0)}) == {"a": 6, "b": 24}
    assert allocated(optimal, {"a": (100, 0.0), "b": (10, 4.0)}) == {"a": 20, "b": 10}


def test_equal_rows_without_a_key_are_as_many_rows() -> None:
    rows = pl.DataFrame({"kind": ["oak"] * 30 + ["elm"] * 10})
    counts = [drawn({"share": 0.5}, seed, rows, key=None)[0].height for seed in range(12)]
    assert 16 < np.mean(counts) < 24
    sample, _ = drawn({"method": "random", "size": 40}, rows=rows, key=None)
    assert sample["kind"].value_counts(sort=True)["count"].to_list() == [30, 10]


def test_quotas_are_filled_in_order_and_a_short_one_is_told() -> None:
    asked = {"method": "quota", "by": ["kind"], "quota": {"oak": 3, "elm": 100}, "order_by": ["id"]}
    sample, facts = drawn(asked)
    assert sample.filter(pl.col("kind") == "oak")["id"].sort().to_list() == [1, 2, 3]
    assert facts["strata"]["elm"] == {"asked": 100, "drawn": 8}
    assert sample[PROBABILITY].is_null().all()


def test_a_snowball_goes_as_many_waves_as_it_is_told() -> None:
    edges = {"table": "next", "of": "a", "to": "b"}
    asked = {"method": "snowball", "edges": edges, "start": "id = 10", "waves": 2}
    sample, facts = drawn(asked)
    assert dict(zip(sample["id"], sample[WAVE], strict=True)) == {8: 2, 9: 1, 10: 0, 11: 1, 12: 2}
    assert facts["waves"] == [1, 2, 2]
    one_way, _ = drawn(asked | {"edges": edges | {"both_ways": False}})
    assert one_way["id"].to_list() == [10, 11, 12]
    few, _ = drawn(asked | {"most": 1, "waves": 1})
    assert few.height == 2


def test_a_person_s_choice_and_what_is_at_hand_have_no_chance() -> None:
    chosen, _ = drawn({"method": "judgement", "where": "height > 14", "reason": "the tall ones"})
    assert (chosen["height"] > 14).all()
    first = {"method": "convenience", "size": 3, "order_by": ["id"], "reason": "near the road"}
    assert drawn(first)[0]["id"].to_list() == [0, 1, 2]
    assert drawn(first)[0][PROBABILITY].is_null().all()


def test_a_reservoir_reads_once_and_keeps_each_row_as_likely(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    text = "id,name\n" + "".join(f"{n:03d},Ñ {n}\n" for n in range(30))
    file.write_bytes(gzip.compress(text.encode()))
    came = np.zeros(30)
    for seed in range(100):
        rows, population = reservoir(file, 7, seed)
        assert (rows.num_rows, population) == (7, 30)
        came[[int(one) for one in rows["id"].to_pylist()]] += 1
    assert rows["id"].to_pylist() == sorted(rows["id"].to_pylist())
    assert all(len(one) == 3 for one in rows["id"].to_pylist())  # texts, as the file has them
    expected = 100 * 7 / 30
    statistic = ((came - expected) ** 2 / (expected * (1 - 7 / 30))).sum()
    assert 1e-4 < stats.chi2.sf(statistic, 29) < 1 - 1e-4
    assert reservoir(file, 50, 1)[0].num_rows == 30


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,city\n" + "Ana,Quito\n" * 6 + "Ana,Quito,Peru\n", "record 7 has 3 cells"),
        ("Report of today\nname,city,n\nAna,Quito,1\n", "record 1 has 3 cells"),
        ("", "is empty"),
    ],
)
def test_no_row_of_a_csv_is_left_out_because_it_looks_odd(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MlopsError, match=told):
        reservoir(file, 3, 1)


def test_a_csv_begins_with_its_names_even_if_those_are_numbers(tmp_path: Path) -> None:
    file = tmp_path / "rows[1].csv"
    file.write_text("2020;2021\n1;2\n", encoding="utf-8")
    rows, population = reservoir(file, 3, 1)
    assert (rows.to_pylist(), population) == ([{"2020": "1", "2021": "2"}], 1)
    file.write_text("a,a\n1,2\n", encoding="utf-8")
    assert reservoir(file, 3, 1)[0].to_pylist() == [{"a (1 of 2)": "1", "a (2 of 2)": "2"}]


def test_a_csv_may_state_its_delimiter_above_its_names(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("sep=;\na;b\n1;2,5\n", encoding="utf-8")
    assert reservoir(file, 3, 1)[0].to_pylist() == [{"a": "1", "b": "2,5"}]


def test_what_only_late_lines_of_json_have_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n' * 30_000 + '{"a": "x", "late": 2}\n', encoding="utf-8")
    rows, population = reservoir(file, 30_001, 1)
    assert population == 30_001
    assert rows["late"].to_pylist()[-1] == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", '{"n": 1, "rows": [{"id": "1"}, {"id": "2", "note": 3.50}]}'),
        ("t.xml", '<shop><row id="1"/><row id="2"><note>3.50</note></row></shop>'),
    ],
)
def test_documents_are_drawn_from_as_texts(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    rows, population = reservoir(file, 5, 1)
    assert population == 2
    assert rows.to_pylist() == [{"id": "1", "note": None}, {"id": "2", "note": "3.50"}]


def test_batches_of_a_large_file_change_no_chance(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pl.DataFrame({"id": range(250_000)}).write_parquet(file)
    counts = np.zeros(5)
    for seed in range(12):
        rows, population = reservoir(file, 2_000, seed)
        assert (rows.num_rows, population) == (2_000, 250_000)
        counts += np.bincount(rows["id"].to_numpy() // 50_000, minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("method", KEYS)
def test_each_method_says_what_it_needs(method: str) -> None:
    needed, _ = KEYS[method]
    with pytest.raises(ValueError, match=f"the method {method} needs {min(needed)}"):
        Sample.model_validate({"table": "t", "method": method})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"method": "random", "size": 41}, "41 are asked for and trees has 40"),
        ({"share": 1e-9}, "no row of trees came in"),
        ({"share": 0.5, "unit": "nobody"}, 'no column "nobody"; its columns: id, kind'),
        ({"method": "weighted", "size": 3, "weight": "minus"}, 'no column "minus"'),
        ({"method": "judgement", "where": "heigth > 3", "reason": "the tall ones"}, "heigth"),
        ({"method": "judgement", "where": "id < 0", "reason": "none at all"}, "no row .*id < 0"),
        ({"method": "stratified", "size": 3, "by": ["id"]}, "coarser strata"),
        ({"share": 0.5, "unit": "gap"}, "trees has 1 row without gap"),
        ({"method": "weighted", "size": 9, "weight": "rare"}, "9 are asked for and 2 of trees"),
        (
            {
                "method": "stratified",
                "size": 9,
                "by": ["kind"],
                "allocation": "optimal",
                "spread_of": "odd",
            },
            "1 of trees have no finite odd",
        ),
        ({"method": "quota", "by": ["kind"], "quota": {"ash": 1}}, 'of the group "ash".*elm, oak'),
        (
            {"method": "stratified", "size": 3, "by": ["kind"], "unit": "owner"},
            "rows of one owner differ",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(asked: dict[str, Any], told: str) -> None:
    rows = ROWS.with_columns(
        gap=pl.when(pl.col("id") > 0).then("owner"),
        rare=(pl.col("id") < 2).cast(pl.Float64),
        odd=pl.when(pl.col("id") == 3).then(float("nan")).otherwise("height"),
    )
    with pytest.raises(MlopsError, match=told) as error:
        drawn(asked, rows=rows)
    assert "\n" not in str(error.value)


def test_a_table_without_a_row_is_one_sentence() -> None:
    with pytest.raises(MlopsError, match="trees has no row to draw"):
        drawn({"share": 0.5}, rows=ROWS.head(0))


@pytest.mark.parametrize("name", ["chance", "key", "number", "stratum", WAVE, "place", "size"])
def test_a_column_may_have_any_name_that_a_sample_does_not_add(name: str) -> None:
    rows = ROWS.with_columns(pl.col("id").alias(name))
    for asked in (
        {"method": "stratified", "size": 9, "by": ["kind"]},
        {"method": "judgement", "where": f"{name} > 30", "reason": "the youngest"},
    ):
        sample, _ = drawn(asked, rows=rows)
        assert sample[name].to_list() == sample["id"].to_list()
        assert sample.height == 9


@pytest.mark.parametrize("name", [PROBABILITY, PROBABILITY.title(), "#key", "#chance"])
def test_a_column_that_a_sample_adds_is_refused(name: str) -> None:
    with pytest.raises(MlopsError, match=f"has a column {name}, which a sample adds"):
        drawn({"share": 0.5}, rows=ROWS.with_columns(pl.col("id").alias(name)))


def test_weights_must_be_numbers_from_0_on() -> None:
    for wrong in (-1.0, float("nan"), None):
        weight = pl.when(pl.col("id") == 3).then(wrong).otherwise("weight").alias("weight")
        rows = ROWS.with_columns(weight)
        with pytest.raises(MlopsError, match="1 of trees have no weight from 0 on"):
            drawn(named("weighted"), rows=rows)


@pytest.fixture
def project(club: Path) -> Path:
    """Stand in a project whose open zone has tables."""
    tables = Path("data/open/tables")
    tables.mkdir(parents=True, exist_ok=True)
    sources = club / "conf/sources.yaml"
    assert "members" in sources.read_text()
    pl.DataFrame({"member_id": range(50), "level": ["a", "b"] * 25}).write_parquet(
        tables / "members.parquet"
    )
    with (club / "params.yaml").open("a", encoding="utf-8") as file:
        file.write("\nsamples:\n  few: {table: members, method: random, size: 5}\n")
    return club


def mlops(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command line and return its exit code and what it printed."""
    with pytest.raises(SystemExit) as ended, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["mlops", *words])
        cli.main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_the_command_writes_a_sample_with_its_card(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = mlops(capsys, "data", "sample")
    assert code == 0
    assert "few          5 of 50 rows of members: data/open/samples/few.parquet" in out
    assert "chance of each: 0.1" in out
    card = json.loads(Path("data/open/samples/few.sample.json").read_text())
    rows = pl.read_parquet(card["file"])
    assert rows.height == card["rows"] == 5
    assert (rows[PROBABILITY] == 0.1).all()
    assert card["effective"] == pytest.approx(5)
    first = Path(card["file"]).read_bytes()
    mlops(capsys, "data", "sample", "few")
    assert Path(card["file"]).read_bytes() == first
    code, out, _ = mlops(
        capsys, "data", "sample", "some", "--set", "table=members", "--set", "method=stratified",
        "--set", "by=level", "--set", "size=8", "--json",
    )  # fmt: skip
    (card,) = json.loads(out)
    assert card["strata"] == {"a": {"rows": 25, "drawn": 4}, "b": {"rows": 25, "drawn": 4}}
    assert not [file for file in Path("data/open/samples").iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none"], 'params.yaml defines no "none"; it defines: few.'),
        (["few", "--set", "size=0"], "--set: size: Input should be greater than or equal to 1."),
        (["few", "--set", "siz=3"], "is not understood"),
        (["few", "--set", "seed=-1"], "--set: seed: Input should be greater than or equal to 0."),
        (["--set", "size=3"], "--set is about one sample"),
        (["../x", "--set", "table=members"], "is no name of a file"),
        (["x", "--set", "table=nobody", "--set", "share=.5"], 'there is no table "nobody"'),
        (["x", "--set", "file=a.csv", "--set", "share=.5"], "read by the method reservoir"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    code, out, err = mlops(capsys, "data", "sample", *words)
    assert (code, out) == (3, "")
    assert told in " ".join(err.split())
    assert not Path("data/open/samples").exists()


def test_a_file_with_a_column_that_a_sample_adds_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.csv").write_text(f"a,{PROBABILITY}\n1,2\n", encoding="utf-8")
    words = ("x", "--set", "method=reservoir", "--set", "file=a.csv", "--set", "size=1")
    code, _, err = mlops(capsys, "data", "sample", *words)
    assert code == 3 and f"a.csv has a column {PROBABILITY}" in " ".join(err.split())


def test_two_at_once_share_no_folder_and_what_is_left_goes_with_the_next_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spills: list[Path] = []

    def connected(threads: int | None, spill: Path) -> duckdb.DuckDBPyConnection:
        assert spill.is_dir()
        (spill / "left").touch()  # as the database leaves when it is killed
        spills.append(spill)
        return connect(threads, spill)

    monkeypatch.setattr(card, "connect", connected)
    for _ in range(2):
        assert mlops(capsys, "data", "sample", "few")[0] == 0
    assert len(set(spills)) == 2 and not any(spill.exists() for spill in spills)
    (spills[0] / "more").mkdir(parents=True)
    remove_leftovers([Path("data/open")], time.time() + 1)
    assert sorted(Path("data/open/samples").glob(".*")) == []
    assert Path("data/open/samples/few.parquet").is_file()


def test_values_with_a_slash_make_no_stratum_of_two() -> None:
    rows = pl.DataFrame(
        {"id": range(40), "a": ["x/y"] * 20 + ["x"] * 20, "b": ["z"] * 20 + ["y/z"] * 20}
    )
    asked = {"method": "stratified", "size": 4, "by": ["a", "b"], "at_least": 2}
    found, told = drawn(asked, rows=rows)
    assert found["a"].value_counts(sort=True)["count"].to_list() == [2, 2]
    assert {name: one["rows"] for name, one in told["strata"].items()} == {
        "x\\/y/z": 20, "x/y\\/z": 20}  # fmt: skip
    quota = {"method": "quota", "by": ["a", "b"], "quota": {"x\\/y/z": 3}}
    assert drawn(quota, rows=rows)[0]["a"].to_list() == ["x/y"] * 3
