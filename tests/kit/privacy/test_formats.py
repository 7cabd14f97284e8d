"""Each format is decoded and each disguise removed before it is called clean."""

import base64
import decimal
import gzip
import io
import json
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlops_kit.privacy.gate import check
from mlops_kit.privacy.gate.scan import UNREADABLE
from mlops_kit.privacy.read import open_file as formats
from PIL import Image

MAIL = "ana.perez@example.com"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)


def entities(name: str, content: bytes | str | None = None, encoding: str = "utf-8") -> list[str]:
    """Write a file and return what is found in it."""
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode(encoding)
        Path(name).write_bytes(data)
    found = check.scan_file(Path(name))
    assert not any("perez" in one.place.lower() for one in found), "a place repeats the value"
    return [one.entity for one in found]


def zipped(*members: tuple[str, bytes], comment: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def array(values: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values), allow_pickle=True)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def arrow(columns: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(columns).write_ipc(stream)
    return stream.getvalue()


def parquet(columns: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


HOLDERS: dict[str, tuple[str, bytes | str, str]] = {
    "utf-8 with a mark": ("a.csv", f"nota;x\nhola;1\n{MAIL};2\n", "utf-8-sig"),
    "latin-1": ("a.csv", f"ni\u00f1o,x\n{MAIL},2\n", "latin-1"),
    "utf-16": ("a.csv", f"nota,x\n{MAIL},2\n", "utf-16"),
    "utf-16 without a mark": ("a.txt", f"nota {MAIL}\n", "utf-16-le"),
    "tabs": ("a.tsv", f"nota\tx\n{MAIL}\t2\n", "utf-8"),
    "a quoted line break": ("a.csv", f'nota,x\n"one\n{MAIL}",2\n', "utf-8"),
    "a csv without a header": ("a.csv", f"{MAIL},1\nx,2\n", "utf-8"),
    "a longer row": ("a.csv", f"a,b\n1,2,{MAIL}\n", "utf-8"),
    "json with escapes": ("a.json", '{"a": "ana.perez\\u0040example.com"}', "utf-8"),
    "a json key": ("a.json", json.dumps({MAIL: 1}), "utf-8"),
    "a json key that comes twice": ("a.json", f'{{"a": "{MAIL}", "a": ""}}', "utf-8"),
    "json in json": ("a.json", json.dumps({"a": json.dumps({"b": MAIL})}), "utf-8"),
    "json lines": ("a.jsonl", f'{{"a": 1}}\n\n{{"a": "{MAIL}"}}\n', "utf-8"),
    "json under another name": ("a.dir", json.dumps([{"relpath": MAIL}]), "utf-8"),
    "html entities": ("a.html", "<p>ana.perez&#x40;example&period;com</p>", "utf-8"),
    "html tags in a word": ("a.html", "<p><b>ana</b>.perez@<i>example</i>.com", "utf-8"),
    "an attribute": ("a.html", f'<a href="mailto:{MAIL}">x</a>', "utf-8"),
    "a comment in a word": ("a.html", MAIL.replace("@", "<!-- x -->@"), "utf-8"),
    "a comment in a word of xml": ("a.xml", f"<a>{MAIL.replace('@', '<!--x-->@')}</a>", "utf-8"),
    "a comment": ("a.html", f"<!-- {MAIL} -->", "utf-8"),
    "xml": ("a.xml", f'<a><b c="{MAIL}"/></a>', "utf-8"),
    "a comment in xml": ("a.xml", f"<a><!-- {MAIL} --></a>", "utf-8"),
    "a drawing": ("a.svg", "<svg><text>ana.perez@<tspan>example.com</tspan></text></svg>", "utf-8"),
    "yaml": ("a.yaml", f"to: {MAIL}".replace("example.com", "corp.com"), "utf-8"),
    "source code": ("a.py", "to = 'ana.perez@corp.com'", "utf-8"),
    "gzip": ("a.txt.gz", gzip.compress(MAIL.encode()), ""),
    "a zip in a zip": ("a.zip", zipped(("i.zip", zipped(("a.csv", f"a\n{MAIL}".encode())))), ""),
    "a name in a zip": ("a.zip", zipped((f"{MAIL}.txt", b"")), ""),
    "a zip's comment": ("a.zip", zipped(comment=MAIL.encode()), ""),
    "skops": ("m.skops", zipped(("schema.json", json.dumps({"by": MAIL}).encode())), ""),
    "an array": ("a.npy", array(["x", MAIL]), ""),
    "an array of bytes": ("a.npy", array([MAIL.encode()]), ""),
    "a field of an array": ("a.npy", array(np.array([(1, MAIL)], "i4,U40")), ""),
    "a picture's text": ("a.png", png(chunk(b"tEXt", b"Comment\0" + MAIL.encode())), ""),
    "a picture's packed text": (
        "a.png",
        png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(MAIL.encode()))),
        "",
    ),
    "a picture in a page": (
        "a.html",
        b'<img src="data:image/png;base64,'
        + base64.b64encode(png(chunk(b"iTXt", b"XML\0\0\0\0\0" + MAIL.encode())))
        + b'">',
        "",
    ),
    "a parquet cell": ("a.parquet", parquet({"n": [1] * 9, "t": ["x"] * 8 + [MAIL]}), ""),
    "a parquet list": ("a.parquet", parquet({"t": [["x"], [MAIL]]}), ""),
    "a struct": ("a.parquet", parquet({"t": [{"a": {"b": MAIL}}]}), ""),
    "files in a column": ("a.parquet", parquet({"t": [zipped(("a", MAIL.encode()))]}), ""),
    "a column's name": ("a.parquet", parquet({MAIL: [1, 2]}), ""),
    "a field's name": ("a.parquet", parquet({"t": [{"a": [{MAIL: 1}]}]}), ""),
    "a field's name in Arrow": ("a.arrow", arrow({"t": [{MAIL: 1}]}), ""),
    "a field's name of an array": ("a.npy", array(np.zeros(2, [(MAIL, "i4")])), ""),
    "a key in a column": ("a.parquet", parquet({"t": [json.dumps({"a": {MAIL: 3}})] * 30}), ""),
    "a nested json key": ("a.json", json.dumps([{"a": [{MAIL: None}]}]), "utf-8"),
    "an attribute of a column": ("a.parquet", parquet({"t": [f"<a id='{MAIL}'/>"] * 30}), ""),
    "an id in a page": ("a.html", f'<p id="{MAIL}">x</p>', "utf-8"),
    "an attribute's name": ("a.html", f'<p data-{MAIL}="1">x</p>', "utf-8"),
    "a tag": ("a.xml", f"<a><{MAIL.replace('@', '_x0040_')}/></a>", "utf-8"),
    "an id in xml": ("a.xml", f'<a><b id="{MAIL}"/></a>', "utf-8"),
    "a class in a drawing": ("a.svg", f'<svg><g class="{MAIL}"/></svg>', "utf-8"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_an_address_is_found_in(holder: str) -> None:
    name, content, encoding = HOLDERS[holder]
    assert set(entities(name, content, encoding or "utf-8")) == {"email"}


@pytest.mark.parametrize("above", ["", "sep=;\n", "Ventas de enero\n\n", "Ventas\n"])
def test_the_names_of_a_table_count_under_a_title_too(above: str) -> None:
    rows = "".join(f"{30_456_789 + 1_234_321 * n};{n},5;x\n" for n in range(9))
    Path("t.csv").write_text(f"{above}nro_documento;importe;zona\n{rows}", encoding="utf-8")
    (found,) = check.scan_file(Path("t.csv"))
    assert (found.entity, found.place) == ("ar_dni", "t.csv: column nro_documento")


def test_the_name_of_a_single_column_counts_whatever_its_values_hold() -> None:
    rows = "".join(f"{30_456_789 + 1_234_321 * n}, x\n" for n in range(9))
    assert entities("t.csv", f"dni\n{rows}") == ["ar_dni"]


def test_a_title_is_searched_too() -> None:
    assert entities("t.csv", f"Para {MAIL}\na;b\n1;2\n3;4\n") == ["email"]


def test_names_that_a_programmer_gave_are_no_finding() -> None:
    nested = {"id_20240501": 1, "v1.10.3": [{"sha256_9f86d081": 2, "4111.1": "x", "@type": 3}]}
    assert entities("a.parquet", parquet({"t": [nested], "j": [json.dumps(nested)]})) == []
    assert entities("a.json", json.dumps(nested)) == []
    page = '<p id="T_5b1c0_row12_col4" class="col-md-4 v-2.1.0.3" @click="go" rel="x">y</p>'
    assert entities("a.html", page) == []
    assert entities("a.svg", f"<svg>{page.replace('@', '')}</svg>") == []


DISGUISES: dict[str, str] = {
    "percent-encoding twice": MAIL.replace("@", "%2540"),
    "quoted-printable": MAIL.replace("@", "=40"),
    "zero-width characters": MAIL.replace("e", "e\u200b"),
    "soft hyphens": MAIL.replace(".", "\u00ad."),
    "Cyrillic letters": MAIL.replace("a", "\u0430"),
    "full-width characters": "".join(chr(ord(letter) + 0xFEE0) for letter in MAIL),
    "at and dot in words": "ana.perez [at] example [dot] com",
    "at and dot spoken": "ana dot perez at example dot com",
    "arroba and punto": "ana.perez (arroba) example (punto) com",
    "base64 twice": base64.b64encode(base64.b64encode(MAIL.encode())).decode(),
    "base64 in a path": f"users/{base64.urlsafe_b64encode(MAIL.encode()).decode()}/x",
    "wrapped base64": base64.encodebytes(b"filler, and more filler " * 4 + MAIL.encode()).decode(),
    "gzip in base64": base64.b64encode(gzip.compress(MAIL.encode())).decode(),
    "invisible tags": MAIL.replace("@", "\U000e0020@"),
    "variation selectors": MAIL.replace("e", "e\ufe0f"),
    "points of another script": MAIL.replace(".com", "\u3002com"),
    "escapes of JavaScript": MAIL.replace("@", "\\u{40}"),
    "escapes of old addresses": MAIL.replace("@", "%u0040"),
    "UTF-16 in base64": base64.b64encode(MAIL.encode("utf-16-le")).decode(),
    "a hexadecimal number": f"0x{MAIL.encode().hex()}",
    "hexadecimal escapes": MAIL.replace("@", "\\x40"),
    "long escapes of Python": MAIL.replace("@", "\\U00000040"),
    "escapes of XML names": MAIL.replace("@", "_x0040_"),
    "octal escapes": "".join(f"\\{ord(letter):03o}" for letter in MAIL),
    "one octal escape": MAIL.replace("@", "\\100"),
    "named entities": MAIL.replace("@", "&commat;").replace(".", "&period;"),
    "an escape of CSS": MAIL.replace("@", "\\40 "),
    "a long escape of CSS": MAIL.replace("@", "\\000040"),
    "UTF-7": MAIL.replace("@", "+AEA-").replace(".", "+AC4-"),
    "UTF-7 of two letters": MAIL.replace("z@", "+AHoAQA-"),
    "comments of HTML": "ana<!-- -->.perez@<!-- no robots, please -->example.com",
    "hexadecimal pairs": MAIL.encode().hex(" "),
    "hexadecimal pairs with colons": MAIL.encode().hex(":").upper(),
    "a list of bytes": ", ".join(f"0x{byte:02x}" for byte in MAIL.encode()),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_an_address_is_found_behind(disguise: str) -> None:
    assert entities("a.md", f"Write to {DISGUISES[disguise]} today.\n") == ["email"]


NOT_IN_TABLES = {
    "percent-encoding twice",
    "at and dot spoken",
    "base64 twice",
    "base64 in a path",
    "wrapped base64",
    "gzip in base64",
}


@pytest.mark.parametrize("disguise", sorted(DISGUISES.keys() - NOT_IN_TABLES))
def test_an_address_in_a_table_is_found_behind(disguise: str) -> None:
    hidden = DISGUISES[disguise]
    values = [*(["none"] * 60), hidden, f"escribir a {hidden} hoy"]
    assert entities("a.parquet", parquet({"x": values})) == ["email"]
    assert check.scan_file(Path("a.parquet"))[0].count == 2


def test_escapes_of_nothing_personal_are_no_finding() -> None:
    lines = (
        "tables\\100rows.csv, photos\\40 cats.png, C:\\data\\40\\041.txt, \\033[31mred\\033[0m",
        "a\\100b, R\\40 x, \\u00e1rbol, AT&T; Q&period;A, x+AEA-y, v1+ABC-2.com",
        "done<!-- later -->. See 10 20 30 40 50 60 70 80 90 and 4.0.1",
        "aged 34 31 31 31 31 31 31 31 31 31 31 31 31 31 31 31 and 41, 42, 43, 44, 45, 46, 47, 48",
        "key 9f:86:d0:81:88:4c:7d:65:9a:2f:ea:a0:c5:5a:d0:15, 68 65 6c 6c 6f 20 79 6f 75 21",
    )
    assert entities("a.md", "\n".join(lines)) == []
    assert entities("a.html", "\n".join(lines)) == []
    assert entities("a.parquet", parquet({"x": [*lines, *(["none"] * 60)]})) == []


def test_a_comment_is_found_on_its_line() -> None:
    Path("a.html").write_text(f"<p>ana<!-- -->.perez\n</p>\n<!--\n{MAIL} -->\n", encoding="utf-8")
    (found,) = check.scan_file(Path("a.html"))
    assert (found.entity, found.count, found.position) == ("email", 1, 4)


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com",
        "git@github.com:shop/x.git",
        "no-reply@corp.com",
        "192.0.2.7 ::1 127.0.0.1",
    ],
)
def test_what_stands_for_nobody_is_no_finding(text: str) -> None:
    assert entities("a.md", f"{text}\n") == []


def test_in_code_the_domains_kept_for_examples_are_no_finding_but_others_are() -> None:
    assert entities("a.py", f'to = "{MAIL}"\n') == []
    assert entities("b.py", f'to = "{MAIL.replace("example", "corp")}"\n') == ["email"]
    assert entities("c.yaml", "name: Check out\nauthor: Types\n") == []


def test_a_printed_table_is_read_with_its_headings() -> None:
    markdown = "| nota | dni |\n|---|---|\n| x | 30123456 |\n| y | 31123457 |\n"
    printed = "       dni  total\n0  30123456    1.2\n1  31123457    3.4\n"
    for text in (markdown, printed):
        assert entities("a.md", text) == ["ar_dni"]
        assert entities("b.md", text.replace("dni", "sku")) == []
    assert check.scan_file(Path("a.md"))[0].position == 2


def test_a_dictionary_entry_that_no_row_uses_is_found() -> None:
    column = pa.DictionaryArray.from_arrays([0, 0, None], ["x", MAIL])
    pq.write_table(pa.table({"c": column}), "a.parquet")
    assert MAIL not in str(pl.read_parquet("a.parquet").rows())
    assert entities("a.parquet") == ["email"]


@pytest.mark.parametrize(
    "beside",
    [
        pa.array([decimal.Decimal("1.5")], pa.decimal256(60, 2)),
        pa.array([1], pa.duration("us")),
        pa.array([bytes(16)], pa.uuid()),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([[{"a": None, "m": [("k", 1)]}] * 3],
                 pa.list_(pa.struct([("a", pa.null()), ("m", pa.map_(pa.string(), pa.int8()))]))),
    ],
)  # fmt: skip
def test_a_column_of_an_odd_type_hides_no_other(beside: pa.Array) -> None:
    pq.write_table(pa.table({"a": beside, "b": [MAIL]}), "a.parquet")
    assert entities("a.parquet") == ["email"]


def test_the_notes_of_a_schema_are_read() -> None:
    field = pa.field("a", pa.int64(), metadata={"by": MAIL})
    pq.write_table(pa.table([[1]], pa.schema([field])), "a.parquet")
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"by": MAIL}), "b.parquet")
    assert entities("a.parquet") == entities("b.parquet") == ["email"]


def database(name: str, value: object, drop: bool) -> None:
    connection = sqlite3.connect(name)
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("CREATE TABLE t (a, b)")
    connection.execute("CREATE TABLE kept (a)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 50) for n in range(300)])
    connection.execute("INSERT INTO t VALUES (1, ?)", [value])
    connection.commit()
    if drop:
        connection.execute("DROP TABLE t")
        connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "value",
    [MAIL, MAIL.encode(), zipped(("a.txt", MAIL.encode()))],
    ids=["text", "bytes", "archive"],  # An archive holds the time, and workers compare ids.
)
def test_a_database_is_read_with_its_blobs(value: object) -> None:
    database("a.db", value, drop=False)
    assert entities("a.db") == ["email"]


def test_a_table_or_member_called_after_somebody_is_not_named_in_the_place() -> None:
    connection = sqlite3.connect("a.db")
    connection.execute(f'CREATE TABLE "{MAIL}" (a)')
    connection.execute(f'INSERT INTO "{MAIL}" VALUES (?)', [MAIL])
    connection.commit()
    connection.close()
    assert entities("a.db") == ["email", "email"]
    assert check.scan_file(Path("a.db"))[1].place == "a.db: table [EMAIL], column a"
    assert entities("a.zip", zipped((f"{MAIL}/a.txt", MAIL.encode()))) == ["email", "email"]


def test_what_a_deleted_table_left_in_a_database_is_found() -> None:
    database("a.db", MAIL, drop=True)
    found = check.scan_file(Path("a.db"))
    assert [(one.place, one.entity) for one in found] == [
        ("a.db: deleted rows (run VACUUM)", "email")
    ]


def photo(**tags: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG", **tags)
    return stream.getvalue()


def test_a_photo_tells_where_and_by_whom_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    exif.get_ifd(0x8825)[1] = "S"
    assert set(entities("a.jpg", photo(exif=exif))) == {"coordinates", "name"}
    assert entities("b.jpg", photo(comment=MAIL.encode())) == ["email"]
    assert entities("c.jpg", photo()) == []
    assert entities("d.jpg", photo() + MAIL.encode()) == [UNREADABLE]


def locked() -> bytes:
    content = bytearray(zipped(("a.txt", b"x")))
    for magic, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(magic) + at] |= 1
    return bytes(content)


def matryoshka() -> bytes:
    content = b"x"
    for _ in range(formats.MAX_DEPTH + 2):
        content = zipped(("in.zip", content)) if content != b"x" else zipped(("a.txt", content))
    return content


def packed_with_tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(MAIL)
        archive.addfile(member, io.BytesIO(MAIL.encode()))
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.zip", locked, "locked with a password"),
        ("a.zip", matryoshka, "packed more than"),
        ("a.zip", lambda: zipped(("a.txt", b"x"))[:-9], "damaged zip"),
        ("a.xlsx", lambda: zipped(("[Content_Types].xml", b"<a/>")), "office document"),
        ("a.npy", lambda: array([{"a": 1}]), "holds Python objects"),
        ("a.png", lambda: png() + b"PK\3\4", "something after the picture"),
        ("a.png", lambda: png(chunk(b"tEXt", b"a\0b")).replace(b"a\0b", b"a\0c"), "damaged png"),
        ("a.xml", lambda: b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "declares entities"),
        ("a.json", lambda: b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        ("a.gz", lambda: gzip.compress(b"x")[:-4], "damaged gzip"),
        ("a.db", lambda: b"SQLite format 3\0" + b"\1" * 200, "damaged sqlite"),
        ("a.ipynb", lambda: b"[1]", "no notebook"),
        ("a.tar", packed_with_tar, "not known here"),
        ("a.arrows", lambda: b"\xff" * 4 + b"\0\0\0\1" * 99 + MAIL.encode(), "not known here"),
    ],
)
def test_what_cannot_be_read_whole_is_never_clean(
    name: str, content: Callable[[], bytes], why: str
) -> None:
    Path(name).write_bytes(content())
    (found,) = check.scan_file(Path(name))
    assert found.entity == UNREADABLE
    assert why in found.why


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("mlops_kit.privacy.read.archives"), "MAX_WHOLE", 1_000)
    for name, content in (
        ("a.zip", zipped(("a.txt", b"x" * 1_001))),
        ("a.gz", gzip.compress(b"x" * 1_001)),
    ):
        Path(name).write_bytes(content)
        (found,) = check.scan_file(Path(name))
        assert "more than" in found.why


def test_a_long_log_is_read_in_pieces_with_the_right_line() -> None:
    lines = ["2025-01-01 12:00:00 INFO served in 12 ms"] * 6_000
    lines[4_321] = f"failed for {MAIL}"
    Path("a.log").write_text("\n".join(lines), encoding="utf-8")
    (found,) = check.scan_file(Path("a.log"))
    assert (found.entity, found.count, found.position) == ("email", 1, 4_322)
