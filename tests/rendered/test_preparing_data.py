"""Each example of docs/preparing-data.md is executed as it stands there, and serving repeats it."""

import importlib
import importlib.util
import itertools
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.sample_shop import shop
from mlops_kit.operate.predict.scorer import Scorer
from mlops_kit.operate.serve.fast.plan import compiled
from mlops_kit.operate.serve.fast.trees import NotCompiledError
from mlops_kit.operate.serve.served import Served
from mlops_kit.train.checks.skew import seen
from mlops_kit.train.fitting.augment import augmented
from mlops_kit.train.model_file import load_model, save_model
from mlops_kit.train.tracking import quiet_mlflow

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
GUIDE = (ROOT / "template/docs/preparing-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r'```(python|sql) title="([^"]+)"\n(.*?)```', GUIDE, re.DOTALL)
EXAMPLES = {
    title.partition(", fast: ")[0]: (code, title.endswith("yes"))
    for kind, title, code in BLOCKS
    if kind == "python" and ", fast: " in title
}
(SQL,) = [code for kind, _, code in BLOCKS if kind == "sql"]
(AUGMENT,) = [code for _, title, code in BLOCKS if title == "augmentation"]
TASKS = ("classification", "regression")
NUMBERS = itertools.count()


class Rows(NamedTuple):
    """Features of the shop, with a text, their types in DuckDB, and the outcome."""

    table: pd.DataFrame
    names: list[str]
    types: dict[str, str]


def rows_of(task: str) -> Rows:
    """Compute the features as the seed does, and the text as the page does."""
    place = SEEDS / f"features/{task}.py"
    spec = importlib.util.spec_from_file_location(f"features_{task}", place)
    assert spec is not None
    assert spec.loader is not None
    features = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(features)
    params = yaml.safe_load((SEEDS / f"params/{task}.yaml").read_text(encoding="utf-8"))
    with duckdb.connect() as connection:
        for name, table in shop.generate(300, 50, 3000, 7).items():
            connection.from_arrow(table.to_arrow()).create_view(name)
        connection.execute(f"CREATE TABLE rows AS {features.rows(params['features'])}")
        known = connection.sql(
            f"SELECT * FROM ({features.features(params['features'])}) JOIN ({SQL}) "
            f"USING (id, time) JOIN ({features.target(params['features'])}) USING (id, time) "
            "ORDER BY time, id"
        )
        types = dict(zip(known.columns, map(str, known.types), strict=True))
        table = known.to_arrow_table().to_pandas()
    names = [name for name in table if name not in ("id", "time", "y_true")]
    return Rows(table, names, types)


@pytest.fixture(scope="module", params=TASKS)
def found(request: pytest.FixtureRequest) -> tuple[str, Rows]:
    return request.param, rows_of(request.param)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that writes a seed and an example as a project's model.py."""

    def written(task: str, example: str) -> Any:
        package = f"prepared_{next(NUMBERS)}"
        monkeypatch.setenv("MLOPS_PACKAGE", package)
        monkeypatch.setattr(sys, "path", [str(tmp_path / "src"), *sys.path])
        home = tmp_path / "src" / package
        home.mkdir(parents=True)
        (home / "__init__.py").touch()
        seed = (SEEDS / f"model/{task}.py").read_text(encoding="utf-8")
        (home / "model.py").write_text(f"{seed}\n\n{example}", encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(f"{package}.model")

    return written


def params_of(task: str) -> dict[str, Any]:
    written = yaml.safe_load((SEEDS / f"params/{task}.yaml").read_text(encoding="utf-8"))["model"]
    return written | {"seed": 7}


def served_of(estimator: Any, task: str, rows: Rows, names: list[str]) -> Served:
    """Register an estimator as a run does, without the registry."""
    with quiet_mlflow():
        from mlops_kit.train.registered import Registered
    registered: Any = Registered()
    registered.estimator = estimator
    registered.config = {
        "task": task,
        "features": [[name, str(rows.table[name].dtype)] for name in names],
        "training": {
            "keys": {"id": rows.types["id"], "time": rows.types["time"]},
            "types": {name: rows.types[name] for name in names},
            "seen": seen(rows.table, names),
        },
    }
    return Served(Scorer("dev", "1", "champion", "d", registered.config, registered), fast=True)


def answers_of(estimator: Any, task: str, rows: pd.DataFrame) -> np.ndarray:
    if task == "classification":
        return estimator.predict_proba(rows)[:, 1]
    return estimator.predict(rows)


def check_served(estimator: Any, task: str, rows: Rows, names: list[str]) -> Served:
    """One row at a time, as a request brings it, gives what the whole table gives."""
    some = rows.table[names].iloc[:: len(rows.table) // 40]
    wanted = answers_of(estimator, task, some)
    assert np.isfinite(wanted).all()
    served = served_of(estimator, task, rows, names)
    asked = [[None if value != value else value for value in row]  # noqa: PLR0124
             for row in some.astype(object).to_numpy().tolist()]  # fmt: skip
    one_by_one = np.concatenate([served.answers([row]) for row in asked])
    assert np.abs(one_by_one - wanted).max() <= 1e-12 * max(1.0, np.abs(wanted).max())
    return served


@pytest.mark.filterwarnings("ignore:invalid value encountered in log1p")
@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_is_fitted_stored_and_served_as_the_page_says(
    title: str, found: tuple[str, Rows], model: Any, tmp_path: Path
) -> None:
    task, rows = found
    code, fast = EXAMPLES[title]
    names = rows.names if title == "text" else [name for name in rows.names if name != "bought"]
    made = model(task, code)
    estimator = made.build(params_of(task)).fit(rows.table[names], rows.table["y_true"])
    save_model(estimator, tmp_path / "model.skops")
    stored = load_model(tmp_path / "model.skops")
    whole = answers_of(estimator, task, rows.table[names])
    assert np.array_equal(answers_of(stored, task, rows.table[names]), whole)
    served = check_served(stored, task, rows, names)
    assert (served.path == "fast") == fast, served.why_plain
    assert whole.std() > 0


def test_every_way_that_the_issue_of_preparation_names_has_an_example() -> None:
    assert set(EXAMPLES) == {
        "imputation", "outliers", "scaling", "logarithms", "bins", "rare words", "combinations",
        "shown", "text",
    }  # fmt: skip


def test_what_is_only_shown_is_not_learned_from_and_dropping_alone_does_not_do(
    found: tuple[str, Rows], model: Any
) -> None:
    """Where the segments are dealt out anew, no answer may move."""
    task, rows = found
    names = [name for name in rows.names if name != "bought"]
    dealt = rows.table["segment"].sample(frac=1, random_state=1).array
    tables = (rows.table[names], rows.table.assign(segment=dealt)[names])

    def moved(code: str) -> bool:
        estimator = model(task, code).build(params_of(task))
        estimator.fit(rows.table[names], rows.table["y_true"])
        before, after = (answers_of(estimator, task, each) for each in tables)
        return not np.array_equal(before, after)

    code = EXAMPLES["shown"][0]
    assert not moved(code)
    alone = code.replace("pattern=others, ", "")
    assert alone != code
    assert moved(alone)


@pytest.mark.parametrize("words", ["ordinal", "one_hot", "target", None])
def test_words_of_params_chooses_how_the_seed_reads_them_and_it_is_served_fast(
    words: str | None, found: tuple[str, Rows], model: Any, tmp_path: Path
) -> None:
    task, rows = found
    names = [name for name in rows.names if name != "bought"]
    params = params_of(task)
    assert params.pop("words") == "ordinal"  # params.yaml of an older version has none
    made = model(task, "").build(params | ({"words": words} if words else {}))
    estimator = made.fit(rows.table[names], rows.table["y_true"])
    encoder = {"one_hot": "OneHotEncoder", "target": "TargetEncoder"}.get(words or "")
    assert type(estimator[0].transformers_[0][1]).__name__ == (encoder or "OrdinalEncoder")
    save_model(estimator, tmp_path / "model.skops")
    stored = load_model(tmp_path / "model.skops")
    assert check_served(stored, task, rows, names).path == "fast"


def test_the_target_encoder_is_cross_fitted_and_learns_nothing_from_noise(model: Any) -> None:
    """Texts that all differ and tell nothing: rates of other rows, so that training looks alike."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"town": [f"t{at}" for at in range(400)] * 2, "n": random.normal(size=800)})
    outcome = pd.Series(random.integers(0, 2, 800))
    made = model("classification", "").prepare({"seed": 1, "words": "target"})
    fitted = made.fit_transform(rows.astype({"town": "str"}), outcome)
    correlation = np.corrcoef(fitted[:, 0].astype(float), outcome)[0, 1]
    leaking = made.transform(rows.astype({"town": "str"}))[:, 0].astype(float)
    assert abs(correlation) < 0.2
    assert np.corrcoef(leaking, outcome)[0, 1] > 0.5  # what a plain mean would have shown


def test_a_plan_never_takes_a_function_that_is_not_elementwise() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    rows = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 2.0]})
    config = {"task": "regression", "features": [["a", "float64"], ["b", "float64"]]}
    for function in (np.cumsum, np.matmul, np.add):
        step = FunctionTransformer(function)
        fitted = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(rows, [1, 2, 3])
        fitted.steps[0] = ("function", step)
        with pytest.raises(NotCompiledError):
            compiled(fitted, config)


def test_augment_of_the_page_makes_rows_of_training_rows(
    found: tuple[str, Rows], model: Any
) -> None:
    task, rows = found
    model(task, AUGMENT)
    features, outcome = rows.table[rows.names], rows.table["y_true"]
    before = features.copy()
    made, outcomes = augmented(features, outcome, {"seed": 7})
    assert len(made) == len(outcomes) == len(features) + len(features) // 10
    assert (made.dtypes == features.dtypes).all()
    assert features.equals(before)
    assert made.iloc[: len(features)].equals(features.reset_index(drop=True))
    again, _ = augmented(features, outcome, {"seed": 7})
    assert again.equals(made)


HEAD = "import pandas as pd\n\n\ndef augment(features, target, params):\n    "


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return features", "must return a data frame and a series"),
        ("return target", "model.py: augment fails: ValueError"),
        ("1 / 0", "model.py: augment fails: ZeroDivisionError"),
        ("return features.to_numpy(), target", "must return a data frame and a series"),
        ("return features[['a']], target", '"b" differs'),
        ("return features[['b', 'a']], target", '"their order" differs'),
        ("return features.astype({'a': 'float64'}), target", 'float64 of the column "a"'),
        ("return features, target[:2]", "returns 3 rows and 2 outcomes"),
        ("return features[:0], target[:0]", "returns 0 rows"),
        ("return features, target * 0.5", "outcomes of type int64"),
        ("return features, target * 0", "keep every outcome"),
    ],
)
def test_what_augment_may_not_return_is_one_sentence(body: str, why: str, model: Any) -> None:
    model("classification", HEAD + body)
    features = pd.DataFrame({"a": [1, 2, 3], "b": [1.0, 2.0, 3.0]})
    with pytest.raises(MlopsError, match=re.escape(why)) as caught:
        augmented(features, pd.Series([0, 1, 1]), {})
    assert "\n" not in str(caught.value)


def test_rows_that_augment_changes_in_place_are_copies(model: Any) -> None:
    model("classification", HEAD + "features['a'] = 0\n    return features, target")
    features = pd.DataFrame({"a": [1, 2, 3], "b": [1.0, 2.0, 3.0]})
    made, _ = augmented(features, pd.Series([0, 1, 1]), {})
    assert made["a"].tolist() == [0, 0, 0]
    assert features["a"].tolist() == [1, 2, 3]
