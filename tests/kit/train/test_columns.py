"""What features.py may give: each name and type is encoded for models, or refused by name."""

import polars as pl
import pytest
from mlops_kit.core.errors import MlopsError
from own_table import OwnTable

ROWS = pl.DataFrame(
    {
        "id": range(200),
        "day": pl.date_range(pl.date(2025, 1, 1), pl.date(2025, 7, 19), eager=True),
        "x": [n * 7 % 31 for n in range(200)],
        "word": [None if n % 5 else f"w{n % 3}" for n in range(200)],
        "outcome": [n * 11 % 7 % 2 for n in range(200)],
    }
)


def table(features: str, **changes) -> OwnTable:
    return OwnTable(ROWS, features=f"SELECT id, {features} FROM t", **changes)


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ("x AS split", 'gives a column "split", a name that the pipeline uses'),
        ("x AS time", 'gives a column "time", .* let rows.. and target.. give it too'),
        ('x AS "group"', 'gives a column "group", .* let rows.. give it if rows of one group'),
        ("x AS Y_True", 'gives a column "Y_True", a name that the pipeline uses'),
        ("x AS seen_in_training", 'gives a column "seen_in_training"'),
        ("x, x", 'gives the columns "x" twice, one name for SQL'),
        ("x, word AS X", 'gives the columns "x" and "X", one name for SQL'),
        (
            "x, day",
            'column "day" of features.. is of type DATE, which no model can read: .*date_diff',
        ),
        ("x, CAST(day AS TIMESTAMP) AS at", 'column "at" .* is of type TIMESTAMP'),
        ("x, NULL AS nothing", 'column "nothing" of features.. is empty in all 1.. training rows'),
        ("x, nullif(word, word) AS n", 'column "n" of features.. is empty in all'),
        ("x, x + 9007199254740992 AS code", 'column "code" .* has .* integers beyond 2.53'),
        ("x, 1.0 / (x % 3.0) AS part", 'column "part" .* has .* infinite values'),
        ("x, {'a': x} AS pair", 'column "pair" .* is of type STRUCT: give each part'),
        ("x, INTERVAL 1 DAY AS span", 'column "span" .* is of type INTERVAL'),
        ("x, TIME '12:30' AS clock", 'column "clock" .* is of type TIME, .*hour FROM clock'),
        ("x, 'a'::BLOB AS photo", 'column "photo" .* is of type BLOB: .*octet_length.photo'),
        ("x, [{'a': x}] AS parts", 'column "parts" .* holds lists of STRUCT: .*len.parts'),
        ("x, [day] AS days", 'column "days" .* holds lists of DATE'),
        ("x, '{\"a\": 1}'::JSON AS doc", 'column "doc" .* has .* objects or arrays of JSON'),
    ],
)
def test_a_column_that_no_model_could_use_is_refused_by_name(
    features, sentence, tmp_path, monkeypatch
):
    with pytest.raises(MlopsError, match=sentence):
        table(features).featured(tmp_path, monkeypatch)
    assert not (tmp_path / "data/open/features.parquet").exists()


def test_what_a_model_can_use_in_another_type_is_encoded(tmp_path, monkeypatch):
    features = (
        "x > 9 AS high, CASE WHEN x > 3 THEN x > 9 END AS maybe, x * 1.5 AS priced, "
        "sum(x) OVER () + x AS summed, gen_random_uuid() IS NULL AS no, 'a' AS letter, "
        'x % 5 AS "per ""cent"" (%)"'
    )
    said, decision = table(features).decided(tmp_path, monkeypatch)
    written = pl.read_parquet(tmp_path / "data/open/features.parquet")
    assert written.schema["high"] == written.schema["maybe"] == pl.Int64
    assert written.schema["priced"] == written.schema["summed"] == pl.Float64
    assert set(written["high"]) == {0, 1}
    assert set(written["maybe"]) == {0, 1, None}
    assert 'per "cent" (%)' in written.columns
    assert 'One value in all training rows: "no", "letter"' in said[0]
    assert decision["decision"] in ("reject", "inconclusive")


def test_an_outcome_that_is_a_boolean_or_a_decimal_is_a_number(tmp_path, monkeypatch):
    target = "SELECT id, outcome = 1 AS y_true FROM t"
    table("x", target=target).featured(tmp_path, monkeypatch)
    assert set(pl.read_parquet(tmp_path / "data/open/features.parquet")["y_true"]) == {0, 1}


@pytest.mark.parametrize("name", ["score", "items", "prediction"])
def test_a_slice_is_never_taken_for_the_predictions(name, tmp_path, monkeypatch):
    with pytest.raises(MlopsError, match=f'"{name}" is a name of predictions'):
        table(f"x % 4 AS {name}, x", more={"slices": [name]}).decided(tmp_path, monkeypatch)
