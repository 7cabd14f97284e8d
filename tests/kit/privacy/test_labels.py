"""A header, key or tag means the same however its words are joined, to every reader."""

import io
import json

import polars as pl
import pytest
from mlops_kit.privacy.detect import text
from mlops_kit.privacy.detect.kinds import headers
from mlops_kit.privacy.gate import scan as scanning
from mlops_kit.privacy.read import open_file as formats

PERSON = {
    "dateOfBirth": ("birth_date", "1980-05-03"),
    "accountNumber": ("account", "4512873645"),
    "passportNumber": ("passport", "AAC845210"),
    "medicalRecordNumber": ("medical_record", "00482913"),
    "fullName": ("name", "Ana Pérez"),
    "memberId": ("health_plan", "XQH884201557"),
    "patientDOB": ("birth_date", "1980-05-03"),
    "fechaNacimiento": ("birth_date", "1980-05-03"),
    "nroDocumento": ("ar_dni", "30456789"),
    "telefonoContacto": ("phone", "3514512873"),
    "socialSecurityNumber": ("us_ssn", "536-22-8726"),
    "numColegiado": ("licence", "464611235"),
}
SPELT = {
    "camel": lambda key: key,
    "Pascal": lambda key: key[0].upper() + key[1:],
    "snake": headers.plain,
    "SCREAMING": lambda key: headers.plain(key).upper(),
    "kebab": lambda key: headers.plain(key).replace("_", "-"),
    "dotted": lambda key: f"patient.{key}",
}
WRITTEN = {
    "json": lambda key, value: json.dumps({key: value}, ensure_ascii=False),
    "yaml": lambda key, value: f"a: 1\n{key}: {value}\n",
    "settings": lambda key, value: f"{key}={value}\n",
    "xml": lambda key, value: f"<r><{key}>{value}</{key}></r>",
    "attribute": lambda key, value: f'<r {key}="{value}"/>',
    "csv": lambda key, value: f"{key},n\n{value},1\n",
}
SUFFIX = {"json": "json", "yaml": "txt", "settings": "env", "xml": "xml", "attribute": "xml"}


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("spelling", SPELT)
def test_every_reader_knows_a_header_in_every_spelling(form: str, spelling: str) -> None:
    for key, (entity, value) in PERSON.items():
        words = WRITTEN[form](SPELT[spelling](key), value)
        name = f"a.{SUFFIX.get(form, form)}"
        pieces = formats.pieces_of_bytes(words.encode(), name, name)
        found = {one.entity for one in scanning.scan_pieces(pieces, scanning.in_column_lightly)}
        assert entity in found, words


@pytest.mark.parametrize("key", ["memberIdea", "accountNumbering", "update", "candidateId"])
def test_what_only_begins_like_a_header_is_none(key: str) -> None:
    assert [s for s in text.find(f'"{key}": "45128736"') if s.likelihood >= 0.5] == []
    assert headers.label_of(key) not in headers.CAPTIONS


@pytest.mark.parametrize(
    "value",
    [
        "::ffff:81.47.193.20", "::ffff:0:81.47.193.20", "64:ff9b::81.47.193.20",
        "[2a02:2e02::1]:443", "2a02:2e02:9c1::/48", "2a02:2e02::1%en0/64", "81.47.193.20/24",
        "fe80::1ff:fe23:4567:890a%eth0", "ana.ruiz2+shop1@example.com", '"ana ruiz1"@example.com',
        "ES91 2100 0418 4502 0005 1332", "+1 415 555 0137, ext. 22", "+1 415 555 0137;ext=22",
        "+54 11 4555-0123 interno 45", "http://example.com/" + "a1" * 300,
    ],
)  # fmt: skip
def test_nothing_of_an_identifier_is_left_beside_what_replaces_it(value: str) -> None:
    for around in ("from {} today", "({})", '"{}",', "x={};"):
        assert not any(sign.isdigit() for sign in text.redact(around.format(value)))


@pytest.mark.parametrize(
    "last", [{"a": "ana@empresa.com"}, {"a": None, "dateOfBirth": "1980-05-03"}]
)
def test_the_hook_reads_lists_of_structs_to_their_end(last: dict[str, str | None]) -> None:
    content = io.BytesIO()
    things = [{"a": str(number), "dateOfBirth": None} for number in range(50)]
    pl.DataFrame({"things": [[*things, last], None, []]}).write_parquet(content)
    pieces = formats.pieces_of_bytes(content.getvalue(), "a.parquet", "a.parquet")
    found = [one.entity for one in scanning.scan_pieces(pieces, scanning.in_column_lightly)]
    assert found == ["email" if last["a"] else "birth_date"]
