"""Numbers in sentences: one of a thing is no plural, wherever a sentence is written."""

import ast
import re
from pathlib import Path

import mlops_kit
import pytest
from mlops_kit.core.words import acting, counted

KIT = Path(mlops_kit.__file__).parent
# What is counted in sentences: rows, columns, ...
COUNTED = re.compile(
    r" (rows|columns|days|groups|files|features|times|values|points|units|lines|classes|looks"
    r"|labels|items|requests|outcomes|cells|fits|settings|objects|bytes|alarms|candidates|tables"
    r"|characters|years|periods|months|prices|pages|models|versions|pictures|checks|findings|gaps"
    r"|others|folds|strata)\b"
)
# Never one: a limit of ours, more than one by what is asked before, or no number at all.
NEVER_ONE = {
    "math.ceil(times * periods)", "len(rest)", "size.size", "len(place) - len(shown)",
    "len(groups)", "names", "len(classes)", "len(made.keys)", "classes", "len(names)",
    "len(found)", "len(found) or 'no'", "len(strata)", "sample.at_least", "pages", "least",
    "config.host", "len(short[0])", "most", "self._rows", "len(tables)", "counted", "bands",
    "wanted.k", "said", "one.place", "wanted.l", "part", "number", "len(folds)", "nothing",
}  # fmt: skip


def bare(source: str) -> list[str]:
    """Return each number of a sentence that stands before a plural as it is."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            said = ast.unparse(value.value)
            form = ast.unparse(value.format_spec) if value.format_spec else ""
            whole = form in ("", "f','")  # a number with a fraction is a plural anyway
            if whole and COUNTED.match(str(after.value)) and not said.isupper():
                found.append(said)
    return found


@pytest.mark.parametrize("path", sorted(KIT.rglob("*.py")), ids=lambda path: path.stem)
def test_a_number_that_may_be_one_is_counted_in_words(path: Path) -> None:
    """When this fails: write counted(n, "row") or acting(n, "row", "have") of core/words.py."""
    said = bare(path.read_text(encoding="utf-8"))
    counted_in_words = re.compile(r"(words\.)?(counted|acting)\(")
    assert [one for one in said if one not in NEVER_ONE and not counted_in_words.match(one)] == []


def test_the_guard_sees_a_bare_number() -> None:
    assert bare('f"{aside:,} rows"') == ["aside"]
    assert bare("f\"{counted(aside, 'row')} set aside, {LEAST} rows\"") == []


def test_one_is_told_apart_in_the_verb_too() -> None:
    assert [acting(n, "row", "have") for n in (1, 2)] == ["1 row has", "2 rows have"]
    assert [acting(n, "class", "are") for n in (1, 1000)] == ["1 class is", "1,000 classes are"]
    assert counted(1, "row") == "1 row"
