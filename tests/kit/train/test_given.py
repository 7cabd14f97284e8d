"""A model that comes in a bundle is judged here and never fitted, on rows that it cannot know."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from mlops_kit.core.bundle import seal
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.train import stage
from mlops_kit.train.model_file import GIVEN, IN_BUNDLE, MODEL_CARD, MODEL_FILE, read_card
from own_table import OwnTable

TIMED = {"method": "time", "holdout": 0.3, "gap_days": 5}


def rows(seed: int, days: int = 0, names: tuple[str, str] = ("x", "z")) -> pl.DataFrame:
    """Draw 400 rows, five a day from the first of 2025 and `days` on."""
    random = np.random.default_rng(seed)
    x, z = random.normal(size=(2, 400))
    first = datetime.date(2025, 1, 1) + datetime.timedelta(days=days)
    return pl.DataFrame(
        {
            "id": range(1, 401),
            names[0]: x,
            names[1]: z,
            "day": [first + datetime.timedelta(days=at // 5) for at in range(400)],
            "outcome": (x + random.normal(size=400) > 0).astype(int),
        }
    )


def table(drawn: pl.DataFrame, split: dict[str, Any]) -> OwnTable:
    timed = split["method"] == "time"
    key = "id, day AS time" if timed else "id"
    names = ", ".join(name for name in drawn.columns if name not in ("id", "day", "outcome"))
    return OwnTable(
        drawn,
        rows_sql=f"SELECT {key} FROM t",
        features=f"SELECT {key}, {names} FROM t",
        target=f"SELECT {key}, outcome AS y_true FROM t",
        time="day" if timed else None,
        known=dict.fromkeys(names.split(", "), "in_advance") if timed else {},
        split=split,
    )


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that builds a model of a table, and seals it."""

    def build(built_of: OwnTable) -> Path:
        folder = tmp_path / "built"
        folder.mkdir()
        built_of.decided(folder, monkeypatch)
        decision = Path("reports/compare/decision.json")
        files = {"model": MODEL_FILE, "card": MODEL_CARD, "params": Path("params.yaml")}
        contents = {IN_BUNDLE[name]: file.read_bytes() for name, file in files.items()}
        contents[IN_BUNDLE["decision"]] = decision.read_bytes()
        return seal(tmp_path / "m.bundle", contents, {"environment": "dev"}).path

    return build


def judged(
    here: OwnTable, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, pl.DataFrame]:
    """Run the stages of another project with the bundle in place; fitting is forbidden."""
    folder = tmp_path / "here"
    folder.mkdir()
    here.featured(folder, monkeypatch)
    GIVEN.parent.mkdir(exist_ok=True)
    GIVEN.write_bytes(file.read_bytes())

    def never(*_: Any) -> None:
        raise AssertionError("a given model is not fitted")

    monkeypatch.setattr(stage, "fit", never)
    said = stage.train_and_predict(load_settings())
    return said, pl.read_parquet("data/open/predictions.parquet").filter(system="candidate")


def test_the_model_of_a_bundle_is_judged_as_it_was_built(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = {"method": "hash", "holdout": 0.3}
    file = bundle(table(rows(1), split))
    built = MODEL_FILE.read_bytes()
    said, predicted = judged(table(rows(2), split), file, tmp_path, monkeypatch)
    assert "built in dev and not fitted here" in said
    assert MODEL_FILE.read_bytes() == built
    assert read_card()["bundle"]
    import skops.io

    model = skops.io.load(MODEL_FILE, trusted=skops.io.get_untrusted_types(file=MODEL_FILE))
    features = pl.read_parquet("data/open/features.parquet").filter(split="holdout")
    chances = model.predict_proba(features.select("x", "z").to_pandas())[:, 1]
    by_id = dict(zip(predicted["id"], predicted["score"], strict=True))
    assert [by_id[one] for one in features["id"]] == pytest.approx(list(chances), abs=0)


@pytest.mark.parametrize(
    ("names", "split", "sentence"),
    [
        (("x", "other"), {"method": "hash", "holdout": 0.3}, "other features.*other, z differ"),
        (("x", "z"), {"method": "hash", "holdout": 0.4}, "another split or seed"),
    ],
)
def test_a_model_of_other_features_or_another_split_is_refused(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, str], split: dict[str, Any], sentence: str,
) -> None:  # fmt: skip
    file = bundle(table(rows(1), {"method": "hash", "holdout": 0.3}))
    with pytest.raises(MlopsError, match=sentence):
        judged(table(rows(2, names=names), split), file, tmp_path, monkeypatch)


def test_a_split_in_time_does_not_judge_what_was_learned_by_another_split(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bundle(table(rows(1), {"method": "hash", "holdout": 0.3}))
    with pytest.raises(MlopsError, match="another split or seed"):
        judged(table(rows(1), TIMED), file, tmp_path, monkeypatch)


def test_only_rows_after_all_that_it_learned_from_are_judged(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bundle(table(rows(1), TIMED))
    until = datetime.date.fromisoformat(read_card()["training"]["learned_until"][:10])
    # Here everything is twenty days older: a part of the holdout was known to the model.
    _, predicted = judged(table(rows(2, days=-20), TIMED), file, tmp_path, monkeypatch)
    earliest = predicted["time"].cast(pl.Date).min()
    assert earliest == until
    holdout = pl.read_parquet("data/open/features.parquet").filter(split="holdout")
    lost = len(holdout) - len(predicted)
    told = capsys.readouterr().err
    assert lost > 0 and f"{lost} of {len(holdout)} holdout rows are not judged" in told


def test_where_it_may_have_learned_from_every_row_nothing_is_judged(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bundle(table(rows(1), TIMED))
    with pytest.raises(MlopsError, match="All rows of this holdout are from before"):
        judged(table(rows(2, days=-60), TIMED), file, tmp_path, monkeypatch)


def test_a_changed_bundle_is_no_model(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bundle(table(rows(1), {"method": "hash", "holdout": 0.3}))
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    with pytest.raises(MlopsError, match="seal is broken"):
        judged(table(rows(2), {"method": "hash", "holdout": 0.3}), file, tmp_path, monkeypatch)
    assert not MODEL_FILE.exists()


def test_the_record_of_what_predicts_names_the_bundle(
    bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
    from mlops_kit.compare.systems.adapters import write_systems_record
    from mlops_kit.core.settings import read_config

    file = bundle(table(rows(1), {"method": "hash", "holdout": 0.3}))
    config, record = read_config(COMPARE_FILE, CompareConfig), Path("data/systems.json")
    write_systems_record(record, config)
    before = json.loads(record.read_text())
    GIVEN.write_bytes(file.read_bytes())
    write_systems_record(record, config)
    assert set(json.loads(record.read_text())) - set(before) == {"the bundle"}
