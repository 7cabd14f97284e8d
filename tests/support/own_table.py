"""One table of somebody's own, from a csv to the decision, by the stages in this process."""

import importlib
import itertools
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from mlops_kit.compare.decision_file import read
from mlops_kit.compare.pipeline import compare
from mlops_kit.core.settings import load_settings
from mlops_kit.data.ingest import ingest
from mlops_kit.train.features import build_features
from mlops_kit.train.stage import train_and_predict

SEEDS = Path(__file__).parents[2] / "seeds"
NUMBERS = itertools.count()
TYPES: dict[Any, str] = {
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.String: "string",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "datetime",
}
MODEL = {"trees": 40, "learning_rate": 0.1, "leaves": 6, "smallest_leaf": 5, "shrinkage": 1.0}


@dataclass
class OwnTable:
    """The csv `t` with a column `id`, and what is said about it; empty SQL is the default.

    The `id` is unique, or that of a `series`. `known` is by column what conf/sources.yaml says,
    `more` goes into conf/compare.yaml.
    """

    rows: pl.DataFrame
    task: str = "classification"
    outcome: str = "outcome"
    features: str = ""
    rows_sql: str = "SELECT id FROM t"
    target: str = ""
    time: str | None = None
    known: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=lambda: {"method": "hash", "holdout": 0.3})
    more: dict[str, Any] = field(default_factory=dict)
    series: bool = False

    def written(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write the project into a folder and enter it."""
        monkeypatch.chdir(folder)
        monkeypatch.delenv("MLOPS_ENV", raising=False)
        package = f"own_{next(NUMBERS)}"
        monkeypatch.setenv("MLOPS_PACKAGE", package)
        monkeypatch.setattr(sys, "path", [*sys.path, str(folder / "src")])
        home = folder / "src" / package
        home.mkdir(parents=True)
        (folder / "raw").mkdir()
        self.rows.write_csv(folder / "raw/t.csv")
        unique = {} if self.series else {"unique": True}
        columns = {
            name: {"type": TYPES[kind.base_type()], "nullable": name != "id"}
            | (unique if name == "id" else {})
            | ({"known": self.known[name]} if name in self.known else {})
            for name, kind in self.rows.schema.items()
        }
        others = [name for name in self.rows.columns if name not in ("id", self.outcome)]
        sql = self.features or f"SELECT id, {', '.join(others)} FROM t"
        target = self.target or f"SELECT id, {self.outcome} AS y_true FROM t"
        given = {"rows": self.rows_sql, "features": sql, "target": target}
        functions = "\n\n".join(
            f"def {name}(params):\n    return {text!r}" for name, text in given.items()
        )
        (home / "__init__.py").write_text("")
        (home / "features.py").write_text(functions)
        for name, seed in (("model", f"model/{self.task}.py"),
                           ("baseline", f"baseline/new/{self.task}.py")):  # fmt: skip
            shutil.copy(SEEDS / seed, home / f"{name}.py")
        metric = {"classification": "auc", "regression": "rmse"}[self.task]
        table = {"source": "mine", "path": "t.csv", "columns": columns}
        settings = {"project": "Own", "business_metric": "gain", "model_name": "own",
                    "task": self.task, "functionality": "new"}  # fmt: skip
        dev = {"dvc_remote": "dev", "tracking": {"uri": "sqlite:///m.db", "experiment": "own",
               "registry_prefix": "dev"}}  # fmt: skip
        for name, content in {
            "conf/base.yaml": settings,
            "conf/dev.yaml": dev,
            "conf/sources.yaml": {
                "entity": {"table": "t", "column": "id"},
                "sources": {"mine": {"kind": "files", "folder": "raw"}},
                "tables": {"t": table | ({"time": self.time} if self.time else {})},
            },
            "conf/compare.yaml": {"case": "A", "primary": {"metric": metric}} | self.more,
            "params.yaml": {"seed": 1, "split": self.split, "features": {}, "model": MODEL},
        }.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(yaml.safe_dump(content))
        importlib.invalidate_caches()

    def featured(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """Write the project, and run the stages to the features; return what that stage says."""
        self.written(folder, monkeypatch)
        ingest(load_settings(), folder / "data/open/tables", folder / "data/quarantine")
        return build_features(load_settings())

    def decided(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], Any]:
        """Run all stages; return what the last three say, and the decision."""
        said = [self.featured(folder, monkeypatch)]
        said += [train_and_predict(load_settings()), compare(load_settings())]
        return said, read(Path("reports/compare/decision.json"))
