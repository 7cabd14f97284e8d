"""Whatever was decided, the counts that the reports and the gate tell agree with one another."""

import html
import json
import re
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlops_kit.compare.advice import needed_of, next_step, reasons_of
from mlops_kit.compare.checks import fairness, slices
from mlops_kit.compare.checks.common import entry
from mlops_kit.compare.checks.maturity import told
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.decision_file import validated
from mlops_kit.compare.explain.record import about_search
from mlops_kit.compare.gate import check, others_of
from mlops_kit.compare.holdout.background import Background
from mlops_kit.compare.holdout.holdout import Holdout, read_holdout
from mlops_kit.compare.inference.effect import Effect
from mlops_kit.compare.inference.needed import more_rows
from mlops_kit.compare.report import page as pages
from mlops_kit.compare.report.markdown import html_page, markdown

CONTEXT = {"project": "Shop", "business_metric": "revenue", "who": "customers"}
THINGS = (
    "row|group|period|day|fold|check|candidate|table|feature|setting|file|gap|slice|class|use"
    "|system|shuffle|time|fit|month|answer"
)
PLURAL = "rows|groups|periods|days|folds|checks|candidates|tables|features|settings|files|gaps"
PLURAL += "|slices|classes|systems|times|fits|answers|customers"
ONE_OF_MANY = rf"(?<![\d.,/-])1 ({PLURAL})\b"
MANY_OF_ONE = rf"(?<![\d.,])(0|[2-9]|\d[\d,]*\d) ({THINGS})\b"
PASSED = r"- (\d+) of (\d+) checks? pass(?:; (\d+) (?:is|are) skipped)?\."
SHAPES = ("iid", "clustered", "two-way", "one period", "three", "accuracy")
ROWS = 240


@cache
def base(shape: str, gain: float, seed: int) -> tuple[Any, Holdout, Any]:
    """Decide on few rows that depend on one another in one way."""
    random = np.random.default_rng(seed)
    n = ROWS if seed % 2 else ROWS + 1
    truth = random.integers(0, 2, n)
    noise = {"candidate": 0.9 - gain, "baseline": 0.9}
    if shape == "three":
        noise |= {"second": 1.0, "third": 1.1}
    scores = {name: truth + random.normal(0, size, n) for name, size in noise.items()}
    columns: dict[str, Any] = {"id": range(n), "y_true": truth}
    if shape in ("clustered", "two-way"):
        columns["group"] = random.integers(0, 60, n)
    if shape in ("two-way", "one period"):
        spread = 40 if shape == "two-way" else 1
        columns["time"] = np.datetime64("2026-01-01", "D") + random.integers(0, spread, n)
    if shape == "accuracy":
        scores = {name: (values > 0.5).astype(int) for name, values in scores.items()}
    table = pa.concat_tables(
        pa.table(columns | {"system": [name] * n, "score": values})
        for name, values in scores.items()
    )
    config = CompareConfig.model_validate(
        {
            "case": "ABC"[seed % 3],
            "primary": {"metric": "accuracy" if shape == "accuracy" else "auc"},
            "candidate": ["candidate", "second", "third"] if shape == "three" else "candidate",
            "rollout": {"shadow_days": seed % 3, "days_per_step": 1 + seed % 2,
                        "steps": [100] if seed % 2 else [50, 100]},
            "deprecation": {"keep_warm_days": seed % 3},
        }
    )  # fmt: skip
    holdout = read_holdout(table, config)
    return decide(holdout, config, {}), holdout, config


def effect(random: np.random.Generator) -> Effect:
    estimate, error = random.normal(0, 0.05), random.uniform(0, 0.05)
    reach = 1.7 * error
    return Effect(estimate, error, estimate - reach, estimate + reach, 50, "drawn", 0.05, 30)


def outcomes(random: np.random.Generator) -> Any:
    """Draw what is told about the age of the outcomes."""
    horizon, until = (None, 1, 30)[random.integers(3)], (None, date(2026, 3, 1))[random.integers(2)]
    when = (None, np.full(4, np.datetime64("2026-01-01")))[random.integers(2)]
    bare = base("iid", 0.0, 1)[1]
    return told(replace(bare, background=Background(horizon, until, "said"), times=when))


def drawn(seed: int) -> tuple[Any, Holdout, Any]:
    """Draw a decision: its checks by their own sentences, its reasons by the real functions."""
    random = np.random.default_rng(seed)
    shape = SHAPES[seed % len(SHAPES)]
    found, holdout, config = base(shape, (0.5, 0.0, -0.5)[seed % 3], seed % 6)
    few = random.choice([0, 1, 2, 3, 17], 3)
    parts = []
    for place in range(few[0]):
        judged = effect(random) if random.random() < 0.7 else None
        p_value = None if judged is None else float(random.random())
        rows = int(random.choice([0, 1, 2, 1500]))
        parts.append(slices._slice(f"city = {place}", rows, judged, p_value, "auc", 0.0, 0.05))
    people = []
    for place in range(min(few[1], 3)):
        sizes = random.choice([1, 2, 1500], 2 + place).tolist()
        groups: Any = [
            {"name": f"g{number}", "rows": size, "candidate": float(random.random()),
             "incumbent": float(random.random())}
            for number, size in enumerate(sizes)
        ]  # fmt: skip
        among: Any = random.choice(["all", "positives", "negatives"])
        left_out = int(random.integers(0, 3))
        gap = fairness.Gap(effect(random), 0.2, 0.1, among, groups, left_out)
        measure = "demographic_parity" if among == "all" else "equalised_odds"
        known = None if random.random() < 0.2 else gap
        people.append(fairness._said(f"sex{place}", measure, known, random.random(), 0.0, 0.05))
    verdicts: Any = ("pass", "fail", "inconclusive")
    guards = [
        entry(f"m{place}", f"m{place}", effect(random),
              random.choice(verdicts, p=[0.9, 0.05, 0.05]), f"m{place}: looked at.", margin=0.1)
        for place in range(min(few[2], 3))
    ]  # fmt: skip
    result = found | {
        "slices": parts, "fairness": people, "guardrails": guards, "same": False,
        "safety": found["safety"] if seed % 2 else [], "outcomes": outcomes(random),
    }  # fmt: skip
    if random.random() < 0.3:
        rows, days = holdout.n_rows * int(random.choice([1, 3, 30])), int(random.choice([1, 90]))
        sentence = f"Open: {more_rows(rows, holdout)}."
        result["safety"] = [*result["safety"], entry(
            "drawn", "safety", None, "inconclusive", sentence, rows_needed=rows, days_needed=days,
        )]  # fmt: skip
    verdicts = [result["primary"]["verdict"], *(each["verdict"] for _, each in others_of(result))]
    open_ = "inconclusive" if "inconclusive" in verdicts else "promote"
    result["decision"] = "reject" if "fail" in verdicts else open_
    result |= {"reasons": reasons_of(result), "next": next_step(result, config)}
    result["needed"] = needed_of(result)
    del result["same"]
    count, table = (int(random.choice([0, 1, 2, 3000])) for _ in range(2))
    result["data"] = {
        "tables": {
            f"t{place}": {"files": place, "rows": 1 + place, "set_aside": place % 2,
                          "not_read": [f"f{n}" for n in range(table % 5)],
                          "reasons": {"broken": place % 2},
                          "missing": {"x": count} if count else {}}
            for place in range(1 + table % 14)
        },
        "training_rows": 1 + count, "features": 1 + count % 3,
    }  # fmt: skip
    number = int(random.choice([1, 2, 12]))
    result["search"] = about_search(
        {
            "search": {
                "method": "grid", "metric": "auc", "split": "time", "folds_asked": 3, "chosen": 0,
                "folds": [{}] * int(random.choice([1, 2, 3])),
                "settings": [{"setting": {"a": 1}, "value": 0.5}] * number,
            }
        }
    )  # fmt: skip
    known = {"estimate": 0.1, "lower": 0.0, "upper": 0.2}
    weights = [{"feature": f"x{n}"} | known for n in range(few[2])]
    if weights:
        result["importance"] = {"metric": "auc", "alpha": 0.05, "weights": weights, "sentences": []}
    validated(result)
    return result, replace(holdout), config


def visible(page: str) -> str:
    """Return the words of a page or of Markdown as a person reads them."""
    body = page[page.index("<body>") :] if "<body>" in page else page
    body = re.sub(r"<svg.*?</svg>", " ", body, flags=re.DOTALL)
    text = html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"[ \t]+", " ", text)


def agree(seed: int, folder: Path) -> None:
    decision, holdout, config = drawn(seed)
    page = html_page(decision, holdout, CONTEXT, config)
    text = markdown(decision, CONTEXT, holdout, config)
    (folder / "decision.json").write_text(json.dumps(decision))
    code, gate = check(folder / "decision.json")
    for said in (visible(page), text, gate):
        for wrong in (ONE_OF_MANY, MANY_OF_ONE):
            found = re.search(f".{{0,40}}{wrong}.{{0,40}}", said)
            assert found is None, (seed, found and found[0])
    checks = [decision["primary"], *(each for _, each in others_of(decision))]
    verdicts = ("pass", "fail", "inconclusive", "skipped")
    counts = {verdict: sum(each["verdict"] == verdict for each in checks) for verdict in verdicts}
    assert code == {"promote": 0, "reject": 1, "inconclusive": 2}[decision["decision"]]
    # The page: each pill once, quiet ones with their number.
    listed = dict.fromkeys(counts, 0)
    for verdict, words in re.findall(r'<b class="pill (\w+)">.*?</b><span>(.*?)</span>', page):
        quiet = re.search(rf"({'|'.join(pages.QUIET.values())}): (\d+)\.", words)
        listed[verdict] += int(quiet[2]) if quiet else 1
    if len(checks) > 1:
        assert listed == counts, seed
        ((passed, of, skipped),) = re.findall(PASSED, text)
        assert (int(passed), int(of)) == (counts["pass"], len(checks))
        assert int(skipped or 0) == counts["skipped"]
    # Reasons are the same words everywhere, and count as the list does.
    name = decision["candidate"]["name"]
    assert gate == f"{decision['decision']} {name}: {' '.join(decision['reasons'])}"
    others = re.search(r"passes? too \((\d+) of (\d+)", " ".join(decision["reasons"]))
    if others:
        assert int(others[1]) == int(others[2]) == counts["pass"] - 1
    rows = decision["primary"]["n_rows"]
    for said in (visible(page), text):
        for number in re.findall(r"(?:Paired on|judged on) ([\d,]+) rows", said):
            assert int(number.replace(",", "")) == rows == holdout.n_rows
        for number in re.findall(r"(\d+) candidates share it", said):
            assert int(number) == len(decision["candidates"])
        for number in re.findall(r"chosen among (\d+) by", said):
            assert int(number) == decision["search"]["settings"]
        for number in re.findall(r"with ([\d,]+) features?,", said):
            assert int(number) == decision["data"]["features"]


@pytest.mark.parametrize("seed", range(60))
def test_counts_agree_in_drawn_decisions(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_figures", lambda *_: [])
    agree(seed, tmp_path)


@pytest.mark.parametrize("seed", [1, 3])
def test_counts_agree_beside_figures(seed: int, tmp_path: Path) -> None:
    agree(seed, tmp_path)


@pytest.mark.repetition
def test_counts_agree_in_many_drawn_decisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_figures", lambda *_: [])
    for seed in range(100, 3100):
        agree(seed, tmp_path)
