"""Comparisons of more than two classes: what is read, what is judged, and what is refused."""

import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.metrics
import skops.io
from compare_scenarios import SEVERAL, promotions_of_classes, several_classes
from mlops_kit.compare import decision
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.holdout.holdout import Holdout, read_holdout
from mlops_kit.compare.inference import bootstrap
from mlops_kit.compare.inference.effect import IID, Design, paired_effect
from mlops_kit.compare.metrics.registry import metric_named
from mlops_kit.compare.report.classes import class_tables
from mlops_kit.compare.report.markdown import markdown
from mlops_kit.compare.report.page import html_page
from mlops_kit.compare.systems.adapters import predict_with
from mlops_kit.compare.systems.spec import SystemSpec
from mlops_kit.core.errors import MlopsError
from pydantic import TypeAdapter, ValidationError
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression

SYSTEM: TypeAdapter[Any] = TypeAdapter(SystemSpec)
KINDS = ("low", "mid", "high")
CONTEXT = {"project": "Shop", "business_metric": "fewer returns"}
PRIMARY = {"metric": "accuracy"}


def config_of(**changes: Any) -> CompareConfig:
    base = {"case": "C", "primary": PRIMARY, "data": {"classes": KINDS}}
    return CompareConfig.model_validate(base | changes)


def table_of(
    truth: np.ndarray, systems: dict[str, Any], column: str = "scores", **more: Any
) -> pa.Table:
    parts = [
        pa.table(
            {
                "id": np.arange(truth.size),
                "y_true": np.array(KINDS)[truth],
                "system": [name] * truth.size,
                column: pa.array(list(values)),
            }
            | more
        )
        for name, values in systems.items()
    ]
    return pa.concat_tables(parts)


def drawn(n: int = 900, rare: float | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw true codes and the probabilities of a good and of a poor system."""
    random = np.random.default_rng(3)
    shares = [1 / 3] * 3 if rare is None else [(1 - rare) / 2] * 2 + [rare]
    truth = random.choice(3, n, p=shares)
    signal = random.normal(0, 1, (n, 3))
    systems = []
    for noise in (0.8, 1.6):
        logit = 1.8 * np.eye(3)[truth] + signal * 0.6 + random.normal(0, noise, (n, 3))
        chance = np.exp(logit)
        systems.append(chance / chance.sum(axis=1, keepdims=True))
    return truth, systems[0], systems[1]


def decided(config: CompareConfig, **more: Any) -> tuple[Decision, Holdout]:
    truth, good, poor = drawn()
    holdout = read_holdout(table_of(truth, {"candidate": good, "baseline": poor}, **more), config)
    return decision.decide(holdout, config, {}), holdout


REFERENCE: dict[str, Any] = {
    "accuracy": lambda t, p: sklearn.metrics.accuracy_score(t, p.argmax(axis=1)),
    "balanced_accuracy": lambda t, p: sklearn.metrics.balanced_accuracy_score(t, p.argmax(axis=1)),
    "f1": lambda t, p: sklearn.metrics.f1_score(t, p.argmax(axis=1), average="macro"),
    "f1_weighted": lambda t, p: sklearn.metrics.f1_score(t, p.argmax(axis=1), average="weighted"),
    "quadratic_kappa": lambda t, p: sklearn.metrics.cohen_kappa_score(
        t, p.argmax(axis=1), weights="quadratic"
    ),
    "auc": lambda t, p: sklearn.metrics.roc_auc_score(t, p, multi_class="ovr"),
    "log_loss": sklearn.metrics.log_loss,
}


@pytest.mark.parametrize("name", REFERENCE)
def test_lists_of_probabilities_are_judged_in_the_order_of_the_classes(name: str) -> None:
    truth, good, poor = drawn()
    primary = {"metric": name, "min_effect": 0.01}
    found, _ = decided(config_of(primary=primary))
    for role, chances in (("candidate", good), ("incumbent", poor)):
        expected = REFERENCE[name](truth, chances)
        assert found[role]["value"] == pytest.approx(expected, rel=1e-9)
    assert found["decision"] == "promote"


def test_the_kappa_of_ordered_classes_minds_their_order() -> None:
    truth, given = np.array([0.0, 1, 2, 2]), np.array([0, 2, 2, 0])
    kappa = metric_named("quadratic_kappa").function
    assert kappa(truth, given).value == pytest.approx(1 - (5 / 4) / (9 / 4 + 2 - 2 * 5 / 4))
    swapped = np.array([0, 2, 1])
    assert kappa(swapped[truth.astype(int)], swapped[given]).value != kappa(truth, given).value
    assert math.isnan(kappa(truth * 0, given * 0).value)
    primary = {"metric": "quadratic_kappa"}
    with pytest.raises(MlopsError, match="quadratic_kappa minds the order of the classes"):
        config_of(primary=primary, data={}).with_classes(list(KINDS))
    for known in (config_of(primary=primary), config_of(primary=primary, data={})):
        classes: Any = [3, 5, 9] if known.data.classes is None else list(KINDS)
        assert known.with_classes(classes).data.classes == tuple(classes)


def test_a_model_of_another_order_than_declared_is_refused() -> None:
    with pytest.raises(MlopsError, match="or another order of them"):
        config_of().with_classes(["high", "low", "mid"])
    assert config_of(data={}).with_classes(None).data.classes is None


@pytest.mark.parametrize(
    ("changes", "column", "cut", "sentence"),
    [
        ({"data": {"classes": ("low", "high", "mid", "top")}}, "scores", 3, "names 4: give one"),
        ({"data": {"classes": KINDS, "threshold": 0.4}}, "scores", 3, "and here are 3: drop it"),
        ({"data": {}}, "scores", 3, "name the labels in data.classes"),
        ({"primary": {"metric": "auc"}}, "prediction", 0, 'no column "score", which auc needs'),
        ({"primary": {"metric": "auc"}}, "score", 0, "needs a list of probabilities in each row"),
        ({"fairness": ["segment"]}, "scores", 3, "fairness of conf/compare.yaml compares two"),
    ],
)
def test_what_does_not_fit_several_classes_is_one_sentence(
    changes: Any, column: str, cut: int, sentence: str
) -> None:
    truth, good, poor = drawn(200)
    values: Any = [good, poor] if cut else [good.max(axis=1)] * 2
    table = table_of(truth, dict(zip(("candidate", "baseline"), values, strict=True)), column)
    table = table.append_column("segment", pa.array(["a"] * table.num_rows))
    config = config_of(**changes)
    with pytest.raises(MlopsError) as raised:
        decision.decide(read_holdout(table, config), config, {})
    assert sentence in str(raised.value)


@pytest.mark.parametrize("classes", [None, (0, 1, 2)])
@pytest.mark.parametrize("column", ["y_true", "score"])
def test_a_fraction_is_never_cut_to_a_class(column: str, classes: Any) -> None:
    truth = drawn(200)[0]
    labels = {"candidate": truth, "baseline": truth[::-1]}
    table = table_of(truth, labels, "score").drop_columns(["y_true"])
    table = table.append_column("y_true", pa.array([*truth, *truth]))
    config = config_of(data={"classes": classes})
    assert read_holdout(table, config).classes == ("0", "1", "2")
    values = table[column].to_numpy() + np.where(table["id"].to_numpy() == 7, 0.25, 0)
    table = table.drop_columns([column]).append_column(column, pa.array(values))
    with pytest.raises(MlopsError, match=f'Column "{column}" holds a fraction in .* rows?, such'):
        read_holdout(table, config)


@pytest.mark.parametrize("name", ["average_precision", "brier", "calibration_error", "log_loss"])
def test_two_probabilities_are_judged_as_that_of_the_second_class(name: str) -> None:
    truth, good, poor = drawn(300)
    config = config_of(primary={"metric": name}, data={"classes": KINDS[:2]})
    values = []
    for width in (1, 2):
        systems = {"candidate": good[:, 1], "baseline": poor[:, 1]}
        if width == 2:
            systems = {who: np.stack([1 - p, p], axis=1) for who, p in systems.items()}
        column = "score" if width == 1 else "scores"
        holdout = read_holdout(table_of(truth % 2, systems, column), config)
        found = decision.decide(holdout, config, {})
        values.append((found["candidate"]["value"], found["primary"]["estimate"]))
    assert values[0] == values[1]
    halves = {"candidate": good[:, :2], "baseline": poor[:, :2]}
    with pytest.raises(MlopsError, match="two probabilities of a row do not add up to 1"):
        read_holdout(table_of(truth % 2, halves), config)


def test_systems_of_different_widths_are_told_apart() -> None:
    truth, good, _ = drawn(200)
    table = table_of(truth, {"candidate": good, "baseline": good[:, :2]})
    with pytest.raises(MlopsError, match=r'incumbent "baseline" gives probabilities of 2 classes'):
        read_holdout(table, config_of())


def test_a_class_that_is_served_worse_blocks_where_it_is_looked_at() -> None:
    truth, good, poor = drawn(3000, rare=0.1)
    # Never the rare one: better on average, and nobody of that class is found.
    blind = np.where(good == good[:, 2:], 0.0, good) + 1e-9
    blind /= blind.sum(axis=1, keepdims=True)
    table = table_of(truth, {"candidate": blind, "baseline": poor})
    verdicts = {}
    for slices in (None, ["y_true"]):
        config = config_of(slices=slices)
        found = decision.decide(read_holdout(table, config), config, {})
        verdicts[bool(slices)] = found["decision"]
    assert verdicts == {False: "promote", True: "reject"}
    harmed = [each for each in found["slices"] if each["verdict"] == "fail"]
    assert [each["name"] for each in harmed] == ["y_true = high"]
    recall = sklearn.metrics.recall_score(truth, poor.argmax(axis=1), average=None)[2]
    assert harmed[0]["estimate"] == pytest.approx(-recall, rel=1e-9)
    assert "recall is worse by" in harmed[0]["sentence"]


def test_few_rows_of_a_class_hold_back_only_metrics_that_weigh_classes_alike() -> None:
    truth, good, poor = drawn(1200)
    kept = (truth != 2) | (np.cumsum(truth == 2) <= 7)
    told = {}
    for name in ("accuracy", "f1_weighted", "f1", "auc"):
        config = config_of(primary={"metric": name})
        systems = {"candidate": good[kept], "baseline": poor[kept]}
        found = decision.decide(read_holdout(table_of(truth[kept], systems), config), config, {})
        told[name] = [each["sentence"] for each in found["safety"]]
    assert told["accuracy"] == told["f1_weighted"] == []
    for name in ("f1", "auc"):
        assert 'The class "high" has only 7 of the holdout\'s rows, fewer than 20' in told[name][0]
    nearly_all = (truth == 0) | (np.cumsum(truth != 0) <= 12)
    config = config_of()
    systems = {"candidate": good[nearly_all], "baseline": poor[nearly_all]}
    found = decision.decide(read_holdout(table_of(truth[nearly_all], systems), config), config, {})
    assert "All classes but the commonest together have only 12" in found["safety"][0]["sentence"]


@pytest.mark.parametrize("lacking", [1, 2])
@pytest.mark.parametrize(("name", "told"), [("auc", 1), ("accuracy", 0)])
def test_a_class_that_the_holdout_lacks_is_told_by_metrics_that_weigh_classes_alike(
    name: str, told: int, lacking: int
) -> None:
    truth, good, poor = drawn(1200)
    kept = truth != lacking
    config = config_of(primary={"metric": name, "min_effect": 0.01})
    systems = {"candidate": good[kept], "baseline": poor[kept]}
    found = decision.decide(read_holdout(table_of(truth[kept], systems), config), config, {})
    sentences = [each["sentence"] for each in found["safety"]]
    lacks = f'The class "{KINDS[lacking]}" has only 0 of the holdout\'s rows, fewer than 20'
    assert [each.startswith(lacks) for each in sentences] == [True] * told
    assert found["decision"] == ("inconclusive" if told else "promote")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_loss_of_classes_in_place_of_chances_promotes_nothing(n_classes: int) -> None:
    truth, good, poor = drawn()
    rules: Any = np.eye(3)[poor.argmax(axis=1)]
    classes: Any = KINDS
    if n_classes == 2:
        truth, good, rules, classes = truth % 2, good[:, 1], rules[:, 1], KINDS[:2]
    column = "scores" if n_classes == 3 else "score"
    table = table_of(truth, {"candidate": good, "baseline": rules}, column)
    told = {}
    for name in ("log_loss", "brier"):
        config = config_of(primary={"metric": name, "min_effect": 0.01}, data={"classes": classes})
        told[name] = decision.decide(read_holdout(table, config), config, {})
    assert told["brier"]["decision"] == "promote"
    assert told["log_loss"]["decision"] == "inconclusive"
    (said,) = told["log_loss"]["safety"]
    assert said["sentence"].startswith('Only 0 and 1 come from the incumbent "baseline": these are')


@pytest.mark.parametrize("classes", [(False, True), ("se", False, "dk")])
def test_words_that_yaml_takes_for_booleans_are_asked_for_in_quotes(classes: Any) -> None:
    with pytest.raises(ValidationError, match=r'in quotes, such as \["no", "yes"\]'):
        config_of(data={"classes": classes})


def test_a_candidate_that_gives_everybody_the_same_probabilities_is_rejected() -> None:
    truth, good, _ = drawn()
    same = np.tile([0.5, 0.3, 0.2], (truth.size, 1))
    config = config_of()
    holdout = read_holdout(table_of(truth, {"candidate": same, "baseline": good}), config)
    found = decision.decide(holdout, config, {})
    assert "says the same probabilities for every row" in found["safety"][0]["sentence"]


def test_the_reports_hold_the_confusion_and_the_shares_of_each_class() -> None:
    config = config_of(primary={"metric": "f1"})
    found, holdout = decided(config)
    truth, good, poor = drawn()
    text = markdown(found, CONTEXT, holdout, config)
    page = html_page(found, holdout, CONTEXT, config)
    for chances in (good, poor):
        given = chances.argmax(axis=1)
        for name, row in zip(KINDS, sklearn.metrics.confusion_matrix(truth, given), strict=True):
            assert f"| {name} | {' | '.join(map(str, row))} |" in text
            assert f"<th>{name}</th>" + "".join(f"<td>{n}</td>" for n in row) in page
        shares = [
            *sklearn.metrics.recall_score(truth, given, average=None),
            *sklearn.metrics.precision_score(truth, given, average=None),
        ]
        for share in shares:
            assert f"{100 * share:.1f} %" in text and f"{100 * share:.1f} %" in page
    assert "each class against the others, averaged" in page
    assert len(text) < 4000


def test_many_classes_are_grouped_and_every_row_is_counted() -> None:
    random = np.random.default_rng(2)
    n, n_classes = 4000, 40
    truth = np.minimum(random.geometric(0.12, n) - 1, n_classes - 1)
    chances = random.dirichlet(np.ones(n_classes), n)
    classes = [f"kind {code}" for code in range(n_classes)]
    table = pa.table(
        {
            "id": np.tile(np.arange(n), 2),
            "y_true": np.tile(np.array(classes)[truth], 2),
            "system": np.repeat(["candidate", "baseline"], n),
            "scores": pa.array([*chances, *chances[::-1]]),
        }
    )
    config = config_of(data={"classes": classes})
    holdout = read_holdout(table, config)
    by_class, *confused = class_tables(holdout, {"candidate": "one", "incumbent": "other"})
    assert len(by_class.rows) == 21 and "The 20 commonest of 40 classes." in by_class.caption
    assert len(confused) == 2
    for each in confused:
        assert each.rows[0][-1] == each.rows[-1][0] == "32 others"
        assert sum(int(cell) for row in each.rows[1:] for cell in row[1:]) == n
    assert len(markdown(decision.decide(holdout, config, {}), CONTEXT, holdout, config)) < 4000


TRAIN = pd.DataFrame(
    {
        "id": [1, 2, 1, 2, 3, 4],
        "time": pd.to_datetime(["2026-01-01", "2026-01-02"] * 3),
        "y_true": ["low", "mid", "high", "low", "low", "mid"],
        "a": [0.1, 0.5, 0.9, 0.2, 0.1, 0.6],
    }
)
ROWS = pd.DataFrame({"id": [1, 9], "time": pd.to_datetime(["2026-03-01"] * 2), "a": [0.95, 0.05]})
SHARES = [3 / 6, 2 / 6, 1 / 6]


def by_name(rows: pd.DataFrame) -> Any:
    return np.where(rows["a"] > 0.5, "high", "low")


def by_column(train: pd.DataFrame, rows: pd.DataFrame) -> Any:
    shares = train["y_true"].value_counts(normalize=True).sort_index()
    return pd.DataFrame([shares] * len(rows))


def by_mean(train: pd.DataFrame, rows: pd.DataFrame) -> Any:
    return np.full(len(rows), train["y_true"].mean())


def asked(spec: dict[str, Any]) -> list[list[float]]:
    params = {"seed": 3, "classes": list(KINDS)}
    return predict_with(
        SYSTEM.validate_python(spec), TRAIN, ROWS, "classification", params
    ).tolist()


def test_rules_and_trivial_systems_give_every_class_a_probability() -> None:
    named = {"kind": "rules", "function": f"{__name__}.by_name"}
    assert asked(named) == [[0, 0, 1], [1, 0, 0]]
    assert asked(named | {"function": f"{__name__}.by_column"}) == [pytest.approx(SHARES)] * 2
    with pytest.raises(MlopsError, match=r"by_mean\(\), asked for one of 3 classes or the probab"):
        asked(named | {"function": f"{__name__}.by_mean"})
    trivial = {"kind": "trivial"}
    assert asked(trivial | {"strategy": "majority"}) == [[1, 0, 0]] * 2
    assert asked(trivial | {"strategy": "prior"}) == [pytest.approx(SHARES)] * 2
    assert asked(trivial | {"strategy": "last_value"}) == [[0, 0, 1], pytest.approx(SHARES)]
    drawn = asked(trivial | {"strategy": "random"})
    assert drawn[0] != drawn[1]
    assert np.sum(drawn, axis=1) == pytest.approx(1)
    with pytest.raises(MlopsError, match="does not suit a classification"):
        asked(trivial | {"strategy": "mean"})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_logged_answers_are_labels_or_lists(tmp_path: Path, ending: str) -> None:
    lists: Any = [[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]
    log = pd.DataFrame({"id": [9, 1], "kind": ["mid", "high"], "chances": lists[::-1]})
    file = tmp_path / f"log.{ending}"
    log.to_csv(file, index=False) if ending == "csv" else log.to_parquet(file)
    spec = {"kind": "logged", "file": str(file)}
    assert asked(spec | {"column": "kind"}) == [[0, 0, 1], [0, 1, 0]]
    assert asked(spec | {"column": "chances"}) == lists


def test_a_program_answers_with_labels_or_lists() -> None:
    for answer, expected in (
        ("'\"mid\"'", [0, 1, 0]),
        ("'[0.2, 0.3, 0.5]'", [0.2, 0.3, 0.5]),
        ("'{\"scores\": [0.2, 0.3, 0.5]}'", [0.2, 0.3, 0.5]),
    ):
        text = f"import sys\nfor line in sys.stdin: print({answer})"
        assert asked({"kind": "command", "command": [sys.executable, "-c", text]}) == [expected] * 2
    text = "import sys\nfor line in sys.stdin: print('null')"
    with pytest.raises(MlopsError, match="not a class or a list of probabilities"):
        asked({"kind": "command", "command": [sys.executable, "-c", text]})


def test_a_stored_estimator_is_asked_by_its_own_classes(tmp_path: Path) -> None:
    file = tmp_path / "old.skops"
    model = LogisticRegression().fit(TRAIN[["a"]], TRAIN["y_true"])
    skops.io.dump(model, file)
    spec = {"kind": "sklearn", "file": str(file)}
    assert list(model.classes_) == ["high", "low", "mid"]
    expected = model.predict_proba(ROWS[["a"]])[:, [1, 2, 0]]
    assert asked(spec) == expected.tolist()
    two = TRAIN[TRAIN["y_true"] != "high"]
    skops.io.dump(LogisticRegression().fit(two[["a"]], two["y_true"]), file)
    with pytest.raises(MlopsError, match=r'sklearn: .*does not know the class "high"'):
        asked(spec)


@pytest.mark.parametrize("name", ["f1", "f1_weighted", "quadratic_kappa", "auc"])
@pytest.mark.parametrize("kind", ["iid", "clustered"])
def test_the_closed_interval_of_a_paired_gain_is_that_of_the_bootstrap(
    name: str, kind: Any
) -> None:
    truth, good, poor = drawn(400)
    design = IID if kind == "iid" else Design("clustered", np.arange(400) // 4)
    function = metric_named(name).function

    def gain(truth: Any, one: Any, other: Any) -> float:
        return function(truth, one).value - function(truth, other).value

    closed = paired_effect(function(truth, good), function(truth, poor), 1, design, 0.05)
    arrays = (truth.astype(np.float64), good, poor)
    drawn_ = bootstrap.bootstrap_effect(gain, arrays, design, 0.05, seed=1, replicates=999)
    assert closed.estimate == pytest.approx(drawn_.estimate, rel=1e-9)
    assert closed.standard_error == pytest.approx(drawn_.standard_error, rel=0.1)
    assert closed.lower == pytest.approx(drawn_.lower, abs=0.25 * closed.standard_error)


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("rare", [None, 0.01])
def test_equal_systems_of_several_classes_are_promoted_as_rarely_as_alpha_says(
    name: str, rare: float | None
) -> None:
    found = promotions_of_classes(name, 150, 11, rare=rare)
    # Wilson's lower end above 5 % would be proof of more than that.
    assert binomtest(found, 150).proportion_ci(0.95, "wilson").low <= 0.05


def test_a_gain_in_several_classes_is_seen() -> None:
    truth, candidate, incumbent = several_classes(np.random.default_rng(1), 2000, 0.05, effect=0.5)
    function = metric_named("f1").function
    assert (
        paired_effect(function(truth, candidate), function(truth, incumbent), 1, IID, 0.05).lower
        > 0
    )


def test_slices_by_class_are_for_classes_alone() -> None:
    with pytest.raises(ValidationError, match=re.escape('slices by "y_true" are those of classes')):
        config_of(primary={"metric": "rmse"}, slices=["y_true"])


@pytest.mark.parametrize("layout", ["long.csv", "long.parquet", "wide.csv", "wide.parquet"])
def test_every_layout_and_format_gives_the_same_decision(tmp_path: Path, layout: str) -> None:
    config = config_of(primary={"metric": "log_loss"})
    expected, _ = decided(config)
    truth, good, poor = drawn()
    table = table_of(truth, {"candidate": good, "baseline": poor}).to_pandas()
    table["scores"] = [list(map(float, row)) for row in table["scores"]]
    if layout.startswith("wide"):
        wide = table.pivot(index=["id", "y_true"], columns="system", values="scores")
        table = wide.reset_index().sample(frac=1, random_state=1)
    file = tmp_path / layout
    table.to_csv(file, index=False) if file.suffix == ".csv" else table.to_parquet(file)
    assert decision.decide(read_holdout(file, config), config, {}) == expected
