"""docs/facts: each number is a file's, a missing one is a gap, and nothing else is written."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.govern import documents
from mlops_kit.govern.config import AiAct, classify
from mlops_kit.govern.facts.build import build, built
from mlops_kit.govern.facts.read import FACTS

# What no page tells: the version of a file's form; what `mlops run` says on the terminal alone:
# missing values by how they are written, and keys that tables of two sources share.
UNTOLD = {"schema", "missing", "shared"}


def numbers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every number in a JSON value."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from numbers(one, (*path, key))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from numbers(one, (*path, at))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def told() -> str:
    return "\n".join(page.text for page in built().values())


FILES = (
    "reports/compare/decision.json",
    "reports/data/reading.json",
    "reports/data/profile.json",
    "reports/privacy/protect.json",
    "models/model.json",
)


@pytest.mark.parametrize("name", FILES)
def test_every_number_that_a_file_changes_changes_the_page(name: str, project: Path) -> None:
    for document in ("poc", "costs", "governance"):
        documents.add(document)
    before, file = told(), project / name
    content = json.loads(file.read_text())
    places = list(numbers(content))
    assert places
    for place in places:
        changed = json.loads(file.read_text())
        part = changed
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = part[place[-1]] * 3 + 1
        original = file.read_text()
        file.write_text(json.dumps(changed))
        assert (told() != before) is not bool(UNTOLD & set(place)), place
        file.write_text(original)
    assert told() == before


def test_a_page_holds_no_number_that_is_in_no_file(project: Path) -> None:
    """Numbers of a page stand in a file, or in the page's own words: articles, controls."""
    documents.add("governance")
    files = "\n".join(
        path.read_text(encoding="utf-8") for path in project.rglob("*") if path.is_file()
    )
    in_files = {float(one) for one in re.findall(r"\d+(?:\.\d+)?", files)}
    own = "\n".join(path.read_text(encoding="utf-8") for path in documents.PAGES.rglob("*.md"))
    counted = re.compile(r"\*\*gap:\*\*.*?(?=[;|])|\(\d+ places to fill\)")
    for path, page in built().items():
        if path.name == "README.md":
            continue
        for found in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?: %)?", counted.sub("", page.text)):
            number = float(found.replace(",", "").removesuffix(" %"))
            number = number / 100 if found.endswith("%") else number
            near = any(abs(number - one) <= 5e-4 * max(abs(one), 1e-9) for one in in_files)
            assert near or found in own, (path.name, found)


def test_a_missing_file_is_a_named_gap_with_the_command_that_writes_it(project: Path) -> None:
    (project / "reports/monitor/drift.json").unlink()
    page = built()[FACTS / "model-card.md"]
    gap = "**gap:** `reports/monitor/drift.json` is not there yet: `uv run mlops monitor` writes it"
    assert f"| Verdict | {gap} |" in page.text
    assert len(page.gaps) == 2
    (project / "models/model.json").write_text("{}")
    said = built()[FACTS / "model-card.md"].text
    assert "| Kind | **gap:** `models/model.json` does not say `estimator` |" in said


def test_an_empty_project_has_gaps_and_no_error(project: Path) -> None:
    for name in FILES:
        (project / name).unlink()
    pages = built()
    assert len(pages[FACTS / "decision.md"].gaps) >= 10
    assert all("None" not in page.text for page in pages.values())


def test_only_facts_are_written_and_words_of_people_stay(project: Path) -> None:
    documents.add("model-card")
    card = project / "docs/model-card.md"
    card.write_text(card.read_text() + "\nWe saw it fail at Easter.\n")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert all(path.parent == FACTS for path in build())
    decision = project / "reports/compare/decision.json"
    decision.write_text(decision.read_text().replace("0.7893", "0.8124"))
    build()
    assert "0.8124" in (project / FACTS / "model-card.md").read_text()
    assert all(path.read_bytes() == text for path, text in before.items() if path != decision)


def test_a_damaged_file_is_one_sentence(project: Path) -> None:
    (project / "models/model.json").write_text("{")
    with pytest.raises(MlopsError, match=r"models/model.json is damaged .*mlops run --force"):
        build()


def test_text_from_files_cannot_break_a_table(project: Path) -> None:
    decision = project / "reports/compare/decision.json"
    content = json.loads(decision.read_text())
    content["reasons"] = ["a | b\n<script>"]
    content["guardrails"][0]["name"] = "x | y\nz"
    decision.write_text(json.dumps(content))
    text = built()[FACTS / "decision.md"].text
    assert "- a \\| b &lt;script>" in text
    assert "| x \\| y z | pass |" in text


def test_a_gap_between_groups_has_its_name_in_spanish_too(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("docs_language: en", "docs_language: es"))
    decision = project / "reports/compare/decision.json"
    content = json.loads(decision.read_text())
    content["fairness"][0]["name"] = "equalised_odds by worn by day"
    content["guardrails"][0]["name"] = "log_loss by hand"
    decision.write_text(json.dumps(content))
    text = built()[FACTS / "decision.md"].text
    assert text.count("| equalised_odds por worn by day |") == 2
    assert "| log_loss by hand |" in text


def test_the_verdict_of_a_proof_of_concept_says_what_more_data_would_cost(project: Path) -> None:
    documents.add("poc")
    page = built()[FACTS / "poc.md"].text
    assert page.startswith("# Verdict of the proof of concept: MORE DATA")
    assert "**gap:** `conf/costs.yaml` is not there yet: `uv run mlops docs add costs`" in page
    documents.add("costs")
    # (9,876 - 4,321) rows at 0.1 each
    assert "| What the missing rows would cost | 555.5 EUR |" in built()[FACTS / "poc.md"].text
    decision = project / "reports/compare/decision.json"
    for verdict, word in (("promote", "GO"), ("reject", "NO-GO")):
        content = json.loads(decision.read_text())
        content |= {"decision": verdict, "needed": {}}
        decision.write_text(json.dumps(content))
        said = built()[FACTS / "poc.md"].text
        assert said.startswith(f"# Verdict of the proof of concept: {word}\n")
        assert "missing rows" not in said


def test_governance_counts_what_is_there_in_part_and_missing(project: Path) -> None:
    documents.add("governance")
    page = built()[FACTS / "governance.md"].text
    assert "not legal advice" in page.lower() or "no legal advice" in page.lower()
    assert re.search(r"\| annex-iv 2\(g\) .*10,572|4,321.* \| there \|", page)
    assert re.search(r"\| annex-iv 7 \| .* \| \*\*gap\*\* \|", page)
    file = project / "conf/governance.yaml"
    text = file.read_text().replace(
        "evidence: {}",
        'evidence: {"annex-iv 7": {says: "prEN 18286", where: intranet, until: 2027-06-30}}',
    )
    file.write_text(text)
    assert "| prEN 18286: intranet (2027-06-30) | there |" in built()[FACTS / "governance.md"].text


OUT = {"in_union": True, "prohibited": False, "safety_component": False, "annex_iii": "none"}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, "open"),
        ({"in_union": False}, "outside"),
        ({"prohibited": True}, "prohibited"),
        ({"safety_component": True}, "high"),
        ({"annex_iii": "employment", "profiles_people": True, "narrow": True}, "high"),
        ({"annex_iii": "employment", "narrow": False}, "high"),
        ({"annex_iii": "employment", "profiles_people": False}, "open"),
        (OUT, "open"),
        ({**OUT, "talks_to_people": False, "makes_content": False}, "minimal"),
        ({**OUT, "talks_to_people": True, "makes_content": False}, "transparency"),
        (
            {
                **OUT,
                "annex_iii": "services",
                "profiles_people": False,
                "narrow": True,
                "talks_to_people": False,
                "makes_content": False,
            },
            "minimal",
        ),
        ({**OUT, "in_union": None, "talks_to_people": False, "makes_content": False}, "open"),
    ],
)
def test_the_risk_class_follows_from_the_answers(answers: dict[str, Any], expected: str) -> None:
    assert classify(AiAct.model_validate(answers)).risk == expected


def test_a_milder_class_is_told_only_when_nothing_more_severe_is_open() -> None:
    """Fail closed: with any one answer missing, the class is not minimal."""
    full = {**OUT, "talks_to_people": False, "makes_content": False}
    for name in full:
        assert classify(AiAct.model_validate({**full, name: None})).risk == "open", name
