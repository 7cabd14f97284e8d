"""Every kind of personal data is found where it should be, and not where it only seems to be."""

import re
from importlib import import_module
from pkgutil import iter_modules

import polars as pl
import pytest
from kind_examples import HEADERS, TEXTS, VALUES
from mlops_kit.privacy.detect import kinds, text
from mlops_kit.privacy.detect.columns.batches import valid
from mlops_kit.privacy.detect.columns.shapes import matches
from mlops_kit.privacy.detect.findings import LIKELY
from mlops_kit.privacy.detect.kinds.headers import entity_of, label_of
from mlops_kit.privacy.detect.kinds.kind import Kind, Rule
from mlops_kit.privacy.detect.kinds.registry import KINDS


def parted(marked: str) -> tuple[str, int, int]:
    """Return a text without its marks, and where they stood."""
    before, value, after = re.split("[«»]", marked)
    return before + value + after, len(before), len(before + value)


def alone(entity: str, rule: Rule, words: str, patch: pytest.MonkeyPatch) -> set[tuple[int, int]]:
    """Return where one rule finds something, without any other and without known names."""
    for name, value in (("RULES", ((entity, rule),)), ("GIVEN", ()), ("AMBIGUOUS", ())):
        patch.setattr(text, name, value)
    for cached in (text._index, text._of_number, text._ready):
        cached.cache_clear()
    return {(span.start, span.end) for span in text._candidates(words)}


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch):
    """Undo what `alone` changes, and what is remembered of it."""
    yield monkeypatch
    monkeypatch.undo()
    for cached in (text._index, text._of_number, text._ready):
        cached.cache_clear()


@pytest.mark.parametrize("entity", KINDS)
def test_a_kind_has_examples_of_all_that_finds_it(entity: str, patch: pytest.MonkeyPatch) -> None:
    kind, examples = KINDS[entity], [parted(marked) for marked, _ in TEXTS.get(entity, [])]
    for rule in kind.rules:
        assert any(
            (start, end) in alone(entity, rule, words, patch) for words, start, end in examples
        ), f"no example in TEXTS for {rule}"
    assert bool(kind.headers) == (entity in HEADERS)
    assert len(kind.shapes) == len(VALUES.get(entity, []))


@pytest.mark.parametrize(
    ("entity", "marked", "near"),
    [(entity, *pair) for entity, pairs in TEXTS.items() for pair in pairs],
)
def test_a_text_is_found_and_its_near_miss_is_not(entity: str, marked: str, near: str) -> None:
    words, start, end = parted(marked)
    found = [
        span.likelihood
        for span in text.find(words)
        if (span.entity, span.start, span.end) == (entity, start, end)
    ]
    assert found, text.find(words)
    least = min(LIKELY, *found)
    assert [s for s in text.find(near) if s.entity == entity and s.likelihood >= least] == []


@pytest.mark.parametrize("entity", HEADERS)
def test_a_header_names_its_kind_and_its_near_miss_does_not(entity: str) -> None:
    name, near = HEADERS[entity]
    assert entity_of(name)[0] == entity
    assert entity_of(near)[0] != entity
    # As a name is read that stands in a header several times.
    assert entity_of(f"{name} (2 of 3)") == entity_of(name)
    assert label_of(f"{name} (2 of 3)") == label_of(name)


@pytest.mark.parametrize("entity", VALUES)
def test_a_column_is_judged_as_a_single_value_is(entity: str) -> None:
    for shape, pair in zip(KINDS[entity].shapes, VALUES[entity], strict=True):
        assert matches(pl.Series(pair), shape).to_list() == [True, False]
        if shape.check is not None:
            turned = [pair[0][:at] + "7" + pair[0][at + 1 :] for at in range(len(pair[0]))]
            values = pl.Series([*pair, *turned])
            formed = values.filter(values.str.contains(shape.pattern))
            assert formed.len() > 2
            assert valid(shape.check, formed).to_list() == [shape.check(one) for one in formed]


def test_every_kind_that_is_written_is_in_use() -> None:
    modules = [
        import_module(f"{kinds.__name__}.{one.name}") for one in iter_modules(kinds.__path__)
    ]
    written = {id(one): one for module in modules for one in vars(module).values()}
    written = [one.entity for one in written.values() if isinstance(one, Kind)]
    assert sorted(written) == sorted(KINDS)
