"""The report in Spanish: no sentence is missing in the catalogue, none is stale or half English."""

import ast
import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from string import Formatter

import mlops_kit
import numpy as np
import pyarrow.compute as pc
import pytest
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.report.language.say import (
    ENGLISH,
    Given,
    Phrase,
    catalogue,
    readable,
    say,
    speaking,
)
from mlops_kit.compare.report.markdown import html_page, markdown
from reported import METRIC, N, config_of, everything, table_of

KIT = Path(mlops_kit.__file__).parent
WRITERS = [
    *(KIT / "compare").glob("[ad]*.py"),
    *(path for room in ("checks", "explain", "inference", "metrics", "report")
      for path in (KIT / "compare" / room).glob("*.py")),
    KIT / "train/look_ahead.py", KIT / "govern/brief/brief.py",
]  # fmt: skip
NOT_SAID = {
    "classes in place of chances", "few rows for a metric of your own", "few rows in a class",
    "rows of the training", "gain without spread", "holdout used before", "corrected resampled t",
    "two-way: CR3 by group, slow waves over periods", "slow waves over periods",
    "that of the target", "that of a seasonal naive forecast", "that of payoff",
    "model.py: predicting shuffled rows",
    "every outcome is 0, and wape divides by their sum: judge by mae",
}  # fmt: skip
"""Names of checks, methods and units, which decision.json holds and no report shows."""
TIMES = "\N{MULTIPLICATION SIGN}"
DRAWING = re.compile(r"<svg.*?</svg>", re.DOTALL)
PHRASES = catalogue("es").phrases
ENGLISH_WORDS = re.compile(
    r"(?i)\b(the|and|of|which|with|what|who|is|are|from|this|that|by|to|in|it|for|be|rows?|than|no"
    r" one|gain|worse|better|each|when|where|more|less|has|have|was|were|will|as|at|or|not)\b"
)


def words_of(text: str) -> str:
    """Return a text without code, settings and file names, which no language changes."""
    text = re.sub(r"`[^`]*`|\{[^}]*\}|--\S+|\S+\.\w+\S*|\w+_\w+|\w+\(\)|«[^»]*»", " ", text)
    return re.sub(r"(?i)\bgroup\b|\bretired\b|\bfree\b", " ", text)


def fragments(path: Path) -> Iterator[str]:
    """Yield what a module says: its texts but docstrings and refusals, cut at places."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unsaid: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            unsaid.add(node.value)
        if isinstance(node, ast.Raise):
            unsaid.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in unsaid:
            yield from re.split(r"(?<=[.?]) (?=[A-Z])|\{\}", node.value)


def said_in(path: Path) -> list[str]:
    """Return the fragments of a module that are sentences or a good part of one."""
    found = [each.strip(" .,;:()") for each in fragments(path)]
    return [
        each for each in found
        if len(re.findall(r"(?<!\S)[A-Za-z']{2,}(?!\S)", each)) >= 3
        and not re.search(r"[=<>{}]|[A-Z]{3,} [A-Z]{2,}", each) and each not in NOT_SAID
    ]  # fmt: skip


def test_every_sentence_that_is_written_is_in_the_catalogue() -> None:
    """When this fails: add the sentence, with its translation, to report/language/es.yaml."""
    known = "\n".join(literal for phrase in PHRASES for literal in phrase.literals)
    written = texts_of_pages()
    assert len(written) > 16
    # The page says this one together with whom it is about.
    written = [each for each in written if each != "Of "]
    assert [each for each in written if say_in_spanish(each).strip() == each.strip()] == []
    found = {path.name: said_in(path) for path in WRITERS}
    assert sum(map(len, found.values())) > 250
    missing = {
        name: [each for each in texts if not in_catalogue(each, known)]
        for name, texts in found.items()
    }
    assert {name: texts for name, texts in missing.items() if texts} == {}


def texts_of_pages() -> list[str]:
    """Return what stands in the layouts of the pages itself."""
    pages = (KIT / "compare/report/page.html", KIT / "govern/brief/page.html")
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    return re.findall(r'_\("([^"]+)"', text)


def in_catalogue(text: str, known: str) -> bool:
    """Tell whether a fragment is a part of a sentence of the catalogue, "the" being of a place."""
    parts = re.split(r"\. (?=[A-Z])|\)\. |%\. ", text)
    return all(re.sub(r" the$", "", part.strip(" .,;:()%")) in known for part in parts)


def test_no_sentence_of_the_catalogue_is_stale() -> None:
    texts = [text for path in [*WRITERS, KIT / "compare/stage.py"] for text in fragments(path)]
    texts += texts_of_pages()
    written = {run for text in texts for run in runs(text)}
    stale = {
        phrase.english
        for phrase in PHRASES
        if (said := {run for each in phrase.literals for run in runs(each)}) and not said & written
    }
    assert stale == WORDS_ALONE


def runs(text: str) -> set[tuple[str, ...]]:
    """Return every word of a text and every two in a row; of a longer one the latter alone."""
    words = [each.removesuffix("s") for each in re.findall(r"[A-Za-z_]{2,}", text)]
    alone: set[tuple[str, ...]] = {(each,) for each in words} if len(words) < 3 else set()
    return alone | set(pairwise(words))


UNSAID = {each.english for each in PHRASES if each.english != each.translated}
"""What no Spanish page says."""
WORDS_ALONE = {"people", "customers", "orders", "products", "patients"}
"""Names of tables that are words of the language."""


def say_in_spanish(text: str) -> str:
    with speaking("es"):
        return say(text)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.english[:60])
def test_each_sentence_is_recognised_and_said_with_all_its_places(phrase: Phrase) -> None:
    places = [name for _, name, _, _ in Formatter().parse(phrase.english) if name]
    theirs = [name for _, name, _, _ in Formatter().parse(phrase.translated) if name]
    assert set(theirs) == set(places), "the same places"
    filled = {
        name: f"{at + 2},345.6" if re.fullmatch(r"n\d*", name) else f"Zz{at}"
        for at, name in enumerate(dict.fromkeys(places))
    }
    said = say_in_spanish(phrase.english.format(**filled))
    for value in filled.values():
        assert value.translate(str.maketrans(",.", ".,")) in said or value in said
    assert not ENGLISH_WORDS.search(words_of(said)), said


def test_reports_in_spanish_hold_no_english_and_the_same_numbers() -> None:
    table, config = everything()
    cases = [(table, config)]
    for column, metric in METRIC.items():
        for noise in ((2, 9), (9, 2), (5, 5)):
            one = table_of(column, dict(zip(("candidate", "baseline"), noise, strict=True)))
            cases.append((one, config_of("B", metric)))
    for table, config in cases:
        holdout = read_holdout(table, config)
        decision = decide(holdout, config, {})
        pages = {}
        for language in (ENGLISH, "es"):
            with speaking(language):
                context = {"project": "Tienda", "business_metric": "Recompra"}
                page = html_page(decision, holdout, context, config)
                assert f'<html lang="{language}">' in page
                text = markdown(decision, context, holdout, config)
                pages[language] = [seen(page), seen(DRAWING.sub("", page)), text]
        for spanish in pages["es"]:
            lines = names_out(spanish)
            assert [one for one in lines if ENGLISH_WORDS.search(words_of(one))] == []
            assert {one.strip() for one in lines} & UNSAID == set()
        # Longer words beside a figure may leave room for fewer ticks.
        for english, spanish in zip(*(each[1:] for each in pages.values()), strict=True):
            assert digits(english) == digits(spanish)


@pytest.mark.parametrize("unit", [1e-6, 1e-9, 1e7])
@pytest.mark.parametrize("language", [ENGLISH, "es"])
def test_very_small_and_large_numbers_are_written_as_people_do(unit: float, language: str) -> None:
    table = table_of("prediction", {"candidate": 3, "baseline": 9}, latency_ms=latencies())
    for name in ("y_true", "prediction"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pc.multiply(table[name], unit))
    guarded = [{"metric": "mae", "margin": unit}]
    config = config_of("C", "rmse", primary={"min_effect": unit}, guardrails=guarded)
    holdout = read_holdout(table, config)
    with speaking(language):
        decision, context = decide(holdout, config, {}), {"project": "x", "business_metric": "y"}
        page = html_page(decision, holdout, context, config)
        told = seen(page) + markdown(decision, context, holdout, config)
    told = re.sub(r"\b[0-9a-f]{12,}\b", "", told)
    assert re.findall(r".*\de\W?\d.*|.*mathdefault.*", told) == []
    said = {1e-6: "0.00000", 1e-9: f" {TIMES} 10⁻⁹", 1e7: ",000,000"}[unit]
    assert (said.translate(catalogue("es").separators) if language == "es" else said) in told


def latencies() -> np.ndarray:
    """Return answers so unlike in time that their axis is logarithmic."""
    return np.random.default_rng(2).lognormal(1, 3, N)


def seen(page: str) -> str:
    """Return what a person reads on a page, and what a screen reader says, a line a part."""
    labels = re.findall(r'aria-label="([^"]*)"', page)
    body = html.unescape(page[page.index("<body>") :])
    return "\n".join([*labels, re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]+>", "\n", body))])


def names_out(text: str) -> list[str]:
    """Return the lines without names that the tests' data and settings gave."""
    return [
        re.sub(r"(?i)call centre.*|.*script.*|.*alert.*", "", line) for line in text.splitlines()
    ]


def digits(text: str) -> Counter[str]:
    """Count the numbers of a text, whatever separates their digits."""
    return Counter(re.sub(r"[.,]", "", each) for each in re.findall(r"\d[\d.,]*", text))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("better by 1.23e+06 (-6.94e-05).", "better by 1,230,000 (-0.0000694)."),
        ("from -7.1e-06 on", f"from -7.1 {TIMES} 10⁻⁶ on"),
        ("p 3e-15", f"p 3 {TIMES} 10⁻¹⁵"),
        ("1e+20", f"1 {TIMES} 10²⁰"),
        ("5.94e-05 %", "0.0000594 %"),
        ("sha 12e-05 3fe-05 a.1e-05 1e-05.2", "sha 12e-05 3fe-05 a.1e-05 1e-05.2"),
    ],
)
def test_numbers_of_a_text_are_readable_and_names_stay(written: str, said: str) -> None:
    assert readable(written) == said


def test_very_small_numbers_have_the_comma_of_the_language() -> None:
    assert say_in_spanish("-7.1e-06") == f"-7,1 {TIMES} 10⁻⁶"
    assert say_in_spanish("+6.94e-05") == "+0,0000694"


def test_words_of_the_team_stay_as_they_are() -> None:
    with speaking("es"):
        assert say(Given("open")) == "open"
        assert say("gain of the rows in force") == "mejora de the rows in force"
        assert say("1,234.5") == "1.234,5"
        assert say("0.0123") == "0,0123"
        assert say("-1,234,567") == "-1.234.567"
        # What nobody translated is not hidden.
        assert say("A sentence that nobody knows.") == "A sentence that nobody knows."
    assert say("gain") == "gain"
    with speaking("fr"):
        assert say("gain") == "gain"


def test_one_of_a_thing_is_no_plural_in_spanish_either() -> None:
    english = "It grows by 1 point at most (95 % sure), within the margin of 2 points."
    said = say_in_spanish(english)
    assert "1 punto " in said and "2 puntos" in said and "grows" not in said
    assert say_in_spanish("21 points") == "21 puntos"
