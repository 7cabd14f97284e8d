# ruff: noqa: S311, E501, RUF001, RUF005
"""What reading a text costs grows as the text does: counted work, whatever the text is made of."""

import ast
import base64
import json
import random
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_kit.privacy.detect import disguises, text, work
from mlops_kit.privacy.detect.kinds.registry import RULES
from mlops_kit.privacy.gate import files as selection
from mlops_kit.privacy.gate import scan as scanning
from mlops_kit.privacy.read import open_file as formats
from regex_steps import Counter, is_bounded, steps

PRIVACY = Path(work.__file__).parents[1]
sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))


def chosen(signs: str) -> Callable[[int], str]:
    """Texts of signs in any order."""
    return lambda n: "".join(random.Random(1).choices(signs, k=n))


def bytes_in_base64(n: int) -> str:
    """Return a picture in base64."""
    return base64.b64encode(random.Random(1).randbytes(n)).decode()[:n]


REPEATED = (
    [
        "1,",
        "1.",
        "1:",
        "00",
        "(1",
        "::",
        "a@",
        "a.",
        "%41",
        "a%",
        "&",
        "&#64;",
        "\\",
        "+AAB",
        "<!--",
    ]
    + [" ", "[ ", "\"'", "Ana", "Ana-", "Ana Pérez ", "A", "Aa&", "a.com", "a-", "αa", "4A:", "12°"]
    + ["DNI ", "calle Sol 14, ", "dateOfBirth=", "a=b&"]
)
ALPHABETS: dict[str, Callable[[int], str]] = {
    **{repr(part): lambda n, part=part: (part * n)[:n] for part in REPEATED},
    "digits": chosen("0123456789"),
    "separators": chosen(".,-/:;()[]{} "),
    "hexadecimal": chosen("0123456789abcdef"),
    "base64": bytes_in_base64,
    "an accent and base64": lambda n: "é" + bytes_in_base64(n - 1),
    "words in base64": lambda n: (base64.b64encode(b"ana@example.com, " * n).decode())[:n],
    "Chinese": chosen("的一是不了人我在有他这"),
    "Thai": chosen("กขคงจฉชซญฐดตถทธนบปผฝพฟภมยรลวศษสหอฮาำเแโใไ่้๊"),
    "Arabic": chosen("ابتثجحخدذرزسشصضطظعغفقكلمنهوي ًٌٍ"),
    "Arabic digits": chosen("٠١٢٣٤٥٦٧٨٩"),
    "accents": lambda n: "a" + chosen("\u0301\u0327\u0323\u0302")(n - 1),
    "emoji": chosen("🙂🎉👩\u200d🔬"),
    "unseen": lambda n: ("a\u200b" * n)[:n],
    "a long number": lambda n: "&#" + "1" * (n - 3) + ";",
    "minified code": lambda n: "".join(f"function x{i}(t){{return t.a[{i}]&&!0}}" for i in range(n))[:n],
    "one line of JSON": lambda n: json.dumps([{"dni": i, "n": "ana"} for i in range(n)])[:n],
    "a printed table": lambda n: ("dni|tel\n" + "30456789|1\n" * n)[:n],
}  # fmt: skip
WORST_GROWTH = 5.5  # for four times the text; squares give 16


# Reads only the rules that are written here.
READS_NO_TEXT = ("kind", "patterns")


def patterns() -> dict[str, "re.Pattern[str]"]:
    """Return every pattern of the room, by module and name, also those written where they are used."""
    found: dict[str, re.Pattern[str]] = {}
    for path in sorted(PRIVACY.rglob("[!_]*.py")):
        if path.stem in READS_NO_TEXT:
            continue
        inside = path.relative_to(PRIVACY.parents[1]).with_suffix("")
        module = import_module(".".join(inside.parts))
        for name, value in vars(module).items():
            of_text = isinstance(value, re.Pattern) and isinstance(value.pattern, str)
            if of_text and value not in found.values():
                found[f"{path.stem}.{name}"] = value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    value = re.compile(first.value)
                    if value not in found.values() and not compiled_by_name(node):
                        found[f"{path.stem}:{node.lineno}"] = value
    return found


def compiled_by_name(node: ast.Call) -> bool:
    """Whether a module holds the pattern, with its flags."""
    return ast.unparse(node.func) == "re.compile"


PATTERNS = patterns()


def test_no_rule_repeats_anything_without_end() -> None:
    assert len(RULES) > 100
    for entity, rule in RULES:
        assert is_bounded(parser.parse(rule.regex)), (entity, rule)
    assert not is_bounded(parser.parse("(?:a|b(?=c+))"))


@pytest.mark.parametrize("name", PATTERNS)
def test_what_a_pattern_does_grows_as_its_text_does(name: str) -> None:
    for alphabet, made in ALPHABETS.items():
        few, many = (steps(PATTERNS[name], made(n)) for n in (60, 240))
        if many > WORST_GROWTH * few + 500:  # where a bound is wider than the shorter text
            few, many = (steps(PATTERNS[name], made(n)) for n in (600, 2400))
        assert many <= WORST_GROWTH * few + 500, (name, alphabet, few, many)


def test_every_module_of_the_room_that_has_patterns_is_measured() -> None:
    measured = {re.split(r"[.:]", name)[0] for name in PATTERNS}
    assert {
        "language_model",
        "printed_tables",
        "url_credentials",
        "markup",
        "headers",
        "text",
    } <= measured
    assert "language_model._PERSON" in PATTERNS


def test_a_pattern_that_looks_again_from_each_place_is_seen_to_grow() -> None:
    old = re.compile(r"(?=\S*[A-Za-z@])(?=\S*[\u0370-\u052f])\S+")
    thai = ALPHABETS["Thai"]
    assert steps(old, thai(400)) > 10 * steps(old, thai(100))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PATTERNS)), st.text("aÁñ1 .@-_<>&#;%4\\=x\n:'\"|", max_size=30))
def test_the_counter_finds_what_the_engine_finds(name: str, words: str) -> None:
    theirs = [match.span() for match in PATTERNS[name].finditer(words) if match[0]]
    assert [
        span for span in Counter(PATTERNS[name], words).matches() if span[0] < span[1]
    ] == theirs


def read_file(name: str, words: str) -> list:
    """Read a file as the hook does."""
    content = words.encode("utf-8", "surrogatepass")
    pieces = formats.pieces_of_bytes(content, name, name)
    return scanning.scan_pieces(pieces, scanning.in_column_lightly)


def test_a_file_that_takes_too_much_work_is_not_called_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_CHARACTERS", 20_000)
    monkeypatch.chdir(tmp_path)
    Path("long.txt").write_text("she wrote to ana.ruiz@empresa.com\n" + "nothing here\n" * 2_000)
    Path("short.txt").write_text("nothing here\n" * 20)
    chosen = selection.named_files([Path("long.txt"), Path("short.txt")])
    long, short = (selection.findings_of(one, scanning.in_column_lightly) for one in chosen)
    assert [one.entity for one in long] == ["email", "unreadable"]
    assert "split it" in long[1].why
    assert short == []


def test_numbers_of_characters_may_have_any_length() -> None:
    for zeros in ("", "0" * 5_000):
        assert "&#" not in disguises.unescape(f"&#{zeros}64;")
        assert disguises.unescape(f"a&#{zeros}64;b") == "a@b"
    assert disguises.unescape(f"a&#{'1' * 5_000};b") == "a\ufffdb"
    assert text.redact(f"ana&#{'0' * 5_000}64;example.com") == "[EMAIL]"


def test_accents_in_disorder_are_put_in_order_by_stretches() -> None:
    assert disguises.normalized("ﬁn de an\u0303o １２") == "fin de año 12"
    assert disguises.normalized("x" * 300 + "n\u0303" * 300) == "x" * 300 + "ñ" * 300
    assert len(disguises.normalized("\u0301\u0327" * 5_000)) == 10_000


def test_an_open_tag_or_comment_hides_nothing() -> None:
    for start in ("<!--", "<a ", "</", "<?", "<a b='", "<script>"):
        found = read_file("a.html", f"<p>{start}\n mail ana.ruiz@empresa.com\n")
        assert "email" in {one.entity for one in found}, start
