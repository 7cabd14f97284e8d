"""One page for whoever decides: its figures are those of the rows, and it shows nobody."""

import html
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from governed import write
from mlops_kit.compare import stage
from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.govern.brief import brief as module

N = 3000
COMPARE = {"case": "A", "primary": {"metric": "auc", "min_effect": 0.01}}
COSTS = {
    "currency": "EUR",
    "examples": ["a", "b"],
    "ways": {"buy": {"upfront": 6000.0, "monthly": 1570.7}},
}
SETTINGS: Any = SimpleNamespace(task="classification")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Return the rows of a project that has decided, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    kind = random.choice(["oak", "elm", "lone"], N, p=[0.6, 0.397, 0.003])
    height = random.normal(0, 1, N)
    chance = 1 / (1 + np.exp(-height - (kind == "oak")))
    frame = pd.DataFrame({"id": np.arange(N), "kind": kind, "height": height, "chance": chance})
    frame["y_true"] = (random.random(N) < chance).astype(int)
    folder = Path("data/open")
    folder.mkdir(parents=True)
    frame[["id", "kind", "height"]].to_parquet(folder / "features.parquet")
    parts = [
        frame[["id", "y_true"]].assign(system=name, score=score)
        for name, score in (("candidate", chance), ("baseline", np.full(N, 0.5)))
    ]
    pd.concat(parts).to_parquet(folder / "predictions.parquet")
    write(Path("conf/compare.yaml"), yaml.safe_dump(COMPARE))
    config = CompareConfig.model_validate(COMPARE)
    context = {"project": "Shop", "business_metric": "Revenue"}
    stage.run(folder / "predictions.parquet", config, module.REPORTS, context, {})
    decision = json.loads((module.REPORTS / "decision.json").read_text("utf-8"))
    weight = {"estimate": 0.1, "lower": 0.05, "upper": 0.15}
    decision["importance"] = {
        "metric": "auc", "rows": N, "repeats": 2, "features": 2, "alpha": 0.05, "alike": [],
        "weights": [{"feature": name, **weight} for name in ("height", "kind")], "sentences": [],
    }  # fmt: skip
    write(module.REPORTS / "decision.json", json.dumps(decision))
    monkeypatch.setattr(module, "read_card", dict)
    speak(monkeypatch, "en")
    return frame


def speak(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    told = {"language": language, "project": "<Shop>", "business_metric": "Revenue", "who": "trees"}
    monkeypatch.setattr(module, "context_of_project", lambda _settings: told)


def written() -> str:
    module.brief(SETTINGS, Path("reports/brief.html"))
    return Path("reports/brief.html").read_text(encoding="utf-8")


def lines(page: str) -> list[list[str]]:
    """Return the cells of the first table."""
    table = page[page.index("<table>") : page.index("</table>")]
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[hd]>([^<]*)</t[hd]>", row)]
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]


def test_each_line_is_the_mean_of_rows_that_are_alike(rows: pd.DataFrame) -> None:
    page = written()
    heads, *kinds = lines(page)
    assert heads[:2] == ["kind", "rows"]
    assert len(kinds) == module.KINDS
    top = rows[(rows.height > rows.height.quantile(0.75)) & (rows.kind == "oak")]
    assert re.fullmatch(r"height: more than 0\.\d+; kind: oak", kinds[0][0])
    assert kinds[0][1:] == [
        f"{len(top)}", f"{100 * top.chance.mean():.0f} %", "50 %",
        f"{100 * top.y_true.mean():.0f} %",
    ]  # fmt: skip
    said = [int(one[2].removesuffix(" %")) for one in kinds]
    assert said == sorted(said, reverse=True)


def test_nobody_is_shown(rows: pd.DataFrame) -> None:
    page = written()
    assert "lone" not in page, "a text of nine rows is told with the others"
    assert all(int(one[1]) >= module.FEWEST for one in lines(page)[1:])
    assert "&lt;Shop&gt;" in page and "<Shop>" not in page


def test_it_says_what_it_costs_and_whose_prices_these_are(rows: pd.DataFrame) -> None:
    assert "Not reckoned yet" in written()
    write(module.REPORT, json.dumps(COSTS))
    page = written()
    assert "<td>6,000</td><td>1,570.70</td>" in page
    assert "2 prices are examples, not ours." in page


def test_it_speaks_the_language_of_the_documents(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(module.REPORT, json.dumps(COSTS))
    speak(monkeypatch, "es")
    page = re.sub(r"<style>.*?</style>", "", written(), flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", "\n", page)
    assert "AVANZAR" in text and "1.570,70" in text and "2 precios son ejemplos" in text
    assert not re.search(r"(?i)\b(the|and|of|what|rows|is|are)\b", text)
    speak(monkeypatch, "en")
    assert "What it costs" in written()


def test_a_decision_about_other_predictions_is_refused(rows: pd.DataFrame) -> None:
    path = Path("data/open/predictions.parquet")
    table = pd.read_parquet(path)
    table["score"] = 1 - table["score"]
    table.to_parquet(path)
    with pytest.raises(MlopsError, match=r"does not hold what decision\.json is about"):
        written()


def test_without_features_that_are_known_the_page_says_why(rows: pd.DataFrame) -> None:
    decision = json.loads((module.REPORTS / "decision.json").read_text("utf-8"))
    del decision["importance"]
    write(module.REPORTS / "decision.json", json.dumps(decision))
    assert "Rows are not shown" in written()
