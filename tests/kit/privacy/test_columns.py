"""Personal data in columns: judged by header and values, and found wherever it hides in them."""

import base64
import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.detect import check_digits as checksums
from mlops_kit.privacy.detect import text
from mlops_kit.privacy.detect.columns import batches
from mlops_kit.privacy.detect.columns import column as columns
from mlops_kit.privacy.detect.columns.values import leaves, sample_of_row_groups
from mlops_kit.privacy.detect.kinds.kind import Check
from pii_cases import CHECKED, harmless_columns, identifiers, personal_columns

PLAIN = ["waiting for parts", "no answer yet", "ok", "", "SKU-4471", "2.4 kg", "2024-05-01"]


def judged(path: Path, rows: int = 100) -> dict[str, columns.Verdict]:
    """Judge each column of a parquet file, of a nested one each path, as a proposal does."""
    frame = sample_of_row_groups(path, rows)
    return {
        leaf: columns.judge(leaf, part)
        for column in frame.columns
        for leaf, part, _ in leaves(column, frame[column])
    }


def entities(name: str, values: pl.Series) -> dict[str, int]:
    """Return what a scan finds, and in how many rows."""
    return {one.entity: one.count for one in columns.scan(name, values)}


def test_identifiers_with_check_digits_are_known_without_a_header() -> None:
    """At least nine in ten, and nine in ten of what is called one is one."""
    right = missed = wrong = 0
    for entity, values in personal_columns(seed=11, rows=60):
        verdict = columns.judge("c7", values)
        right, missed = right + (verdict.entity == entity), missed + (verdict.entity != entity)
        assert entity in entities("c7", values), (entity, values[1])
    for _, values in harmless_columns(seed=11, rows=60):
        verdict = columns.judge("c7", values)
        wrong += verdict.kind == "identifier" and verdict.likelihood >= 0.5
    assert right / (right + missed) >= 0.9
    assert right / (right + wrong) >= 0.9


@pytest.mark.parametrize("rows", [8, 500])
def test_a_clean_table_stays_open(rows: int) -> None:
    for what, values in harmless_columns(seed=5, rows=rows):
        assert entities("c7", values) == {}, what


@pytest.mark.parametrize(
    ("length", "check", "start"),
    [
        (10, checksums.uk_nhs, ""),
        (10, checksums.us_npi, "1"),
        (9, checksums.us_routing, ""),
        (20, checksums.es_ccc, ""),
    ],
)
def test_check_digits_of_a_second_kind_equal_those_of_single_values(
    length: int, check: Check, start: str
) -> None:
    digits = random.Random(length)  # noqa: S311
    drawn = [
        start + "".join(digits.choices("0123456789", k=length - len(start))) for _ in range(2000)
    ]
    passed = [check(one) for one in drawn]
    assert sum(passed) > 5
    assert batches.valid(check, pl.Series(drawn)).to_list() == passed


@pytest.mark.parametrize("entity", [*CHECKED, "us_ssn", "health_plan"])
def test_check_digits_of_columns_equal_those_of_single_values(entity: str) -> None:
    """The vectorised checks against python-stdnum, on valid and on random numbers."""
    digits = random.Random(3)  # noqa: S311
    length = {"ar_cuit": 11, "ar_cbu": 22, "us_ssn": 9, "health_plan": 12, "imei": 15}.get(
        entity, 16
    )
    drawn = ["".join(digits.choices("0123456789", k=length)) for _ in range(400)]
    if entity == "iban":
        drawn = [f"DE{one}{one[:4]}" for one in drawn]
    if entity in {"es_nif", "es_nie"}:
        first = "XYZ" if entity == "es_nie" else "0123456789KLM"
        drawn = [
            digits.choice(first) + one[:7] + digits.choice("TRWAGMYFPDXBNJZSQVHLCKE")
            for one in drawn
        ]
    if entity == "card":
        drawn = [f"4{one[1:]}" for one in drawn]
    if entity == "ar_cuit":
        drawn = [f"20{one[2:]}" for one in drawn]
    if entity == "us_ssn":
        drawn = [f"{one[:3]}-{one[3:5]}-{one[5:]}" for one in drawn]
    if entity in CHECKED:
        drawn += identifiers(entity, np.random.default_rng(1), 50)
    single = getattr(checksums, "es_nuss" if entity == "health_plan" else entity)
    assert batches.valid(single, pl.Series(drawn)).to_list() == [single(one) for one in drawn]


def test_three_emails_among_many_rows_are_found_with_the_first_place() -> None:
    notes = ["sin novedad"] * 100_000
    for row in (70_000, 80_001, 99_999):
        notes[row] = f"responder a cliente{row}@example.com por favor"
    (finding,) = columns.scan("nota", pl.Series(notes), first_row=1)
    assert (finding.place, finding.entity, finding.count) == ("nota", "email", 3)
    assert finding.position == 70_001
    assert columns.scan("nota", pl.Series(notes[70_000:]), first_row=500)[0].position == 500


def test_dni_in_a_column_called_codigo_are_suspected() -> None:
    drawn = np.random.default_rng(4).integers(10_000_000, 50_000_000, 300)
    for values in (
        pl.Series(drawn),
        pl.Series(drawn).cast(pl.String),
        pl.Series(drawn).cast(pl.Float64),
        pl.Series([None if n % 5 == 0 else n for n in drawn.tolist()]),
        pl.Series([f"{n // 10**6}.{n // 1000 % 1000:03d}.{n % 1000:03d}" for n in drawn.tolist()]),
    ):
        assert "ar_dni" in entities("codigo", values), values.dtype
    # The same numbers as amounts, as prices in cents, or as days are no identity cards.
    assert entities("importe", pl.Series(drawn)) == {}
    assert entities("codigo", pl.Series(drawn // 10 * 10)) == {}


def test_encoded_values_are_opened() -> None:
    mails = [f"persona{n}@example.com" for n in range(50)]
    for values in (
        [base64.b64encode(one.encode()).decode() for one in mails],
        [one.encode().hex() for one in mails],
        [one.replace("@", "%40") for one in mails],
        [one.replace("@", "&#64;") for one in mails],
    ):
        assert entities("x", pl.Series(values)) == {"email": 50}
        assert entities("x", pl.Series(["AAAA", *values[:1], "token"])) == {"email": 1}


@pytest.mark.parametrize("sign", ["", " ", "-", ".", "/", "_"])
def test_cards_are_found_however_their_groups_are_parted(sign: str) -> None:
    drawn = identifiers("card", np.random.default_rng(6), 30)
    parted = [sign.join([n[:4], n[4:8], n[8:12], n[12:]]) for n in drawn if len(n) == 16]
    assert entities("x", pl.Series(parted)) == {"card": len(parted)}
    assert entities("x", pl.Series([*["no"] * 99, f"paid with {parted[0]} today"])) == {"card": 1}
    # Codes that are parted so pass the check digit as often as chance has it.
    codes = np.random.default_rng(7).integers(10**15, 10**16, 400).astype(str).tolist()
    codes = [sign.join([n[:4], n[4:8], n[8:12], n[12:]]) for n in codes]
    assert entities("x", pl.Series(codes)) == {}


def test_disguised_values_of_a_column_are_read_as_a_person_reads_them() -> None:
    mails = [f"persona{n}@example.com" for n in range(20)]
    wide = ["".join(chr(ord(letter) + 0xFEE0) for letter in mail) for mail in mails]
    for values in (wide, ["\u200b".join(mail) for mail in mails]):
        assert entities("x", pl.Series(values)) == {"email": 20}
    assert entities("x", pl.Series(["20\u201312345678\u20136"] * 3)) == {"ar_cuit": 3}
    assert entities("x", pl.Series(["Ñandú", "1998\u20132004", "tamaño \uff2c"] * 9)) == {}
    assert "persona" not in str(text.redact_series(pl.Series(["\u200b".join(mails[0])]))[0])


def test_json_and_xml_are_searched_by_path() -> None:
    rows = [json.dumps({"order": n, "contact": [{"tel": f"11 4444-{n:04d}"}]}) for n in range(20)]
    found = columns.scan("payload", pl.Series([*rows, "{}", "{broken"]))
    assert ("payload.contact.tel", "phone", 20) in [(f.place, f.entity, f.count) for f in found]
    marked = ["<r><tel>+34 600 123 456</tel></r>", "<r/>"]
    found = columns.scan("x", pl.Series(marked), first_row=8)
    assert ("x.r.tel", "phone", 8) in [(f.place, f.entity, f.position) for f in found]


def test_nested_columns_are_searched_by_path() -> None:
    values = pl.Series(
        "who",
        [
            {"name": "shop", "tags": [{"v": "a"}, {"v": "b"}]},
            {"name": "shop", "tags": [{"v": "ana@example.com"}]},
            None,
        ],
    )
    (finding,) = columns.scan("who", values, first_row=10)
    assert (finding.place, finding.entity, finding.position) == ("who.tags.v", "email", 11)


def test_binary_text_is_read_and_other_bytes_close_the_gate() -> None:
    assert entities("b", pl.Series([b"ana@example.com", b"x"])) == {"email": 1}
    with pytest.raises(MlopsError, match='column "b" has the type Binary'):
        columns.scan("b", pl.Series([b"\xff\xfe\x00"]))
    with pytest.raises(MlopsError, match='column "o" has the type Object'):
        columns.scan("o", pl.Series([object()], dtype=pl.Object))


def test_empty_columns_and_columns_of_nulls_hold_nothing() -> None:
    for values in (
        pl.Series([], dtype=pl.String),
        pl.Series([None, None]),
        pl.Series([None], dtype=pl.String),
        pl.Series(["", " "]),
        pl.Series([True, False]),
        pl.Series([float("nan"), float("inf")]),
        pl.Series([[]], dtype=pl.List(pl.String)),
    ):
        assert columns.scan("x", values) == []
        assert columns.judge("x", values).kind == "none"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *PLAIN,
                "ana@example.com",
                "mail bruno@example.org, thanks",
                "+54 9 351 555-0123",
                "tel. 944 123 456",
                "4111 1111 1111 1111",
                "paid with 5555 5555 5555 4444 yesterday",
                "DE89370400440532013000",
            ]
        )
        | st.none(),
        max_size=60,
    )
)
def test_a_scan_finds_what_reading_every_value_finds(values: list[str | None]) -> None:
    expected: dict[str, int] = {}
    for value in values:
        for entity in {s.entity for s in text.find(value or "") if text.is_identifier(s)}:
            expected[entity] = expected.get(entity, 0) + 1
    assert entities("c", pl.Series(values, dtype=pl.String)) == expected


def test_many_texts_that_differ_in_digits_only_are_still_read_where_one_kind_is_personal() -> None:
    codes = [f"lote {n:07d} revisado" for n in range(9_000)]
    notes = [f"tel. 11 5555-{n:04d} sin respuesta" for n in range(7_000)]
    assert entities("nota", pl.Series(codes)) == {}
    assert entities("nota", pl.Series(codes + notes)) == {"phone": 7_000}


@pytest.mark.parametrize(
    ("name", "values", "entity"),
    [
        ("Teléfono", ["1144445555", "3514239876"], "phone"),
        ("customers.full_name", ["Zyx Qwerty", "Bly Mnop"], "name"),
        ("patientName", ["Zyx Qwerty", "Bly Mnop"], "name"),
        ("nombre", ["Ana", "Carlos", "Lucía", "Martín", "Sofía"], "name"),
        ("fecha_nacimiento", ["1981-05-14", "1990-01-02"], "birth_date"),
        ("DOB", ["05/14/1981", "01/02/1990"], "birth_date"),
        ("zip", ["02139", "62704"], "postal_code"),
        ("city", ["Madrid", "Rosario"], "location"),
        ("lat", [-34.6, 40.4], "coordinates"),
        ("edad", [34, 71], "age"),
        ("sexo", ["M", "F"], "gender"),
        ("nro_documento", ["30456789", "28934561"], "ar_dni"),
        ("passport_number", ["X4839201", "AAC845210"], "passport"),
        ("mrn", ["00482913", "7719302"], "medical_record"),
        ("diagnosis", ["flu", "asthma"], "health"),
        ("religion", ["x", "y"], "belief"),
        ("ip_address", ["81.2.69.142", "10.0.0.1"], "ip"),
        ("x9", ["F", "M", "X"], "gender"),
        (
            "c",
            ["J45.9", "E11", "I10", "F32.1", "M54.5", "K21.9", "N39.0", "R51", "Z00.0"],
            "health",
        ),
        ("observaciones", ["el cliente llamó dos veces ayer y no quedó conforme"] * 3, "free_text"),
        ("product_name", ["Heladera Polar 300", "Horno Sol 20"], ""),
        ("products.name", ["Heladera Polar", "Horno Sol"], ""),
        ("telefono", ["yes", "no"], ""),
    ],
)
def test_headers_speak_where_values_could_be_what_they_say(
    name: str, values: list[object], entity: str
) -> None:
    verdict = columns.judge(name, pl.Series(values))
    if entity:
        assert (verdict.entity, verdict.likelihood >= 0.5) == (entity, True)
        assert verdict.reasons
    else:
        assert verdict.likelihood < 0.5


def test_no_reason_repeats_a_value() -> None:
    verdict = columns.judge("email", pl.Series(["ana.ruiz@example.com"] * 4))
    assert "ana" not in " ".join(verdict.reasons)


def test_a_sample_spans_all_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    late = ["-"] * 4000 + [f"ana{n}@example.com" for n in range(1000)]
    pl.DataFrame({"c": late, "n": {"tel": 1}}).write_parquet(path, row_group_size=500)
    verdicts = judged(path)
    assert verdicts["c"].entity == "email"
    assert verdicts["c"].rows == 100
    assert set(verdicts) == {"c", "n.tel"}


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(MlopsError, match="cannot be read as parquet"):
        judged(path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("importe", [f"{n}.204.{n + 111}" for n in range(10, 99)]),
        ("app_version", [f"1{n % 9}.{n}.0.{n % 7}" for n in range(100)]),
        (
            "user_agent",
            [f"Mozilla/5.0 (X11) Chrome/{n}.0.6099.71 Safari/537.36" for n in range(99)],
        ),
    ],
)
def test_amounts_and_versions_with_points_are_no_identifiers(name: str, values: list) -> None:
    assert columns.scan(name, pl.Series(values)) == []


def test_documents_in_a_column_are_no_free_text() -> None:
    values = pl.Series([f'{{"a": {n}, "b": "x y", "c": [1, 2, 3], "d": {{}}}}' for n in range(50)])
    assert columns.judge("payload", values).entity == ""


@pytest.mark.parametrize("start", ["0x{:040x}", "bc1qar0srrr7xfkvy5l643lydnw9re{:013d}"])
def test_a_column_of_wallets_is_seen_as_one_wallet_in_a_text_is(start: str) -> None:
    values = pl.Series([start.format(number * 7919**3 % 10**13) for number in range(1, 60)])
    assert columns.judge("x", values).entity == "account"
    assert [found.entity for found in columns.scan("x", values)] == ["account"]
