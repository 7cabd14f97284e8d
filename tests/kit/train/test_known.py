"""What is known when: by column, so that neither a plan nor a late entry is taken for the other."""

import datetime
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from own_table import OwnTable

GUIDE = Path(__file__).parents[3] / "template/docs/bring-your-own-data.md.jinja"
N = 600
START = datetime.datetime(2025, 1, 1, 6)


def flights() -> pl.DataFrame:
    """Draw flights, each a row of its own: planned departure and carrier, and what happened."""
    rng = np.random.default_rng(8)
    leaves = [START + datetime.timedelta(hours=3 * n) for n in range(N)]
    late = (rng.random(N) < 0.3).astype(int)
    minutes = np.where(late, 95, 60)
    return pl.DataFrame(
        {
            "id": range(N),
            "leaves": leaves,
            "carrier": rng.choice(["A", "B", "C"], N),
            "arrived": [a + datetime.timedelta(minutes=int(m)) for a, m in zip(leaves, minutes)],  # noqa: B905
            "gate": [f"G{n % 9}" for n in rng.integers(0, 99, N) + 9 * late],
            "outcome": late,
        }
    )


def table(features: str, known: dict, **changes) -> OwnTable:
    return OwnTable(
        flights(),
        rows_sql="SELECT id, leaves AS time FROM t",
        features=f"SELECT id, leaves AS time, {features} FROM t",
        target="SELECT id, leaves AS time, outcome AS y_true FROM t",
        time="leaves",
        known=known,
        split={"method": "time", "holdout": 0.2},
        **changes,
    )


PLANNED = {"leaves": "in_advance", "carrier": "in_advance"}
WEEKDAY = "dayofweek(leaves) AS weekday, carrier"


def test_a_weekday_of_the_rows_own_date_needs_to_be_declared(tmp_path, monkeypatch):
    with pytest.raises(MlopsError, match=r'column "weekday" changes .* `known: in_advance`'):
        table(WEEKDAY, {}).featured(tmp_path, monkeypatch)


def test_what_is_known_in_advance_passes_and_is_told(tmp_path, monkeypatch):
    said, decision = table(WEEKDAY, PLANNED).decided(tmp_path, monkeypatch)
    assert "Nothing was checked" not in said[0]
    assert decision["features"]["looked_ahead"] is True
    assert "computed again without the future" in decision["features"]["sentences"][0]


@pytest.mark.parametrize("known", [{}, {"gate": {"at": "arrived"}}])
def test_the_other_columns_of_a_planned_row_stay_hidden(known, tmp_path, monkeypatch):
    with pytest.raises(MlopsError, match='column "gate" changes'):
        table(f"{WEEKDAY}, gate", PLANNED | known).featured(tmp_path, monkeypatch)


LATEST = """(SELECT count(*) FROM t AS earlier WHERE earlier.leaves < t.leaves
             AND earlier.leaves >= t.leaves - INTERVAL 7 HOUR AND earlier.gate = 'G1') AS ones"""


@pytest.mark.parametrize("at", ["arrived", "leaves"])
def test_a_column_known_only_later_is_hidden_until_then(at, tmp_path, monkeypatch):
    slow = flights().with_columns(
        arrived=pl.col("leaves") + pl.duration(hours=5), gate=pl.lit("G1")
    )
    own = table(f"{WEEKDAY}, {LATEST}", PLANNED | {"gate": {"at": at}})
    own.rows = slow
    if at == "leaves":
        own.featured(tmp_path, monkeypatch)
    else:
        with pytest.raises(MlopsError, match='column "ones" changes'):
            own.featured(tmp_path, monkeypatch)


def test_a_leak_in_some_rows_only_is_found_where_every_row_has_a_time_of_its_own(
    tmp_path, monkeypatch
):
    some = "CASE WHEN id % 3 = 0 THEN outcome END AS seldom"
    with pytest.raises(MlopsError, match='column "seldom" changes'):
        table(f"{WEEKDAY}, {some}", PLANNED).featured(tmp_path, monkeypatch)


def test_without_a_time_it_is_said_that_nothing_was_checked(tmp_path, monkeypatch):
    own = table(WEEKDAY, {})
    own.time = None
    said, decision = own.decided(tmp_path, monkeypatch)
    sentence = "Nothing was checked for looking into the future, because no table of conf/sources"
    assert sentence in said[0]
    assert sentence in decision["features"]["sentences"][0]
    assert sentence in (tmp_path / "reports/compare/report.md").read_text()


@pytest.mark.parametrize(
    ("known", "time", "sentence"),
    [
        ({"gate": {"at": "landed"}}, "leaves", 'gate.known.at is "landed": name a column'),
        ({"gate": {"at": "carrier"}}, "leaves", 'gate.known.at is "carrier": name a column'),
        ({"gate": "in_advance"}, None, "gate.known: the table names no `time`"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(known, time, sentence, tmp_path, monkeypatch):
    own = table(WEEKDAY, known)
    own.time = time
    with pytest.raises(MlopsError, match=sentence):
        own.featured(tmp_path, monkeypatch)


@pytest.mark.parametrize(("asked", "leaks"), [("landed_at", False), ("departs_at", True)])
def test_the_example_of_the_guide_does_what_it_says(asked, leaks, tmp_path, monkeypatch):
    text = GUIDE.read_text(encoding="utf-8").split("### What is known when")[1]
    declared, code = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)[:2]
    columns = yaml.safe_load(declared)["flights"]["columns"]
    names = {"id": "flight_id", "leaves": "departs_at", "arrived": "landed_at", "gate": "weather"}
    rows = (
        flights()
        .rename(names)
        .with_columns(
            delay=pl.col("outcome") * 1.0, landed_at=pl.col("departs_at") + pl.duration(hours=5)
        )
    )
    own = OwnTable(
        rows.rename({"flight_id": "id"}),
        target="SELECT id, departs_at AS time, outcome AS y_true FROM t",
        time="departs_at",
        known={name: each["known"] for name, each in columns.items() if "known" in each},
        split={"method": "time", "holdout": 0.2},
    )
    functions: dict = {}
    exec(code, functions)  # noqa: S102  # the guide's own text
    for name in ("rows", "features"):
        sql = functions[name]({}).replace("FROM flights", "FROM t").replace("flight_id", "id")
        sql = sql.replace("flights.", "t.").replace("earlier.landed_at", f"earlier.{asked}")
        setattr(own, {"rows": "rows_sql"}.get(name, name), sql)
    if leaks:
        with pytest.raises(MlopsError, match='column "usual_delay" changes'):
            own.featured(tmp_path, monkeypatch)
    else:
        assert "3 features" in own.featured(tmp_path, monkeypatch)
