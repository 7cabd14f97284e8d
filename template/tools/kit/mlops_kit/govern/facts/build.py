"""`mlops docs build`: write docs/facts, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.compare.report.language.say import speaking
from mlops_kit.core.files import read_yaml, write_texts
from mlops_kit.govern.config import GOVERNANCE_FILE, classify, load_governance
from mlops_kit.govern.costs.config import COSTS_FILE
from mlops_kit.govern.costs.plot import cumulative
from mlops_kit.govern.costs.reckon import REPORT
from mlops_kit.govern.documents import PAGES, answers, language, render
from mlops_kit.govern.facts.read import FACTS, Facts


class Page(NamedTuple):
    """A page of facts: its text, and what it could not tell."""

    text: str
    gaps: list[str]


def build() -> dict[Path, Page]:
    """Write every page that the files here ask for, and return them by their paths."""
    pages = built()
    write_texts({path: page.text for path, page in pages.items()})
    return pages


def built() -> dict[Path, Page]:
    """Return the pages as they would be written; the same files give the same text."""
    given = answers()
    with speaking(language(given)):
        pages = {FACTS / f"{name}.md": _page(name, given) for name in asked_for(given)}
    words = _words("README", given)
    facts = Facts(words)
    gaps = {path.name: len(page.gaps) for path, page in pages.items()}
    if told := facts.read(REPORT.as_posix()):
        said = _words("costs", given)
        months, money = (each.format(currency=told["currency"]) for each in said["axes"])
        pages[FACTS / "costs.svg"] = Page(cumulative(told, said["ways"], (months, money)), [])
    text = render("facts/README.md", given, facts=facts, words=words, gaps=gaps)
    return {**pages, FACTS / "README.md": Page(text, facts.gaps)}


def asked_for(given: Mapping[str, Any]) -> list[str]:
    """Return which pages this repository has."""
    pages = ["decision", "data-card", "model-card"]
    if given["stage"] == "poc" or Path("docs/poc.md").is_file():
        pages.append("poc")
    if given["ai_governance"] or GOVERNANCE_FILE.is_file():
        pages.append("governance")
    if COSTS_FILE.is_file():
        pages.append("costs")
    return pages


def _words(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sentences of the language that a page is written in."""
    chosen = language(given)
    translated = (PAGES / chosen / f"facts/{name}.md").is_file()
    return read_yaml(PAGES / (chosen if translated else "en") / "words.yaml")


def _page(name: str, given: Mapping[str, Any]) -> Page:
    words = _words(name, given)
    facts = Facts(words)
    more: dict[str, Any] = {"facts": facts, "words": words}
    if name == "governance":
        more["classified"] = classify(load_governance().ai_act)
    return Page(render(f"facts/{name}.md", given, **more), facts.gaps)
