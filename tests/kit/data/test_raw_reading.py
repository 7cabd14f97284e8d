"""A raw file is read exactly as it is written, or refused by its name: no value changes unseen."""

import bz2
import datetime
import decimal
import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.data.contracts import references
from mlops_kit.data.describing import asked as questions
from mlops_kit.data.describing.table import described
from mlops_kit.data.describing.written import written
from mlops_kit.data.reading import Reading, store
from rendering import ROOT

UTC = datetime.UTC


@pytest.fixture(autouse=True)
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty project with a folder for raw files."""
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    return Path("raw")


def read(path: str, columns: dict[str, Any], **options: Any) -> tuple[Reading, pl.DataFrame]:
    """Read one table of the folder and return what is told and the rows that were kept."""
    declared = {
        name: {"nullable": True, **(one if isinstance(one, dict) else {"type": one})}
        for name, one in columns.items()
    }
    config = Sources.model_validate(
        {
            "entity": {"table": "t", "column": next(iter(columns))},
            "sources": {"mine": {"kind": "files", "folder": "raw"}},
            "tables": {"t": {"source": "mine", "path": path, "columns": declared, **options}},
        }
    )
    good, broken = Path("out/good.parquet"), Path("out/broken.parquet")
    good.parent.mkdir(exist_ok=True)
    told = store(config, "t", [], good.parent, good, broken)
    assert sorted(one.name for one in good.parent.iterdir()) == ["broken.parquet", "good.parquet"]
    assert pl.read_parquet(broken).height == told.broken
    return told, pl.read_parquet(good)


def values(
    text: str | bytes, kind: str | dict[str, Any], name: str = "t.csv", **options: Any
) -> Any:
    """Return the values of the column x of a csv, and the reasons of those set aside."""
    Path("raw", name).write_bytes(text if isinstance(text, bytes) else text.encode())
    told, kept = read(name, {"x": kind}, **options)
    return kept["x"].to_list(), {reason.removeprefix("x ") for reason in told.reasons}


IDS = {"id": "integer", "age": "integer"}
FOLDERS = {
    "csv": ("id,age\n1,30\n", "age,id\n50,3\n", "age,ID\n50,3\n", "id,age,city\n3,50,x\n"),
    "jsonl": (
        '{"id": 1, "age": 30}\n',
        '{"age": 50, "id": 3}\n',
        '{"age": 50, "ID": 3}\n',
        '{"age": 50}\n',
    ),
}


def write_all(kind: str, first: str, second: str) -> None:
    Path("raw/many").mkdir(exist_ok=True)
    for name, text in (("a", first), ("b", second)):
        file = Path(f"raw/many/{name}.{kind}")
        if kind == "parquet":
            pl.read_csv(text.encode()).write_parquet(file)
        else:
            file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_folder_is_read_by_the_names_of_columns_and_another_header_is_refused(kind: str) -> None:
    first, turned, other_case, other = FOLDERS["csv" if kind == "parquet" else kind]
    write_all(kind, first, turned)
    assert read("many", IDS)[1].rows() == [(1, 30), (3, 50)]
    for text in (other_case, other):
        write_all(kind, first, text)
        with pytest.raises(MlopsError, match=rf"raw/many/b\.{kind}\b"):
            read("many", IDS)
    write_all(kind, first, other_case)
    with pytest.raises(MlopsError, match='"ID"'):
        read("many", IDS)


def test_what_a_folder_holds_and_nobody_reads_is_named() -> None:
    folder = Path("raw/many")
    (folder / "old").mkdir(parents=True)
    (folder / "jan.csv").write_text("x\n1\n")
    (folder / "FEB.CSV").write_text("x\n2\n")
    (folder / "mar.csv.gz").write_bytes(gzip.compress(b"x\n3\n"))
    (folder / "apr.Csv.BZ2").write_bytes(bz2.compress(b"x\n4\n"))
    (folder / "readme.txt").write_text("about\n")
    (folder / "notes.docx").write_bytes(b"PK")
    (folder / ".hidden").write_text("")
    told, kept = read("many", {"x": "integer"})
    assert sorted(kept["x"].to_list()) == [1, 2, 3, 4]
    assert told.not_read == [".hidden", "notes.docx", "old/", "readme.txt"]
    said = "\n".join(told.said())
    assert "t: not read: .hidden, notes.docx, old/, readme.txt" in said
    assert told.record()["files"] == ["FEB.CSV", "apr.Csv.BZ2", "jan.csv", "mar.csv.gz"]


def test_files_of_two_formats_or_the_same_file_twice_are_a_question() -> None:
    folder = Path("raw/many")
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    (folder / "b.jsonl").write_text('{"x": 2}\n')
    with pytest.raises(MlopsError, match=r"several formats, such as a\.csv and b\.jsonl"):
        read("many", {"x": "integer"})
    told, kept = read("many", {"x": "integer"}, format="jsonl")
    assert (kept["x"].to_list(), told.not_read) == ([2], ["a.csv"])
    (folder / "b.jsonl").unlink()
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
    with pytest.raises(MlopsError, match=r"a\.csv and a\.csv\.gz, which look like the same"):
        read("many", {"x": "integer"})
    Path("raw/empty").mkdir()
    with pytest.raises(MlopsError, match="raw/empty holds no file"):
        read("empty", {"x": "integer"})


def test_what_lies_in_folders_inside_or_is_packed_otherwise_is_told_with_what_to_do() -> None:
    inside = Path("raw/many/year=2026")
    inside.mkdir(parents=True)
    pl.DataFrame({"id": [1]}).write_parquet(inside / "part-0.parquet")
    with pytest.raises(MlopsError, match=r"year=2026/part-0.parquet lies in a folder inside"):
        read("many", {"id": "integer"})
    zstd = b"\x28\xb5\x2f\xfd" + b"\0" * 20
    Path("raw/t.csv.zst").write_bytes(zstd)
    with pytest.raises(MlopsError, match=r"packed by \.gz, \.bz2, \.xz or not.*: unpack it"):
        read("t.csv.zst", {"id": "integer"})
    with pytest.raises(MlopsError, match=r"is packed with zstd.*; unpack it"):
        read("t.csv.zst", {"id": "integer"}, format="csv")
    with pytest.raises(MlopsError, match="is packed with zstd, which is not read"):
        written(Path("raw/t.csv.zst"), {"format": "csv"})


def test_labels_under_the_names_of_a_survey_are_no_rows() -> None:
    labels = 'age,how\n"How old\nare you?","Why, and\nhow?"\n"{""ImportId"":""Q1""}",Q2\n'
    rows = "".join(f"{20 + at % 50},word {at % 3}\n" for at in range(300))
    Path("raw/t.csv").write_text(labels + rows)
    columns = {"age": "integer", "how": "string"}
    assert dict(read("t.csv", columns)[0].reasons) == {"age is not of type integer": 2}
    told, kept = read("t.csv", columns, labels=2)
    assert dict(told.reasons) == {}
    assert kept["age"].to_list() == [20 + at % 50 for at in range(300)]
    assert kept["how"].to_list() == [f"word {at % 3}" for at in range(300)]
    options, given = questions.declared(["labels=2"])
    with described(Path("raw/t.csv"), options, given, Path("raw"), set()) as (made, _):
        assert (made.rows, made.columns["age"].type) == (300, "integer")
        assert made.written.options["labels"] == 2, "conf/sources.yaml says it"
    with pytest.raises(MlopsError, match="its table declares that it has none"):
        read("t.csv", columns, labels=2, header=False)
    Path("raw/t.jsonl").write_text('{"age": 1, "how": "a"}')
    with pytest.raises(MlopsError, match=r"tables\.t\.labels says nothing about jsonl"):
        read("t.jsonl", columns, labels=2)


def test_a_record_that_is_too_short_is_told_how_to_mend() -> None:
    Path("raw/t.csv").write_text("id,a,b\n1,2,3\n2,5\n")
    with pytest.raises(MlopsError, match=r"record 2 has 2 cells.*write cells that are empty"):
        read("t.csv", {"id": "integer"})


def test_files_without_endings_are_read_where_their_format_is_declared() -> None:
    Path("raw/many").mkdir()
    for at in range(2):
        Path(f"raw/many/part-{at}").write_text(f"x\n{at}\n")
    Path("raw/many/_SUCCESS").touch()
    with pytest.raises(MlopsError, match="raw/many holds no file that ends in"):
        read("many", {"x": "integer"})
    told, kept = read("many", {"x": "integer"}, format="csv")
    assert (kept["x"].to_list(), told.not_read) == ([0, 1], ["_SUCCESS"])


@pytest.mark.parametrize("name", ["a*.csv", "a?[b].csv", "a {x}.csv", "año 'é'.csv", "-.csv"])
def test_a_path_that_exists_is_that_file(name: str) -> None:
    Path("raw/ab.csv").write_text("x\n9\n")
    assert values("x\n1\n", "integer", name) == ([1], set())


@pytest.mark.parametrize("name", ["a*.parquet", "a[b].parquet"])
def test_a_parquet_file_is_no_pattern_either(name: str) -> None:
    pl.DataFrame({"x": [9]}).write_parquet("raw/ab.parquet")
    with Path("raw", name).open("wb") as stream:
        pl.DataFrame({"x": [1]}).write_parquet(stream)
    assert read(name, {"x": "integer"})[1]["x"].to_list() == [1]


def moment(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts)  # type: ignore[arg-type]


ISO = [
    ("2024-01-02 03:04:05", moment(2024, 1, 2, 3, 4, 5)),
    ("2024-01-02T03:04:05.123456", moment(2024, 1, 2, 3, 4, 5, 123456)),
    ("2024-1-2 3:04", moment(2024, 1, 2, 3, 4)),
    ("2024/01/02 03:04:05.5000000", moment(2024, 1, 2, 3, 4, 5, 500000)),
    (" 2024-01-02 ", moment(2024, 1, 2)),
]


@pytest.mark.parametrize(("text", "expected"), ISO)
def test_a_time_without_a_zone_stays_as_it_stands(text: str, expected: datetime.datetime) -> None:
    assert values(f"x\n{text}\n", "timestamp") == ([expected], set())
    assert values(f"x\n{text}\n", "date") == ([expected.date()], set())


ZONED = [
    ("2024-01-02T03:04:05+02:00", moment(2024, 1, 2, 1, 4, 5)),
    ("2024-01-02T03:04:05Z", moment(2024, 1, 2, 3, 4, 5)),
    ("2024-01-02 03:04:05-0500", moment(2024, 1, 2, 8, 4, 5)),
    ("2024-01-02 03:04:05.25 +0530", moment(2024, 1, 1, 21, 34, 5, 250000)),
    ("2024-01-02 03:04 UTC", moment(2024, 1, 2, 3, 4)),
    ("2024-01-02 03:04-03", moment(2024, 1, 2, 6, 4)),
]


@pytest.mark.parametrize(("text", "expected"), ZONED)
def test_an_offset_is_taken_to_utc_and_never_dropped(
    text: str, expected: datetime.datetime
) -> None:
    assert values(f"x\n{text}\n", "timestamptz") == ([expected.replace(tzinfo=UTC)], set())
    found, reasons = values(f"x\n{text}\n", "timestamp")
    assert (found, len(reasons)) == ([], 1)
    assert "declare the type timestamptz" in reasons.pop()


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("number", "12345678901234567890123", "more digits than a number keeps"),
        ("decimal(5,2)", "1.0005", "more digits than its decimal keeps"),
        ("timestamptz", "2024-01-02 03:04:05", "has no offset"),
        ("date", "03/02/24", "two readings, day or month first: declare its format"),
        ("timestamp", "3.2.2024 10:00", "two readings"),
        ("date", "13/02/2024", "does not begin with a year"),
        ("timestamp", "2024-01-02 3:04 PM", "has words after its time"),
        ("timestamp", "2024-01-02 03:04:05 PST", "has words after its time"),
        ("timestamp", "2024-01-02 03:04:60", "is not of type timestamp"),
        ("timestamp", "2024-02-30 03:04:05", "is not of type timestamp"),
        ("timestamp", "2024-01-02 03:04:05.1234567", "more exact than a microsecond"),
        ("timestamp", "2024-01-02 junk", "is not of type timestamp"),
        ("date", "0024-02-03", "a year that hardly is one"),
        ("date", "9999-12-31", "a year that hardly is one"),
        ("date", "20240102", "is not of type date"),
        ("date", "1704153600", "is not of type date"),
    ],
)
def test_what_is_left_over_or_read_in_two_ways_is_set_aside(
    kind: str, text: str, words: str
) -> None:
    found, reasons = values(f"x\n{text}\n", kind)
    assert (found, len(reasons)) == ([], 1)
    assert words in reasons.pop()


@pytest.mark.parametrize(
    ("kind", "form", "text", "expected"),
    [
        ("date", "%d/%m/%y", "03/02/24", datetime.date(2024, 2, 3)),
        ("date", "%m/%d/%Y", "03/02/2024", datetime.date(2024, 3, 2)),
        ("date", "%Y%m%d", "20240203", datetime.date(2024, 2, 3)),
        ("timestamp", "%d.%m.%Y %H:%M", "3.2.2024 10:05", moment(2024, 2, 3, 10, 5)),
        ("timestamp", "%Y-%m-%d %I:%M %p", "2024-01-02 3:04 PM", moment(2024, 1, 2, 15, 4)),
        (
            *("timestamptz", "%d/%m/%Y %H:%M %z", "03/02/2024 10:00 +0200"),
            moment(2024, 2, 3, 8, 0).replace(tzinfo=UTC),
        ),
    ],
)
def test_a_declared_format_is_read_and_nothing_else(
    kind: str, form: str, text: str, expected: object
) -> None:
    column = {"type": kind, "format": form}
    assert values(f"x\n{text}\n", column) == ([expected], set())
    for wrong in (f"{text} x", "2024-02-03T00:00:00", "03/02/0024"):
        found, reasons = values(f"x\n{wrong}\n", column)
        assert (found, len(reasons)) == ([], 1)
    assert values("x\n1492-10-12\n", {"type": "date", "years": [1400, 2100]})[0]


def test_times_of_parquet_keep_their_zone_and_their_digits() -> None:
    zoned = pl.Series([moment(2024, 1, 2, 3)]).dt.replace_time_zone("Asia/Tokyo")
    exact = pl.Series([1_704_164_645_000_000_001]).cast(pl.Datetime("ns"))
    frame = pl.DataFrame(
        {"naive": [moment(2024, 1, 2, 3)], "zoned": zoned, "exact": exact, "far": [moment(3, 1, 1)]}
    )
    frame.write_parquet("raw/t.parquet")

    def of(column: str, kind: str) -> tuple[list[Any], set[str]]:
        told, kept = read("t.parquet", {column: kind})
        return kept[column].to_list(), {one.removeprefix(f"{column} ") for one in told.reasons}

    utc = datetime.datetime(2024, 1, 1, 18, tzinfo=UTC)
    assert of("naive", "timestamp") == ([moment(2024, 1, 2, 3)], set())
    assert of("zoned", "timestamptz") == ([utc], set())
    assert of("zoned", "datetime") == ([utc.replace(tzinfo=None)], set())
    for column, kind, words in (
        ("zoned", "timestamp", "declare the type timestamptz"),
        ("naive", "timestamptz", "has no offset"),
        ("exact", "timestamp", "more exact than a microsecond"),
        ("far", "timestamp", "hardly is one"),
    ):
        found, reasons = of(column, kind)
        assert (found, len(reasons)) == ([], 1)
        assert words in reasons.pop()


EUROPEAN = "id;x\n1;1.500\n2;12.000\n3;950\n"


@pytest.mark.parametrize(
    "text",
    [
        EUROPEAN,
        EUROPEAN.replace(";", "\t"),
        EUROPEAN.replace(";", ","),
        "id;x\n1;1.500\n2;3,5\n",
        "id;x\n1;1.500,25\n2;0.5\n",
        'id,x\n1,"1,500"\n2,2.5\n',
        "id;x\n1;1.500.000\n",
    ],
)
@pytest.mark.parametrize("kind", ["number", "integer", "decimal(12,3)"])
def test_a_number_with_two_readings_is_a_question_and_never_a_number(text: str, kind: str) -> None:
    Path("raw/t.csv").write_text(text)
    with pytest.raises(
        MlopsError, match=r'Column "x" of table "t" in raw/t\.csv .*decimal.*thousands'
    ):
        read("t.csv", {"id": "integer", "x": kind})


def test_the_declared_reading_is_used() -> None:
    assert values(EUROPEAN, "number", decimal=".")[0] == [1.5, 12.0, 950.0]
    european = {"decimal": ",", "thousands": "."}
    assert values(EUROPEAN, "number", **european)[0] == [1500.0, 12000.0, 950.0]
    assert values("id;x\n1;1.500,25\n2;-3,5\n3;7\n", "number", **european)[0] == [
        1500.25,
        -3.5,
        7.0,
    ]
    assert values("id;x\n1;1.500,25\n2;12.34\n", "number", **european) == (
        *([1500.25],),
        {"has a point or comma as its table does not declare: see decimal and thousands"},
    )
    assert values('id,x\n1,"1,500.5"\n', "number", thousands=",")[0] == [1500.5]
    assert values("id;x\n1;1 500\n2;1\u00a0234\u202f567\n", "integer", thousands=" ")[0] == [
        *(1500, 1234567),
    ]
    assert values("id;x\n1;3,50\n", "decimal(6,2)", decimal=",")[0] == [decimal.Decimal("3.50")]


def test_each_file_of_a_folder_tells_for_itself_how_it_writes_numbers() -> None:
    Path("raw/many").mkdir()
    Path("raw/many/argentina.csv").write_text("id;x\n1;1.500\n")
    Path("raw/many/usa.csv").write_text("id,x\n1,0.25\n")
    with pytest.raises(MlopsError, match=r"raw/many/argentina\.csv .*no number of the file tells"):
        read("many", {"id": "integer", "x": "number"})


def test_other_numbers_of_the_file_tell_what_a_point_is() -> None:
    Path("raw/t.csv").write_text("x,y\n1.500,0.25\n12.345,7\n")
    assert read("t.csv", {"x": "number", "y": "number"})[1]["x"].to_list() == [1.5, 12.345]


def test_a_decimal_has_limits_like_any_number() -> None:
    column = {"type": "decimal(6,2)", "minimum": 0, "maximum": 9.5, "allowed": [1, 2.5, 9.75, -1]}
    found, reasons = values("id,x\n1,1.00\n2,2.50\n3,9.75\n4,-1\n5,3.00\n", column)
    assert found == [decimal.Decimal("1.00"), decimal.Decimal("2.50")]
    assert len(reasons) == 3


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("number", "1e3", 1000.0),
        ("number", "-.5", -0.5),
        ("integer", "3.0", 3),
        ("integer", "9007199254740993", 9007199254740993),
        ("decimal(5,2)", "123.4500", decimal.Decimal("123.45")),
    ],
)
def test_a_number_is_read_exactly(kind: str, text: str, expected: object) -> None:
    assert values(f"id,x\n1,{text}\n", kind) == ([expected], set())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[("number", text) for text in ("1_000", "0x1F", "inf", "1e400", "1,5e", "٣", "1 2")],
        ("number", "9007199254740993"),
        *[("integer", text) for text in ("3.7", "1e400", "9223372036854775808", "0x1F")],
        *[("decimal(5,2)", text) for text in ("1.005", "1234.5", "x")],
        *[("boolean", text) for text in ("2", "maybe")],
        *[("integers", text) for text in ("[1, 2.7]", "[1, x]", "1")],
    ],
)
def test_a_value_that_would_change_is_set_aside(kind: str, text: str) -> None:
    found, reasons = values(f"id\tx\n1\t{text}\n", kind, decimal=".")
    assert (found, len(reasons)) == ([], 1)


def test_quotes_hold_over_the_whole_file_and_other_dialects_are_declared() -> None:
    plain = "".join(f"{n},x\n" for n in range(21_000))
    Path("raw/t.csv").write_text(f'id,text\n{plain}21000,"a, b"\n21001,"abc"\n')
    kept = read("t.csv", {"id": "integer", "text": "string"})[1]
    assert kept["text"].to_list()[-2:] == ["a, b", "abc"]
    text = "id,x\n1,'a, \\'b\\''\n2,it\\'s\n"
    assert values(text, "string", quote="'", escape="\\")[0] == ["a, 'b'", "it's"]
    assert values('id\tx\n1\t"open\n2\t5" pipe\n', "string", quote="")[0] == ['"open', '5" pipe']
    assert values("id~x\n1~a,b;c\n", "string", delimiter="~")[0] == ["a,b;c"]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.dat", "t.csv.gz", "T.TXT.XZ"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings_endings_and_mixed_line_ends(name: str, encoding: str) -> None:
    import lzma

    text = "id\tx\r\n1\tañejo\n2\tß\r\n3\té, è\n"
    packer = {".gz": gzip.compress, ".xz": lzma.compress}.get(Path(name).suffix.lower(), bytes)
    options: dict[str, Any] = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    options |= {"format": "csv"} if name.endswith(".dat") else {}
    assert values(packer(text.encode(encoding)), "string", name, **options)[0] == [
        *("añejo", "ß", "é, è"),
    ]


def test_a_wrong_encoding_or_packing_is_refused_with_what_to_declare() -> None:
    for encoding, options in (("latin-1", {}), ("cp1252", {"encoding": "latin-1"})):
        with pytest.raises(MlopsError, match="encoding: cp1252"):
            values(
                "id,x\n1,€ñ\n".encode("cp1252" if options else encoding, "ignore"),
                "string",
                **options,
            )
    with pytest.raises(MlopsError, match="encoding: cp1252"):
        values("id;x;a\u00f1o\n1;2;3\n".encode("cp1252"), "string", header=True)
        read("t.csv", {"a\u00f1o": "string"})
    with pytest.raises(MlopsError, match="is packed with gzip"):
        values(gzip.compress(b"x\n1\n"), "string")
    with pytest.raises(MlopsError, match="is damaged or no whole gzip file"):
        values(gzip.compress(b"x\n" + b"12345\n" * 9_000)[:-9], "string", "t.csv.gz")
    assert values(gzip.compress(b"x\n1\n"), "string", compression="gzip")[0] == ["1"]


def test_a_file_without_a_header_line_has_the_declared_names() -> None:
    Path("raw/t.csv").write_text("\ufeff1;Ana;30\n2;Luz;40\n", encoding="utf-8")
    columns = {"id": "integer", "name": "string", "age": "integer"}
    assert read("t.csv", columns, header=False)[1].rows() == [(1, "Ana", 30), (2, "Luz", 40)]
    some = {"age": "integer", "id": "integer"}
    listed = read("t.csv", some, header=["id", "name", "age"])[1]
    assert listed.rows() == [(30, 1), (40, 2)]
    with pytest.raises(MlopsError, match="declare `delimiter`"):
        read("t.csv", some, header=False)
    Path("raw/t.csv").write_text("id,age\n1,2\n")
    with pytest.raises(MlopsError, match="begins with a line of the names themselves"):
        read("t.csv", {"id": "integer", "age": "integer"}, header=False)


MISSING = ["NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "?", "-", "", "  ", "#N/A", " NA "]


@pytest.mark.parametrize("kind", ["string", "number", "integer", "date", "boolean", "timestamp"])
@pytest.mark.parametrize("marker", MISSING)
def test_markers_of_missing_values_are_missing_and_counted(kind: str, marker: str) -> None:
    Path("raw/t.csv").write_text(f'id,x\n1,"{marker}"\n')
    told, kept = read("t.csv", {"id": "integer", "x": kind})
    assert kept["x"].to_list() == [None]
    assert told.record()["missing"] == {"x": {marker.strip() or "blank": 1}}
    assert f"missing values: x 1 ({marker.strip() or 'blank'} 1)" in "\n".join(told.said())


def test_words_that_were_taken_for_nothing_are_told_before_blanks() -> None:
    """Namibia's code among five columns with more blanks is not one of "2 more"."""
    names = ["a", "b", "c", "d", "land"]
    Path("raw/t.csv").write_text("id," + ",".join(names) + "\n1,,,,,AR\n2,,,,,NA\n3,1,,1,1,UY\n")
    types = {"id": "integer", **dict.fromkeys(names[:4], "integer"), "land": "string"}
    told, _ = read("t.csv", types)
    (line,) = [said for said in told.said() if "missing values" in said]
    assert line.startswith("t: missing values: land 1 (NA 1), b 3 (blank 3)")


def test_a_missing_value_of_a_column_that_needs_one_sets_its_row_aside() -> None:
    column = {"type": "string", "nullable": False}
    assert values("id,x\n1,NA\n2,b\n", column) == (["b"], {"is empty"})


def test_other_markers_are_declared_and_a_marker_may_be_a_value() -> None:
    assert values("id,x\n1,-999\n2,-999.0\n3,5\n", "number", nulls=[-999])[0] == [None, None, 5.0]
    assert values("id,x\n1,none\n2,b\n", {"type": "string", "nulls": ["none"]})[0] == [None, "b"]
    assert values("id,x\n1,NA\n2,DE\n", {"type": "string", "allowed": ["NA", "DE"]})[0] == [
        *("NA", "DE"),
    ]
    assert values("id,x\n1,NA\n2,?\n", {"type": "string", "default_nulls": False})[0] == ["NA", "?"]
    pl.DataFrame({"x": [1.0, float("nan"), -999.0]}).write_parquet("raw/t.parquet")
    told, kept = read("t.parquet", {"x": "number"}, nulls=[-999])
    assert kept["x"].to_list() == [1.0, None, None]
    assert told.missing["x"].total() == 2


def test_names_in_json_lines_are_exact_and_what_is_absent_is_told() -> None:
    Path("raw/t.jsonl").write_text('{"x": 1}\n{"y": 2}\n{"x": null}\n\n{"x": 1.500}\n')
    told, kept = read("t.jsonl", {"x": "number"})
    assert kept["x"].to_list() == [1.0, None, None, 1.5]
    assert told.record()["missing"] == {"x": {"blank": 2}}
    for text, words in (
        ('{"x": 1}\n{"X": 2}\n', 'line 2, has "X" where "x" is declared'),
        ('{"y": 1}\n', 'has no "x" in any line'),
        ('{"x": 1}\n{"x": 2\n', "line 2, cannot be read"),
        ('{"x": 1, "x": 2}\n', "a name stands twice"),
        ('{"x": "1.500"}\n', "thousands"),
        ("[1]\n", "line 1, cannot be read"),
    ):
        Path("raw/t.jsonl").write_text(text)
        with pytest.raises(MlopsError, match=words):
            read("t.jsonl", {"x": "number"})


@pytest.mark.parametrize(
    ("name", "text"),
    [("t.jsonl", '{"id": 1, "s": "a"}\n{"id": 2, "s": "\\ud83d"}'),
     ("t.json", '[{"id": 1, "s": "a"},\n{"id": 2, "s": "\\ud83d"}]')],
)  # fmt: skip
def test_half_of_a_letter_in_json_is_told_with_its_line_and_column(name: str, text: str) -> None:
    Path("raw", name).write_text(text)
    with pytest.raises(MlopsError, match='line 2: "s" holds half of a letter'):
        read(name, {"id": "integer", "s": "string"})
    Path("raw", name).write_text(text.replace('"}', '\\ude00"}').replace("a\\ude00", "a"))
    assert read(name, {"id": "integer", "s": "string"})[1]["s"].to_list() == ["a", "😀"]


def test_numbers_of_json_keep_every_digit() -> None:
    text = "0.1234567890123456789012345678"
    Path("raw/t.jsonl").write_text(f'{{"x": {text}, "y": [1, 9007199254740993]}}\n')
    kept = read("t.jsonl", {"x": "decimal(38,28)", "y": "integers"})[1]
    assert kept.row(0) == (decimal.Decimal(text), [1, 9007199254740993])


@pytest.mark.parametrize("at_once", [1, 2, 1_000_000])
def test_values_that_stand_twice_are_found_over_all_files_and_batches(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "AT_ONCE", at_once)
    folder = Path("raw/many")
    folder.mkdir()
    for at, ids in enumerate(([1, 2], [3, 1], [4])):
        (folder / f"{at}.csv").write_text("x\n" + "".join(f"{one}\n" for one in ids))
    told, kept = read("many", {"x": {"type": "integer", "unique": True}})
    assert kept["x"].to_list() == [2, 3, 4]
    assert dict(told.reasons) == {"x is not unique": 2}
    (folder / "3.csv").write_text('x\n""\n""\n')
    told, kept = read("many", {"x": {"type": "integer", "unique": True}})
    assert told.broken == 2  # what is missing does not stand twice


@pytest.mark.parametrize(
    ("kind", "files", "rises"),
    [
        ("integer", (["1", "2"], ["3"], ["9"]), True),
        ("integer", (["1", "2"], ["2", "3"]), False),
        ("integer", (["1", "3"], ["2"]), False),
        ("string", (["10", "9"],), True),  # by letters
        ("string", (["9", "10"],), False),
        ("string", (["a", "á"], ["b"]), False),
        ("decimal(4,2)", (["9.10", "10.05"], ["10.50"]), True),
        ("date", (["2024-01-31"], ["2024-02-01"]), True),
        ("integer", (["1", '""'], ["2"]), False),
    ],
)
def test_values_that_rise_from_row_to_row_are_not_compared_again(
    kind: str, files: tuple[list[str], ...], rises: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    add = references._add
    monkeypatch.setattr(references, "_add", lambda *a: (compared.append(a[4]), add(*a)))
    for at, values in enumerate(files):
        Path("raw/many").mkdir(exist_ok=True)
        Path(f"raw/many/{at}.csv").write_text("x\n" + "".join(f"{one}\n" for one in values))
    told, kept = read("many", {"x": {"type": kind, "unique": True, "nullable": True}})
    assert compared == ([] if rises else ["x"])
    twice = sum(map(len, files)) - len(set(itertools.chain.from_iterable(files)))
    assert dict(told.reasons) == ({"x is not unique": 2} if twice else {})
    assert len(kept) == sum(map(len, files)) - 2 * twice


def test_reading_leaves_raw_folders_as_they_are() -> None:
    write_all("csv", "id,age\n1,30\n1,31\n", "id,age\n2,x\n")
    before = {one: one.stat().st_mtime_ns for one in sorted(Path("raw").rglob("*"))}
    before[Path("raw")] = Path("raw").stat().st_mtime_ns
    read("many", {"id": {"type": "integer", "unique": True}, "age": "integer"})
    after = {one: one.stat().st_mtime_ns for one in sorted(Path("raw").rglob("*"))}
    after[Path("raw")] = Path("raw").stat().st_mtime_ns
    assert after == before


def test_what_was_read_is_written_down_as_counts_and_names() -> None:
    write_all("csv", "id,age\n1,30\n2,NA\n", "id,age\n3,x\n")
    told, _ = read("many", IDS)
    assert json.loads(json.dumps(told.record())) == {
        "files": ["a.csv", "b.csv"],
        "not_read": [],
        "rows": 3,
        "kept": 2,
        "set_aside": 1,
        "reasons": {"age is not of type integer": 1},
        "missing": {"age": {"NA": 1}},
    }


def test_a_stand_in_is_missing_in_whatever_type_it_comes() -> None:
    frame = pl.DataFrame(
        {
            "text": pl.Series(["NA", "b", "?"], dtype=pl.Categorical),
            "day": [datetime.date(9999, 12, 31), datetime.date(2024, 1, 2), None],
            "code": [-999, 1, 0],
        }
    )
    frame.write_parquet("raw/t.parquet")
    columns = {"text": "string", "day": "date", "code": "boolean"}
    told, kept = read("t.parquet", columns, nulls=[-999, "9999-12-31"])
    assert kept.rows() == [
        *((None, None, None), ("b", datetime.date(2024, 1, 2), True), (None, None, False)),
    ]
    assert told.record()["missing"]["text"] == {"?": 1, "NA": 1}
    told, kept = read("t.parquet", {"code": "string"}, nulls=[-999])
    assert kept["code"].to_list() == [None, "1", "0"]
    text = "id,x\n1,9999-12-31\n2,9999-12-31 00:00:00\n3,2024-01-02\n"
    found = values(text, "timestamp", nulls=["9999-12-31"])
    assert found == ([None, None, moment(2024, 1, 2)], set())


def test_years_of_two_digits_are_asked_about_where_two_centuries_fit() -> None:
    column: dict[str, Any] = {"type": "date", "format": "%d/%m/%y"}
    found, reasons = values("id,x\n1,03/02/45\n2,03/02/24\n", column)
    assert found == [datetime.date(2024, 2, 3)]
    assert "two centuries: declare years" in reasons.pop()
    births = column | {"years": [1925, 2024]}
    assert values("id,x\n1,03/02/45\n2,03/02/24\n3,31/12/25\n", births)[0] == [
        *(datetime.date(1945, 2, 3), datetime.date(2024, 2, 3), datetime.date(1925, 12, 31)),
    ]


def test_an_empty_line_of_one_column_is_a_row_and_of_several_none() -> None:
    assert values("x\n1\n\n3\n", "integer")[0] == [1, None, 3]
    assert values("x\n\n\n", "integer")[0] == [None, None]
    assert values("id,x\n1,2\n\n3,4\n", "integer")[0] == [2, 4]


def test_a_file_of_two_bytes_a_letter_or_a_very_long_cell_is_one_sentence_or_read() -> None:
    with pytest.raises(MlopsError, match="encoding: utf-16"):
        values("id,x\n1,2\n".encode("utf-16"), "integer")
    long = "y" * 200_000
    assert values(f'about\n"{long}"\nid,x\n1,{long}\n', "string")[0] == [long]


def test_the_example_of_the_guide_is_read_as_it_says() -> None:
    guide = ROOT / "template/docs/bring-your-own-data.md.jinja"
    text = guide.read_text(encoding="utf-8").partition("```yaml\ntables:\n  sales:")[2]
    table = yaml.safe_load("sales:" + text.partition("```")[0])["sales"]
    columns = table.pop("columns")
    del table["source"]
    rows = "7;'03/02/2026';1.500,25\n8;'04/02/2026';none\n"
    Path("raw/sales.txt").write_bytes(gzip.compress(rows.encode("cp1252")))
    _, kept = read(table.pop("path"), columns, **table)
    assert kept.rows() == [
        (datetime.date(2026, 2, 3), decimal.Decimal("1500.25")),
        (datetime.date(2026, 2, 4), None),
    ]
