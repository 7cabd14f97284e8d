"""A task with more than two classes, from a file to a decision, checked against scikit-learn."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
import sklearn.metrics
import skops.io
import yaml
from running import Project, new_project
from stages import command, pipeline, served

pytestmark = pytest.mark.xdist_group("several-classes")
PAIR = ("candidate", "baseline")
FEATURES = '''"""Which rows are judged, what is known about them, and their class."""


def rows(params: dict) -> str:
    """Select what is judged: every row."""
    return "SELECT row_id AS id FROM things"


def features(params: dict) -> str:
    """Select what was measured."""
    return "SELECT row_id AS id, {columns} FROM things"


def target(params: dict) -> str:
    """Select the class."""
    return "SELECT row_id AS id, kind AS y_true FROM things"
'''
LABELS = '''"""What the model must beat: a cut by hand."""

import numpy as np
import pandas as pd


def predict(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Name a kind for each of the `rows`, shape (n,)."""
    petal = rows["petal_length_cm"]
    return np.select([petal < 2.5, petal < 4.8], ["setosa", "versicolor"], "virginica")
'''
TABLE = '''"""What the model must beat: the shares of the classes, the commonest first."""

import pandas as pd


def predict(train: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Give each of the `rows` a probability by class, shape (n, n_classes)."""
    shares = train["y_true"].value_counts(normalize=True)
    return pd.DataFrame([shares] * len(rows))
'''


def own_table(
    folder: Path, table: pd.DataFrame, compare: dict[str, Any], baseline: str | None = None
) -> Project:
    """Render, and make the table with the column `kind` the project's own."""
    project = new_project(folder, {"task": "classification"})
    command(project, "privacy key").check_returncode()
    (project.path / "data" / "restricted" / "raw").mkdir(parents=True, exist_ok=True)
    table.to_csv(project.path / "data/restricted/raw/things.csv", index_label="row_id")
    names = [name for name in table.columns if name != "kind"]
    text = not pd.api.types.is_numeric_dtype(table["kind"])
    columns: dict[str, Any] = {"row_id": {"type": "integer", "unique": True}}
    columns |= {name: {"type": "number"} for name in names}
    columns["kind"] = {"type": "string" if text else "integer"}
    things = {"source": "mine", "path": "things.csv", "columns": columns}
    for name, content in {
        "conf/sources.yaml": {
            "entity": {"table": "things", "column": "row_id"},
            "sources": {"mine": {"kind": "files", "folder": "data/restricted/raw"}},
            "tables": {"things": things},
        },
        "conf/privacy.yaml": {
            "columns": {"things.row_id": {"action": "token", "domain": "thing"}}
            | {f"things.{name}": {"action": "keep"} for name in (*names, "kind")},
        },
        "conf/compare.yaml": {"case": "A", "candidate": "candidate", "incumbent": "baseline"}
        | compare,
        "params.yaml": {
            "seed": 7,
            "split": {"method": "hash", "holdout": 0.4},
            "features": {},
            "model": {"trees": 20, "learning_rate": 0.1, "leaves": 4, "smallest_leaf": 10}
            | {"shrinkage": 1.0},
        },
    }.items():
        (project.path / name).write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    code = project.path / "src" / "shop"
    (code / "features.py").write_text(FEATURES.format(columns=", ".join(names)), "utf-8")
    if baseline is not None:
        (code / "baseline.py").write_text(baseline, "utf-8")
    return project


def toy(name: str) -> pd.DataFrame:
    """Return one of scikit-learn's tables, with its classes by name in `kind`."""
    bunch: Any = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
    table = bunch.frame.drop(columns="target")
    table.columns = [re.sub(r"\W+", "_", column).strip("_") for column in table]
    if name == "digits":
        # Squares of four by four pixels, and some of their sums.
        pixels = bunch.data.to_numpy().reshape(-1, 4, 2, 4, 2).sum(axis=(2, 4)).reshape(-1, 16)
        table = pd.DataFrame(pixels, columns=[f"square_{i}" for i in range(16)])
    kind = bunch.target if name == "digits" else np.asarray(bunch.target_names)[bunch.target]
    return table.assign(kind=kind)


def decision(project: Project) -> dict[str, Any]:
    return json.loads((project.path / "reports/compare/decision.json").read_text("utf-8"))


def card(project: Project) -> dict[str, Any]:
    return json.loads((project.path / "models/model.json").read_text("utf-8"))


def predicted(project: Project) -> pd.DataFrame:
    return pd.read_parquet(project.path / "data/open/predictions.parquet")


def judged(project: Project, system: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what came true, as codes, and the system's probabilities, shape (n, n_classes)."""
    classes = [str(each) for each in card(project)["classes"]]
    rows = predicted(project).query("system == @system")
    codes = {name: code for code, name in enumerate(classes)}
    return rows["y_true"].astype(str).map(codes).to_numpy(), np.stack(rows["scores"].to_list())


def assert_right(project: Project, reference: Callable[..., float]) -> dict[str, Any]:
    """Check the values of both systems, and that the scores are the stored model's own."""
    decided = decision(project)
    for role, system in (("candidate", "candidate"), ("incumbent", decided["incumbent"]["name"])):
        value = reference(*judged(project, system))
        assert decided[role]["value"] == pytest.approx(value, rel=1e-9, abs=1e-12)
    file = project.path / "models/model.skops"
    model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    rows = pd.read_parquet(project.path / "data/open/features.parquet").query("split == 'holdout'")
    known = card(project)
    chances = pd.DataFrame(model.predict_proba(rows[known["features"]]), columns=model.classes_)
    assert np.array_equal(chances[known["classes"]].to_numpy(), judged(project, "candidate")[1])
    assert known["answers"]["shape"] == [-1, len(known["classes"])]
    return decided


def said(project: Project) -> tuple[str, str]:
    """Return both reports."""
    folder = project.path / "reports/compare"
    return (folder / "report.md").read_text("utf-8"), (folder / "report.html").read_text("utf-8")


def test_wine_by_its_names_against_the_shares_of_the_classes(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    prior = {"kind": "trivial", "name": "shares", "strategy": "prior"}
    primary = {"metric": "log_loss", "min_effect": 0.1}
    project = own_table(tmp_path / "wine", toy("wine"), {"primary": primary, "incumbent": prior})
    # The template's own environment has no database for MLflow.
    project = Project(project.path, {"MLFLOW_ALLOW_FILE_STORE": "true"})
    file = project.path / "conf" / "dev.yaml"
    store = (tmp_path / "registry").as_uri()
    file.write_text(re.sub("sqlite:///[\\w./]+", store, file.read_text("utf-8")), "utf-8")
    pipeline(project)
    decided = assert_right(project, sklearn.metrics.log_loss)
    figure(f"wine: {decided['decision']}, {decided['candidate']['value']:.4f}")
    assert card(project)["classes"] == ["class_0", "class_1", "class_2"]
    assert decided["decision"] == "promote"
    assert predicted(project)["scores"].map(len).eq(3).all()
    text, page = said(project)
    truth, chances = judged(project, "candidate")
    table = sklearn.metrics.confusion_matrix(truth, chances.argmax(axis=1))
    for code, row in enumerate(table.tolist()):
        assert f"| class\\_{code} | {' | '.join(map(str, row))} |" in text
        cells = "".join(f"<td>{number}</td>" for number in row)
        assert f"<tr><th>class_{code}</th>{cells}</tr>" in page
    found = sklearn.metrics.recall_score(truth, chances.argmax(axis=1), average=None)
    assert all(f"{100 * share:.1f} %" in text for share in found)
    # Nothing is written that the gate does not read.
    assert command(project, "compare check").returncode == 0
    command(project, "compare report").check_returncode()
    planned = command(project, "compare plan")
    assert planned.returncode == 0, planned.stderr
    assert said(project) == (text, page)
    # What is served, and what a later candidate is compared with, is what was judged.
    answers = served(project)
    assert answers["classes"] == card(project)["classes"]
    assert answers["shape"] == [-1, 3]
    assert answers["served"] == answers["compared"] == chances.tolist()


def test_iris_in_a_declared_order_against_rules_that_name_a_kind(tmp_path: Path) -> None:
    order = ["virginica", "setosa", "versicolor"]
    primary = {"metric": "f1", "min_effect": 0.0}
    compare = {"primary": primary, "data": {"classes": order}, "slices": ["y_true"]}
    project = own_table(tmp_path / "iris", toy("iris"), compare, LABELS)
    pipeline(project)

    def macro(truth: np.ndarray, chances: np.ndarray) -> float:
        return float(sklearn.metrics.f1_score(truth, chances.argmax(axis=1), average="macro"))

    decided = assert_right(project, macro)
    assert card(project)["classes"] == order
    assert set(np.unique(judged(project, "baseline")[1])) == {0.0, 1.0}
    assert [each["name"] for each in decided["slices"]][:3] == [f"y_true = {k}" for k in order]
    assert {each["metric"] for each in decided["slices"][:3]} == {"recall"}


@pytest.mark.repetition
def test_digits_as_numbers_against_a_table_by_column_name(tmp_path: Path) -> None:
    primary = {"metric": "auc", "min_effect": 0.05}
    guard = {"metric": "average_precision", "margin": 0.01}
    compare = {"primary": primary, "guardrails": [guard]}
    project = own_table(tmp_path / "digits", toy("digits").iloc[:900], compare, TABLE)
    pipeline(project)

    def macro(truth: np.ndarray, chances: np.ndarray) -> float:
        return float(sklearn.metrics.roc_auc_score(truth, chances, multi_class="ovr"))

    decided = assert_right(project, macro)
    assert card(project)["classes"] == list(range(10))
    assert decided["decision"] == "promote"
    rows = pd.read_parquet(project.path / "data/open/features.parquet").query("split == 'train'")
    shares = rows["y_true"].value_counts(normalize=True).sort_index()
    assert judged(project, "baseline")[1][0] == pytest.approx(shares.to_numpy(), abs=1e-15)
