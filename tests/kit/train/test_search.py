"""A search chooses by training rows alone, apart as the holdout is; what it tried is told."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml
from mlops_kit.compare.holdout.yardstick import yardstick_of_config
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.train import stage
from mlops_kit.train.features import Params, Split, load_params
from mlops_kit.train.fitting.fit import asked, setting_in_force
from mlops_kit.train.fitting.folds import folds_of, units_of
from mlops_kit.train.fitting.space import Model
from own_table import MODEL, OwnTable
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GroupKFold

ROOT = Path(__file__).parents[3]
KNN = '''"""Nearest neighbours."""
from sklearn.neighbors import KNeighborsRegressor

def build(params):
    return KNeighborsRegressor(params["neighbours"])
'''


def searched(params: dict[str, Any], **search: Any) -> None:
    """Write what is searched into params.yaml."""
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["model"] = params | {"search": search}
    Path("params.yaml").write_text(yaml.safe_dump(content))


def line(n: int = 300, seed: int = 0, **more: Any) -> OwnTable:
    """Return a table of a number that is a noisy line in x."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    columns = {"id": np.arange(n), "x": x, "outcome": x + random.normal(0, 0.5, n)}
    return OwnTable(pl.DataFrame(columns), task="regression", **more)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with features, whose model are nearest neighbours."""
    line().featured(tmp_path, monkeypatch)
    next((tmp_path / "src").glob("*/model.py")).write_text(KNN)
    return tmp_path


def card() -> dict[str, Any]:
    return json.loads(Path("models/model.json").read_text())


def test_the_best_on_training_rows_is_fitted_as_one_written_by_hand(project: Path) -> None:
    searched({"neighbours": 1}, method="grid", space={"neighbours": [1, 5, 15]}, folds=4)
    said = stage.train_and_predict(load_settings())
    assert "chosen among 3 settings by rmse on training rows" in said
    found, digest = card()["search"], card()["sha256"]
    assert card()["params"] == {"neighbours": 15}
    assert [each["setting"]["neighbours"] for each in found["settings"]] == [1, 5, 15]
    assert (found["chosen"], found["fits"], len(found["folds"])) == (2, 12, 4)
    searched({"neighbours": 15}, method="grid", space={"neighbours": [15]})
    content = yaml.safe_load(Path("params.yaml").read_text())
    del content["model"]["search"]
    Path("params.yaml").write_text(yaml.safe_dump(content))
    stage.train_and_predict(load_settings())
    assert (card()["sha256"], "search" in card()) == (digest, False)


def test_inner_scores_are_those_of_an_independent_computation(project: Path) -> None:
    from sklearn.neighbors import KNeighborsRegressor

    searched({"neighbours": 3}, method="grid", space={"neighbours": [7]})
    stage.train_and_predict(load_settings())
    table = pd.read_parquet("data/open/features.parquet")
    train = table[table["split"] == "train"].reset_index(drop=True)
    folds = GroupKFold(3, shuffle=True, random_state=1)  # type: ignore[call-arg]
    for each in card()["search"]["settings"]:
        model = KNeighborsRegressor(each["setting"]["neighbours"])
        expected = []
        for learn, judge in folds.split(train, groups=np.arange(len(train))):
            model.fit(train[["x"]].iloc[learn], train["y_true"].iloc[learn])
            given = model.predict(train[["x"]].iloc[judge])
            expected.append(mean_squared_error(train["y_true"].iloc[judge], given) ** 0.5)
        assert each["by_fold"] == pytest.approx(expected, abs=1e-12)
        assert each["value"] == pytest.approx(np.mean(expected), abs=1e-12)


PLANTED = '''"""One setting knows the holdout's rows by heart, and is worse on others."""
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

class Planted(RegressorMixin, BaseEstimator):
    def __init__(self, kind="mean"):
        self.kind = kind
    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self
    def predict(self, X):
        if self.kind == "mean":
            return np.full(len(X), self.mean_)
        # Right on the holdout, where x is above 100, and off the mean elsewhere.
        return np.where(X["x"] > 100, X["x"] - 200.0, self.mean_ + 0.2)

def build(params):
    return Planted(params["kind"])
'''


def test_a_setting_that_wins_on_the_holdout_only_is_never_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line().featured(tmp_path, monkeypatch)
    next((tmp_path / "src").glob("*/model.py")).write_text(PLANTED)
    file = tmp_path / "data/open/features.parquet"
    table = pd.read_parquet(file)
    held = table["split"] == "holdout"
    table.loc[held, "x"] = table.loc[held, "y_true"] + 200.0
    table.to_parquet(file)
    searched({"kind": "mean"}, method="grid", space={"kind": ["mean", "planted"]})
    stage.train_and_predict(load_settings())
    assert card()["params"] == {"kind": "mean"}
    best = {each["setting"]["kind"]: each["value"] for each in card()["search"]["settings"]}
    assert best["mean"] < best["planted"] < best["mean"] + 0.1
    # On all rows it would have won: the holdout's alone make the difference.
    truth = table["y_true"].to_numpy(float)
    known = np.where(held, truth, truth.mean() + 0.2)
    assert np.square(truth - known).mean() < np.var(truth)


def test_the_search_is_handed_training_rows_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    real = stage.choose

    def spied(train: pd.DataFrame, *rest: Any) -> Any:
        seen.append(train)
        with pytest.raises(ValueError, match="training rows only"):
            real(train.assign(split="holdout"), *rest)
        return real(train, *rest)

    monkeypatch.setattr(stage, "choose", spied)
    searched({"neighbours": 1}, method="grid", space={"neighbours": [5]})
    stage.train_and_predict(load_settings())
    table = pd.read_parquet("data/open/features.parquet")
    assert set(seen[0]["id"]) == set(table[table["split"] == "train"]["id"])


def rows(n: int, **columns: Any) -> pd.DataFrame:
    known = {"id": np.arange(n), "y_true": np.arange(n) % 2, "split": "train"}
    return pd.DataFrame(known | columns)


def test_folds_in_time_keep_the_gap_and_judge_later_rows() -> None:
    times = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(400) // 4, unit="D")
    table = rows(400, time=times)
    split = Split(method="time", holdout=0.2, gap_days=7)
    folds = folds_of(table, [], split, 3, 1, True)
    assert len(folds) == 3
    last = None
    for learn, judge in folds:
        start = table["time"].iloc[judge].min()
        assert table["time"].iloc[learn].max() == start - pd.Timedelta(days=7)
        assert last is None or start > last
        last = table["time"].iloc[judge].max()
    assert last == table["time"].max()


@pytest.mark.parametrize("spelt", [lambda day: day, lambda day: f"2026-W{day:03d}"])
def test_folds_in_time_need_an_order_only_where_there_is_no_gap(spelt: Any) -> None:
    table = rows(90, time=[spelt(day) for day in np.arange(90) // 3])
    for learn, judge in folds_of(table, [], Split(method="time", holdout=0.2), 2, 1, True):
        assert table["time"].iloc[learn].max() < table["time"].iloc[judge].min()


@pytest.mark.parametrize("number", [2, 3, 5])
def test_folds_of_groups_keep_them_whole(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conf").mkdir()
    Path("conf/sources.yaml").write_text(
        "entity: {table: t, column: id}\nsources: {s: {kind: files, folder: raw}}\n"
        "tables: {t: {source: s, path: t.csv, columns: {id: {type: integer}}}}\n"
    )
    groups = np.random.default_rng(0).integers(0, 25, 500)
    split = Split(method="group", holdout=0.2, column="shop")
    with pytest.raises(MlopsError, match=r'give them in rows\(\) of features\.py as "group"'):
        units_of(rows(500), [], split)
    for table in (rows(500, group=groups), rows(500)):
        if "group" not in table:
            # As the open table of the entity tells them.
            Path("data/open/tables").mkdir(parents=True)
            pd.DataFrame({"id": np.arange(500), "shop": groups}).to_parquet(
                "data/open/tables/t.parquet"
            )
        folds = folds_of(table, [], split, number, 1, True)
        judged = np.concatenate([judge for _, judge in folds])
        assert sorted(judged) == list(range(500))
        for learn, judge in folds:
            assert not set(groups[learn]) & set(groups[judge])


def test_equal_rows_stay_together_where_the_split_keeps_copies_together() -> None:
    values = np.random.default_rng(0).integers(0, 40, 400)
    split = Split(method="copies", holdout=0.2)
    for learn, judge in folds_of(rows(400, x=values), ["x"], split, 4, 1, True):
        assert not set(values[learn]) & set(values[judge])


def test_folds_do_not_depend_on_how_ids_are_spelt() -> None:
    split = Split(method="hash", holdout=0.2)
    one = rows(100, id=np.arange(100) // 2)
    other = one.assign(id=[f"z{(7 * each) % 53}" for each in one["id"]])
    pair = [folds_of(table, [], split, 3, 1, True) for table in (one, other)]
    for first, second in zip(*pair, strict=True):
        np.testing.assert_array_equal(first.judge, second.judge)


def test_a_fold_without_an_outcome_is_left_out_and_none_is_refused() -> None:
    table = rows(200, time=pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(200), unit="D"))
    split = Split(method="time", holdout=0.2)
    table["y_true"] = (np.arange(200) % 10 == 0) & (np.arange(200) > 60)
    assert len(folds_of(table, [], split, 3, 1, True)) == 2
    assert len(folds_of(table, [], split, 3, 1, False)) == 3
    table["y_true"] = np.arange(200) > 198
    with pytest.raises(MlopsError, match="every outcome; ask for fewer folds"):
        folds_of(table, [], split, 3, 1, True)


def params(**search: Any) -> Params:
    model = {"a": 1, "b": 0.5, "search": search}
    return Params.model_validate(
        {"seed": 3, "split": {"method": "hash", "holdout": 0.2}, "features": {}, "model": model}
    )


def test_random_settings_depend_on_the_seed_alone_and_keep_their_kinds() -> None:
    space = {"a": {"low": 1, "high": 200, "scale": "log"}, "b": {"low": 0.01, "high": 1.0}}
    drawn = params(method="random", settings=30, space=space).model.settings(3)
    assert drawn[0] == {"a": 1, "b": 0.5}
    assert drawn == params(method="random", settings=30, space=space).model.settings(3)
    assert drawn != params(method="random", settings=30, space=space).model.settings(4)
    for each in drawn:
        assert (type(each["a"]), type(each["b"])) == (int, float)
        assert 1 <= each["a"] <= 200
        assert 0.01 <= each["b"] <= 1.0
        # As short as somebody would write it.
        assert float(f"{each['b']:.3g}") == each["b"]
    few = params(method="random", settings=30, space={"a": [1, 2, 3]}).model.settings(3)
    assert sorted(each["a"] for each in few) == [1, 2, 3]


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"method": "grid", "space": {}}, "space names nothing to try"),
        ({"method": "grid", "space": {"a": []}}, "space.a has no values"),
        ({"method": "grid", "space": {"c": [1]}}, 'names "c", which `model:` does not have'),
        ({"method": "grid", "space": {"seed": [1]}}, 'names "seed", which `model:` does not'),
        (
            {"method": "grid", "space": {"a": list(range(100)), "b": list(range(101))}},
            "space makes 10,100 settings, and at most 1,000",
        ),
        ({"method": "grid", "space": {"a": {"low": 1, "high": 2}}}, "write method: random"),
        ({"method": "grid", "space": {"a": [1]}, "settings": 3}, "drop `settings`"),
        ({"method": "random", "space": {"a": [1, 2]}}, "needs `settings`"),
        ({"method": "random", "space": {"a": [1, 2]}, "settings": 10_001}, "model.search.settings"),
        (
            {"method": "random", "space": {"a": {"low": 5, "high": 2}}, "settings": 2},
            "low (5) must lie below high (2)",
        ),
        (
            {
                "method": "random",
                "space": {"a": {"low": 0, "high": 2, "scale": "log"}},
                "settings": 2,
            },
            "needs low above 0",
        ),
        ({"method": "bayes", "space": {"a": [1]}}, "model.search.method"),
        ({"method": "grid", "space": {"a": [1]}, "fold": 3}, 'unknown key "model.search.fold"'),
    ],
)
def test_a_search_that_cannot_be_done_is_one_sentence(
    search: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    split = {"method": "hash", "holdout": 0.2}
    model = {"a": 1, "b": 0.5, "search": search}
    content = {"seed": 3, "split": split, "features": {}, "model": model}
    Path("params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(MlopsError) as refused:
        load_params()
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("params.yaml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("neighbours", "sentence"),
    [
        (100_000, "with neighbours: 100000"),
        ("many", "with neighbours: many"),
    ],
)
def test_a_setting_that_fails_is_named(project: Path, neighbours: Any, sentence: str) -> None:
    searched({"neighbours": 1}, method="grid", space={"neighbours": [5, neighbours]})
    with pytest.raises(MlopsError, match=f"^params.yaml: model.search, {sentence} fails: "):
        stage.train_and_predict(load_settings())
    assert not Path("models/model.json").exists()


def test_a_setting_that_gives_no_number_is_named(project: Path) -> None:
    home = next(Path("src").glob("*/model.py"))
    home.write_text(
        KNN.replace("return KNeighborsRegressor", "return Lost").replace(
            "def build",
            "class Lost(KNeighborsRegressor):\n    def predict(self, X):\n"
            "        found = super().predict(X)\n"
            "        return found * (float('nan') if self.n_neighbors == 9 else 1)\n\ndef build",
        )
    )
    searched({"neighbours": 1}, method="grid", space={"neighbours": [5, 9]})
    with pytest.raises(MlopsError, match=r"^params\.yaml: model\.search, with neighbours: 9"):
        stage.train_and_predict(load_settings())


def test_whoever_fits_later_takes_the_chosen_setting_or_refuses(project: Path) -> None:
    searched({"neighbours": 1}, method="grid", space={"neighbours": [1, 15]})
    stage.train_and_predict(load_settings())
    assert setting_in_force(load_params()) == {"neighbours": 15}
    searched({"neighbours": 1}, method="grid", space={"neighbours": [1, 25]})
    with pytest.raises(MlopsError, match="another search than the last run"):
        setting_in_force(load_params())


def test_the_same_search_gives_the_same_record(project: Path) -> None:
    space = {"neighbours": {"low": 1, "high": 40, "scale": "log"}}
    searched({"neighbours": 1}, method="random", settings=5, space=space)
    stage.train_and_predict(load_settings())
    first = Path("models/model.json").read_bytes()
    stage.train_and_predict(load_settings())
    assert Path("models/model.json").read_bytes() == first


def test_what_a_model_is_called_with_is_not_told_that_there_is_a_search() -> None:
    model = Model.model_validate(MODEL | {"search": {"method": "grid", "space": {"trees": [1]}}})
    assert model.written == MODEL
    one = SimpleNamespace(model=model)
    assert one.model.settings(0)[1] == MODEL | {"trees": 1}
    assert asked(params(method="grid", space={"a": [2]})) != asked(
        params(method="grid", space={"a": [3]})
    )


def test_the_pipeline_runs_again_when_the_search_changes() -> None:
    # DVC compares all below a key of params.yaml.
    text = (ROOT / "template/dvc.yaml.jinja").read_text(encoding="utf-8")
    train = text[text.index("  train:") : text.index("  compare:")]
    assert "params: [seed, split, features, model]" in train
    assert "search" in Model.model_fields


def test_a_recommendation_is_searched_by_its_own_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conf").mkdir()
    compare = {"case": "A", "primary": {"metric": "hit_rate_at_1"}}
    Path("conf/compare.yaml").write_text(yaml.safe_dump(compare))
    yardstick = yardstick_of_config("recommendation", None)
    truth = pd.Series([[1], [2, 3], [4]])
    assert yardstick.value(truth, np.array([[1], [3], [5]])) == pytest.approx(2 / 3)
    assert yardstick.direction == "higher"


def test_several_classes_are_searched_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    kind = np.array(["low", "middle", "high"])[np.digitize(x + random.normal(0, 0.3, 400), [-1, 1])]
    table = OwnTable(
        pl.DataFrame({"id": np.arange(400), "x": x, "outcome": kind}),
        more={
            "primary": {"metric": "log_loss"},
            "incumbent": {"kind": "trivial", "strategy": "prior"},
        },
    )
    table.featured(tmp_path, monkeypatch)
    searched(MODEL | {"trees": 10}, method="grid", space={"trees": [1, 20]})
    stage.train_and_predict(load_settings())
    found = card()["search"]
    assert (found["metric"], found["direction"]) == ("log_loss", "lower")
    values = [each["value"] for each in found["settings"]]
    assert values[found["chosen"]] == min(values)
    # One tree hardly leaves the shares of the classes.
    assert found["settings"][1]["setting"] == {"trees": 1}
    assert values[1] == max(values)


@pytest.mark.parametrize("starts", ["  k: 10", "  trees: 60"])
def test_the_example_of_the_guide_is_a_search(starts: str) -> None:
    guide = (ROOT / "template/docs/bring-your-own-data.md.jinja").read_text(encoding="utf-8")
    (example,) = [
        part
        for part in re.split(r"\{%.*?%\}\n", guide)
        if part.startswith(starts) and "search" in part
    ]
    model = Model.model_validate(yaml.safe_load(example))
    assert model.search is not None
    assert len(model.settings(7)) > 8


def test_a_metric_with_a_scale_of_each_row_chooses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    asked = {"case": "A", "primary": {"metric": "mase"}, "data": {"season": "7 days"}}
    (tmp_path / "conf/compare.yaml").write_text(yaml.safe_dump(asked))
    with pytest.raises(MlopsError, match=r"mase needs a scale of each row.*such as wape"):
        yardstick_of_config("regression", None)
