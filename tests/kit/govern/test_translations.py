"""Spanish says what English says: no page is missing, none is older than its English text."""

import re
import string
from collections import Counter
from pathlib import Path

import pytest
import yaml
from translated import PAGES, STAMP, digest, pairs

TRANSLATED = {
    "charter", "poc", "responsible-ai", "risks", "runbook", "model-card", "data-card",
}  # fmt: skip
FACTS = {"README", "decision", "data-card", "model-card", "poc"}
TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
TARGET = re.compile(r"\]\(([^)#\s]+)")
BOTH = pytest.mark.parametrize(
    ("english", "spanish"), pairs(), ids=[f"{es.parent.name}/{es.stem}" for _, es in pairs()]
)


def words_of(text: str) -> str:
    """Return a line without code, tags and links: what a person reads as language."""
    text = re.sub(r"--\w+", " ", text)
    return CODE.sub(" ", EXPRESSION.sub(" ", TAG.sub(" ", re.sub(r"\]\([^)]*\)", "]", text))))


def without_labels(tag: str) -> str:
    """Return a tag without the texts in it that have a space: these are words."""
    return re.sub(r'"[^"]*"', lambda text: '""' if " " in text[0] else text[0], tag)


def test_every_page_that_is_to_be_translated_is() -> None:
    spanish = {path.relative_to(PAGES / "es").as_posix() for path in (PAGES / "es").rglob("*.md")}
    wanted = {f"{name}.md" for name in TRANSLATED} | {f"facts/{name}.md" for name in FACTS}
    assert wanted <= spanish
    # What a translated page includes is translated too.
    for page in wanted:
        text = (PAGES / "en" / page).read_text(encoding="utf-8")
        included = set(re.findall(r'include pages ~ "([^"]+)"', text))
        assert included <= spanish, page
    assert all((PAGES / "en" / page).is_file() for page in spanish)


@BOTH
def test_a_translation_is_as_new_as_its_english_text(english: Path, spanish: Path) -> None:
    """When this fails: read both, mend the translation, then ``make translated``."""
    stamp = STAMP.match(spanish.read_text(encoding="utf-8"))
    assert stamp and stamp[1] == digest(english), f"{english.name} changed after {spanish}"


@BOTH
def test_both_have_the_same_conditions_commands_links_and_places_to_fill(
    english: Path, spanish: Path
) -> None:
    one, other = (path.read_text(encoding="utf-8") for path in (english, spanish))
    other = STAMP.sub("", other)
    # Labels in a loop are words; all other tags are the same, in the same order.
    assert [without_labels(tag) for tag in TAG.findall(one)] == [
        without_labels(tag) for tag in TAG.findall(other)
    ]
    assert Counter(CODE.findall(one)) == Counter(CODE.findall(other))
    assert Counter(TARGET.findall(one)) == Counter(TARGET.findall(other))
    assert one.count("[TO FILL, ") == other.count("[COMPLETAR, ")
    for start in ("#", "|", "- ", "- **"):
        count, others = (f"\n{each}".count(f"\n{start}") for each in (one, other))
        assert count == others, start


@BOTH
def test_no_english_is_left(english: Path, spanish: Path) -> None:
    telling = re.compile(r"(?i)\b(the|and|of|which|with|what|who|is|are|from|this|that|by)\b")
    for line in STAMP.sub("", spanish.read_text(encoding="utf-8")).splitlines():
        # Titles of laws and of a paper, and names of tools, have none of these words.
        assert not telling.search(words_of(line)), line
    said = re.compile(r'"([^"\n{}]*[a-z] [a-z][^"\n{}]*)"')
    theirs = set(said.findall(english.read_text(encoding="utf-8")))
    for found in said.findall(spanish.read_text(encoding="utf-8")):
        assert not (found in theirs and telling.search(found)), found


@pytest.mark.parametrize("name", ["words.yaml", "personal/words.yaml"])
def test_the_catalogues_have_the_same_sentences_with_the_same_places(name: str) -> None:
    english, spanish = (
        yaml.safe_load((PAGES / language / name).read_text(encoding="utf-8"))
        for language in ("en", "es")
    )
    spanish_known = spanish.pop("known", {})
    english.pop("known", None)

    def places(value: object) -> object:
        if isinstance(value, dict):
            return {key: places(one) for key, one in value.items()}
        if isinstance(value, list):
            return [places(one) for one in value]
        return sorted(name for _, name, _, _ in string.Formatter().parse(str(value)) if name)

    assert places(english) == places(spanish)
    if name == "words.yaml":
        assert {"promote", "reject", "inconclusive", "pass", "fail"} <= set(spanish_known)
