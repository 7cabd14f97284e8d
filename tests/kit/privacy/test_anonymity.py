"""k-anonymity and l-diversity: the numbers are an independent package's, and k is reached or not.

pycanon wants an older pandas than this environment holds: it gets one of its own from uv.
"""

import collections
import datetime
import json
import subprocess
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_kit.privacy.policy.schema import Anonymity
from mlops_kit.privacy.protect import anonymity

ROW = anonymity.ROW

PEER = """
import json, sys
import pandas
from pycanon import anonymity

for table in json.load(sys.stdin):
    frame = pandas.DataFrame(table["columns"])
    k = anonymity.k_anonymity(frame, table["quasi"])
    l = anonymity.l_diversity(frame, table["quasi"], table["sensitive"])
    print(json.dumps([int(k), int(l)]))
"""
QUASI = {
    "ward": (["age", "postal_code"], ["illness"]),
    "survey": (["year", "province", "children"], ["income", "vote"]),
    "people": (["birth_date", "city"], ["illness"]),
}


def tables() -> dict[str, pl.DataFrame]:
    """Three invented tables: small, of numbers with two sensitive columns, and of many values."""
    random = np.random.default_rng(3)
    ward = pl.DataFrame(
        {
            "age": ["20-29"] * 4 + ["30-39"] * 5 + ["40+"] * 3,
            "postal_code": ["130**"] * 4 + ["148**"] * 5 + ["130**"] * 3,
            "illness": [*"aabb", *"abcca", *"aab"],
        }
    )
    size = 3_000
    survey = pl.DataFrame(
        {
            "year": 1950 + 10 * random.integers(0, 5, size),
            "province": random.choice(["Córdoba", "Jujuy", "Neuquén", "cordoba"], size),
            "children": random.poisson(0.7, size),
            "income": random.integers(0, 9, size),
            "vote": random.choice(["x", "y"], size, p=[0.8, 0.2]),
        }
    ).filter(pl.len().over("year", "province", "children") >= 4)
    start = datetime.date(1940, 1, 1)
    people = pl.DataFrame(
        {
            "birth_date": [
                start + datetime.timedelta(days=int(d)) for d in random.integers(0, 25_000, 800)
            ],
            "city": random.choice(["Salta", "Ñuñoa", "Mar del Plata"], 800, p=[0.5, 0.3, 0.2]),
            "illness": random.choice(list("abcdef"), 800),
        }
    )
    return {"ward": ward, "survey": survey, "people": people}


def reached(frame: pl.DataFrame, **wanted: Any) -> Any:
    return anonymity.reach(frame.with_row_index(ROW, 1).lazy(), Anonymity.model_validate(wanted))


def by_hand(frame: pl.DataFrame, quasi: list[str], sensitive: list[str]) -> list[tuple[int, int]]:
    """Count rows and fewest sensitive values of each class in plain Python; null equals null."""
    classes = collections.defaultdict(list)
    for row in frame.rows(named=True):
        classes[tuple(row[name] for name in quasi)].append(row)
    return [
        (len(rows), min((len({row[name] for row in rows}) for name in sensitive), default=1))
        for rows in classes.values()
    ]


def test_k_and_l_are_those_of_an_independent_package_before_and_after_they_are_reached() -> None:
    asked, ours = [], []
    for name, frame in tables().items():
        quasi, sensitive = QUASI[name]
        versions = [frame]
        for method in ("suppress", "generalise"):
            share = 0.4 if method == "suppress" else 0.05
            wanted = {"quasi": quasi, "sensitive": sensitive, "k": 5, "l": 2}
            got = reached(frame, **wanted, method=method, max_suppressed=share)
            if got.holds:
                versions.append(got.frame.drop(ROW).collect())
        for version in versions:
            found = anonymity.measure(version.lazy(), quasi, sensitive)
            ours.append((found.k, found.l))
            columns = version.select(pl.all().cast(pl.String)).to_dict(as_series=False)
            asked.append({"columns": columns, "quasi": quasi, "sensitive": sensitive})
    peer = ["uv", "run", "--isolated", "--no-project", "--with", "pycanon>=1.3,<2", "python"]
    done = subprocess.run(
        [*peer, "-c", PEER], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert ours == theirs
    assert len(ours) >= 6
    assert (ours[0], ours[1][0] >= 5) == ((3, 2), True)


def test_suppression_leaves_out_the_rows_of_small_classes_and_no_others() -> None:
    ward = tables()["ward"]
    got = reached(ward, quasi=["age", "postal_code"], k=4, method="suppress", max_suppressed=0.25)
    assert got.holds
    assert got.preventing[ROW].to_list() == [10, 11, 12]
    assert (got.before.k, got.after.k, got.after.classes) == (3, 4, 2)
    assert got.frame.drop(ROW).collect().equals(ward.head(9))


@pytest.mark.parametrize(
    ("method", "share"), [("fail", 0.5), ("suppress", 0.24), ("suppress", 0.0)]
)
def test_what_cannot_be_reached_names_the_rows_that_prevent_it_and_changes_nothing(
    method: str, share: float
) -> None:
    ward = tables()["ward"]
    got = reached(ward, quasi=["age", "postal_code"], k=4, method=method, max_suppressed=share)
    assert not got.holds
    assert anonymity.positions(got.preventing) == "rows 10, 11, 12"
    assert got.after == got.before
    assert got.frame.drop(ROW).collect().equals(ward)


def test_many_positions_are_cut_short() -> None:
    many = pl.DataFrame({ROW: range(1_000, 1_020)})
    assert anonymity.positions(many).endswith("1,008, 1,009, ...")
    assert anonymity.positions(many.head(1)) == "row 1,000"


def test_classes_in_which_everybody_is_alike_prevent_l() -> None:
    frame = pl.DataFrame({"city": ["a"] * 6 + ["b"] * 6, "illness": ["x"] * 6 + [*"xyxyxy"]})
    wanted = {"quasi": ["city"], "sensitive": ["illness"], "k": 2, "l": 2, "method": "fail"}
    got = reached(frame, **wanted)
    assert not got.holds
    assert got.preventing[ROW].to_list() == [1, 2, 3, 4, 5, 6]
    assert got.before == (6, 1, 2)


def test_generalisation_makes_numbers_dates_and_text_coarser_step_by_step() -> None:
    frame = pl.DataFrame(
        {
            "age": [20 + at % 60 for at in range(600)],
            "born": [datetime.date(1950 + at % 60, 1 + at % 12, 1) for at in range(600)],
            "code": [f"{1000 + at % 40}" for at in range(600)],
        }
    )
    got = reached(frame, quasi=["age", "born", "code"], k=5, method="generalise", max_suppressed=0)
    assert got.holds
    assert got.after.k >= 5
    assert set(got.levels) <= {"age", "born", "code"}
    assert got.frame.collect().height == 600
    for level in range(1, anonymity.STEPS + 1):
        sizes = [
            frame.select(anonymity.coarse(frame.lazy(), name, level))[name].n_unique()
            for name in frame.columns
        ]
        assert level < anonymity.STEPS or sizes == [1, 1, 1]


rows = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.none() | st.integers(0, 12),
            "city": st.none() | st.sampled_from(["aa", "ab", "b", ""]),
            "day": st.none() | st.dates(datetime.date(2020, 1, 1), datetime.date(2020, 3, 1)),
            "value": st.none() | st.sampled_from("xyz"),
        }
    ),
    min_size=1,
    max_size=40,
)
SCHEMA = {"age": pl.Int64, "city": pl.String, "day": pl.Date, "value": pl.String}


@given(
    rows,
    st.sampled_from(["fail", "suppress", "generalise"]),
    st.integers(2, 5),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.2, 0.6]),
)
@settings(max_examples=60, deadline=None)
def test_k_and_l_are_reached_within_what_may_be_suppressed_or_the_table_is_refused(
    drawn: list[dict[str, Any]], method: str, k: int, most: int, share: float
) -> None:
    frame = pl.DataFrame(drawn, schema=SCHEMA)
    quasi, sensitive = ["age", "city", "day"], ["value"]
    wanted = {"quasi": quasi, "sensitive": sensitive, "k": k, "l": most}
    got = reached(frame, **wanted, method=method, max_suppressed=share)
    classes = by_hand(frame, quasi, sensitive)
    assert got.before == (min(n for n, _ in classes), min(v for _, v in classes), len(classes))
    left = got.frame.collect()
    allowed = 0 if method == "fail" else share * len(drawn)
    if got.holds:
        assert got.preventing.height <= allowed
        assert left.height == len(drawn) - got.preventing.height > 0
        kept = by_hand(left, quasi, sensitive)
        assert got.after == (min(n for n, _ in kept), min(v for _, v in kept), len(kept))
        assert got.after.k >= k
        assert got.after.l >= most
        # Whoever is left has the values of before, or coarser ones; nothing else changes.
        assert left["value"].to_list() == frame[[row - 1 for row in left[ROW]]]["value"].to_list()
        assert all(
            left[name].null_count() == frame[[row - 1 for row in left[ROW]]][name].null_count()
            for name in quasi
        )
    else:
        assert left.height == len(drawn)
        small = {
            row
            for _, of_class in left.group_by(quasi)
            if of_class.height < k or of_class["value"].n_unique() < most
            for row in of_class[ROW]
        }
        assert set(got.preventing[ROW]) == small
        assert len(small) > allowed or len(small) == len(drawn)


def test_a_table_without_rows_keeps_no_promise() -> None:
    frame = tables()["ward"].clear()
    assert anonymity.measure(frame.lazy(), ["age"], ["illness"]) == (0, 0, 0)
    assert not reached(frame, quasi=["age"], k=2, method="suppress").holds
