"""Rows go from raw files; every byte of the others stays."""

import datetime
import gzip
import uuid
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Column, Table
from mlops_kit.data.contract import Contract
from mlops_kit.data.sources import parquet
from mlops_kit.privacy.people import raw_files
from mlops_kit.privacy.people.subjects import Named, rows_of, tokens_of
from mlops_kit.privacy.protect.tokens import token


def of_seven(frame: pl.DataFrame) -> pl.Series:
    return frame["id"].cast(pl.String).str.strip_chars().is_in(["7"]).fill_null(False)


PLAIN = Table.model_validate({"source": "mine", "columns": {"id": {"type": "integer"}}})
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}


def remove(file: Path, columns: list[str], mark: raw_files.Mark, dry_run: bool) -> int:
    how = raw_files.Written(PLAIN, FORMATS[file.suffix])
    return raw_files.remove_rows(file, columns, mark, dry_run, how)


HEADER = "id,name,note\n"
# What is there, and what is left of it without the person 7.
CSV = {
    "plain": (HEADER + "6,Ana,x\n7,Luz,y\n8,Eva,z\n", HEADER + "6,Ana,x\n8,Eva,z\n"),
    "quoted line ends": (
        HEADER + '6,"A\nna","x, ""y"""\n7,"L\nuz",y\n8,"E\r\nva",z\n',
        HEADER + '6,"A\nna","x, ""y"""\n8,"E\r\nva",z\n',
    ),
    "a byte order mark": (
        "\ufeff" + HEADER + "7,Luz,y\n8,Núñez,z\n",
        "\ufeff" + HEADER + "8,Núñez,z\n",
    ),
    "semicolons": (
        'id;name;note\n6;"Paz; Ana";1,5\n7;Luz;2,5\n8;Eva;3,5\n',
        'id;name;note\n6;"Paz; Ana";1,5\n8;Eva;3,5\n',
    ),
    "tabs": ("id\tname\tnote\n6\tA\tx\n7\tB\ty\n", "id\tname\tnote\n6\tA\tx\n"),
    "Windows line ends": (
        "id,name,note\r\n6,Ana,x\r\n7,Luz,y\r\n8,Eva,z\r\n",
        "id,name,note\r\n6,Ana,x\r\n8,Eva,z\r\n",
    ),
    "no end of line at the end": (HEADER + "7,Luz,y\n8,Eva,z", HEADER + "8,Eva,z"),
    "the person in the last line": (HEADER + "6,A,x\n8,Eva,z\n7,L,y", HEADER + "6,A,x\n8,Eva,z\n"),
    "all rows": (HEADER + "7,Luz,y\n7,Luz,z\n", HEADER),
}


@pytest.mark.parametrize("kind", CSV)
def test_other_bytes_of_a_csv_file_stay(kind: str, tmp_path: Path) -> None:
    before, after = (text.encode() for text in CSV[kind])
    file = tmp_path / "people.csv"
    file.write_bytes(before)
    file.chmod(0o640)
    removed = remove(file, ["id"], of_seven, True)
    assert (removed, file.read_bytes()) == (2 if kind == "all rows" else 1, before)
    assert remove(file, ["id"], of_seven, False) == removed
    assert file.read_bytes() == after
    assert remove(file, ["id"], of_seven, False) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]
    assert file.stat().st_mode & 0o777 == 0o640


def test_other_bytes_of_json_lines_stay(tmp_path: Path) -> None:
    file = tmp_path / "visits.jsonl"
    others = ['{"id" : 6,  "note": "a\\nb"}\n', "\n", '{"note": null}\n', '{"id": "8"}']
    file.write_text(
        others[0] + '{"id": 7}\n' + others[1] + '{"id": "7", "x": [1]}\n' + "".join(others[2:]),
        encoding="utf-8",
        newline="",
    )
    assert remove(file, ["id"], of_seven, False) == 2
    assert file.read_bytes().decode() == "".join(others)


def test_other_rows_columns_and_types_of_parquet_stay(tmp_path: Path) -> None:
    file = tmp_path / "letters.parquet"
    before = pl.DataFrame(
        {"id": [6, 7, None, 7], "at": [[1, 2], [], None, [3]], "price": [1.5, None, 2.0, 1.0]}
    ).with_columns(pl.col("id").cast(pl.Int16))
    before.write_parquet(file, row_group_size=2)
    assert remove(file, ["id"], of_seven, False) == 2
    assert pl.read_parquet(file).equals(before[[0, 2]])
    assert pl.read_parquet_schema(file) == before.schema


def test_a_file_that_is_reached_by_a_link_loses_its_rows_where_it_is(tmp_path: Path) -> None:
    there = tmp_path / "disk" / "people.csv"
    there.parent.mkdir()
    there.write_text(HEADER + "7,Luz,y\n8,Eva,z\n", encoding="utf-8")
    link = tmp_path / "people.csv"
    link.symlink_to(there)
    assert remove(link, ["id"], of_seven, False) == 1
    assert link.is_symlink()
    assert "Luz" not in there.read_text(encoding="utf-8")


def test_a_file_that_changes_meanwhile_or_lacks_the_column_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(HEADER + "6,Ana,x\n7,Luz,y\n", encoding="utf-8")

    def of_seven_while_somebody_writes(frame: pl.DataFrame) -> pl.Series:
        with file.open("a", encoding="utf-8") as stream:
            stream.write("7,Luz,again\n")
        return of_seven(frame)

    with pytest.raises(MlopsError, match="changed while it was read"):
        remove(file, ["id"], of_seven_while_somebody_writes, False)
    assert "7,Luz,y\n" in file.read_text(encoding="utf-8")
    with pytest.raises(MlopsError, match='has no column "code"'):
        remove(file, ["code"], of_seven, False)
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize("packer", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("options", "encoding", "before", "after"),
    [
        ({"encoding": "cp1252"}, "cp1252", "id,x\n7,€\n8,ñ\n", "id,x\n8,ñ\n"),
        ({"encoding": "utf-16"}, "utf-16", "id,x\r\n7,a\r\n8,ñ\r\n", "id,x\r\n8,ñ\r\n"),
        ({"header": ["x", "id"]}, "utf-8", "\ufeffa;7\nñ;8\n", "\ufeffñ;8\n"),
        (
            *({"quote": "'", "escape": "\\", "delimiter": "~"}, "utf-8"),
            *("id~x\n7~'a\\'~\nb'\n8~'c\\''\n", "id~x\n8~'c\\''\n"),
        ),
        ({"quote": ""}, "utf-8", 'id\tx\n7\t"a\n8\t"b\n', 'id\tx\n8\t"b\n'),
    ],
)
def test_rows_go_from_a_csv_as_its_table_declares_it(
    packer, options, encoding: str, before: str, after: str, tmp_path: Path
) -> None:
    file = tmp_path / ("t.csv" if packer is bytes else "t.csv.gz")
    file.write_bytes(packer(before.encode(encoding)))
    table = Table.model_validate({**PLAIN.model_dump(exclude_unset=True), **options})
    how = raw_files.Written(table, "csv")
    assert raw_files.remove_rows(file, ["id"], of_seven, False, how) == 1
    left = file.read_bytes() if packer is bytes else gzip.decompress(file.read_bytes())
    assert left.decode(encoding) == after
    assert raw_files.remove_rows(file, ["id"], of_seven, False, how) == 0


def test_rows_go_from_packed_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "t.JSONL.gz"
    file.write_bytes(gzip.compress(b'{"id": 7}\n{"id": 8, "x": 1.50}\n'))
    how = raw_files.Written(PLAIN, "jsonl")
    assert raw_files.remove_rows(file, ["id"], of_seven, False, how) == 1
    assert gzip.decompress(file.read_bytes()) == b'{"id": 8, "x": 1.50}\n'


@pytest.mark.parametrize(
    ("column", "options", "text", "value"),
    [
        ({"type": "integer"}, {"decimal": ",", "thousands": "."}, " 12.345.678", 12345678),
        ({"type": "integer"}, {}, "3.0", 3),
        ({"type": "number"}, {"decimal": ","}, "1,50", 1.5),
        ({"type": "date", "format": "%d/%m/%y"}, {}, "03/02/84", datetime.date(1984, 2, 3)),
        (
            *({"type": "timestamptz"}, {}, "2024-01-02T03:04:05+02:00"),
            datetime.datetime(2024, 1, 2, 1, 4, 5, tzinfo=datetime.UTC),
        ),
        ({"type": "integer"}, {}, "no number", "no number"),
    ],
)
def test_a_raw_text_has_the_token_of_what_its_table_makes_of_it(
    column, options, text: str, value: object
) -> None:
    contract = Column.model_validate(column)
    columns = {"id": contract}
    table = Table.model_validate({"source": "mine", "columns": columns, **options})
    named = Named("id", "people", "", contract, table)
    typed = token(pl.Series("id", [value]), b"k" * 32, "people")
    assert tokens_of(pl.Series("id", [text]), named, b"k" * 32).to_list() == typed.to_list()


HEAD = (
    '<?xml version="1.0" encoding="{0}"?>\n<!-- <order id="7"/> -->'
    '<s:shop xmlns:s="urn:x"><s:orders>\n  <order id="6" note="a > b"><b>x</b></order>'
)
MARKED = '\n  <order id=" 7 ">ñ<![CDATA[</order>]]></order>'
TAIL = "\n  <order id='9'/>\n</s:orders></s:shop>\n"
OPEN, SIX = '{{"by": "{0}", "rows": [\n  ', '{{"id" : 6,  "x": "ñ"}}'
DOCUMENTS = {
    "xml": (
        HEAD + MARKED + "\n  <order ><id>8</id></order><order id='7' note='>'/>" + TAIL,
        HEAD + "\n  <order ><id>8</id></order>" + TAIL,
        "shop/orders/order",
    ),
    "json": (
        OPEN
        + '{{"id": 7, "x": [1]}},\n  '
        + SIX
        + ',{{"id": "7"}},\n  {{"x": null}},\n  {{"id": 7}} ]}}\n',
        OPEN + SIX + ',\n  {{"x": null}} ]}}\n',
        "rows",
    ),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("packer", [bytes, gzip.compress])
def test_rows_go_from_documents_and_what_is_around_them_stays(
    kind: str, encoding: str, packer, tmp_path: Path
) -> None:
    before, after, records = DOCUMENTS[kind]
    file = tmp_path / (f"t.{kind}" if packer is bytes else f"t.{kind}.gz")
    file.write_bytes(packer(before.format(encoding).encode(encoding)))
    options = {"records": records} | ({"encoding": encoding} if kind == "json" else {})
    table = Table.model_validate({**PLAIN.model_dump(exclude_unset=True), **options})
    how = raw_files.Written(table, kind)
    removed = raw_files.remove_rows(file, ["id"], of_seven, True, how)
    assert removed == (2 if kind == "xml" else 3)
    assert raw_files.remove_rows(file, ["id"], of_seven, False, how) == removed
    left = file.read_bytes() if packer is bytes else gzip.decompress(file.read_bytes())
    assert left.decode(encoding) == after.format(encoding)
    assert raw_files.remove_rows(file, ["id"], of_seven, False, how) == 0


def test_all_rows_go_from_an_array_and_one_record_does_not_go_from_its_document(
    tmp_path: Path,
) -> None:
    file = tmp_path / "t.json"
    file.write_text('[{"id": 7}, {"id": 7}]', encoding="utf-8")
    how = raw_files.Written(PLAIN, "json")
    assert raw_files.remove_rows(file, ["id"], of_seven, False, how) == 2
    assert file.read_text(encoding="utf-8") == "[]"
    whole = tmp_path / "t.xml"
    whole.write_text('<order id="7"/>', encoding="utf-8")
    table = PLAIN.model_copy(update={"records": "order"})
    with pytest.raises(MlopsError, match="one record as a whole"):
        raw_files.remove_rows(whole, ["id"], of_seven, False, raw_files.Written(table, "xml"))


UUIDS = [uuid.UUID(int=n).bytes for n in (1, 2, 3)]
# By what writes it: a column of ids, the type that its contract has, and the name that it is read
# by. The second row is the person's.
IDS = {
    "a UUID": ([pa.array(UUIDS, pa.uuid())], "string", "id"),
    "pandas, one missing": ([pa.array([6.0, 7.0, None])], "integer", "id"),
    "a decimal": ([pa.array([6, 7, 8], pa.decimal128(9, 2))], "integer", "id"),
    "more digits than polars has": ([pa.array([6, 7, 8], pa.decimal256(60, 2))], "integer", "id"),
    "small integers": ([pa.array([6, 7, 8], pa.int8())], "decimal(6,2)", "id"),
    "a moment": ([pa.array([datetime.datetime(2024, 1, n) for n in (1, 2, 3)])], "date", "id"),
    "categories": ([pa.array(["a", "b", "c"]).dictionary_encode()], "string", "id"),
    "a name that stands twice": ([pa.array(["a"] * 3), pa.array(["x", "y", "z"])], "string",
                                 "id (2 of 2)"),
}  # fmt: skip


@pytest.mark.parametrize("written", IDS)
def test_a_person_is_found_in_parquet_as_the_pipeline_reads_it(
    written: str, tmp_path: Path
) -> None:
    columns, kind, name = IDS[written]
    file = tmp_path / "people.parquet"
    notes = pa.array(["first", "second", "third"])
    names = ["id"] * len(columns) + ["note"]
    pq.write_table(pa.Table.from_arrays([*columns, notes], names), file)
    table = Table.model_validate(
        {"source": "mine", "columns": {name: {"type": kind, "nullable": True}}}
    )
    raw = pl.concat(parquet.batches(file, [name]))
    read = Contract("people", table).check(raw).good
    key = b"k" * 32
    person = token(read[name], key, "people")[1]
    named = [Named(name, "people", "", table.columns[name], table)]
    # As erase marks them, and as the data stage leaves them out when they are delivered again.
    assert rows_of(raw, named, {person}, key).to_list() == [False, True, False]

    def mark(frame: pl.DataFrame) -> pl.Series:
        return rows_of(frame, named, {person}, key)

    how = raw_files.Written(table, "parquet")
    assert raw_files.remove_rows(file, [name], mark, False, how) == 1
    assert pq.ParquetFile(file).read(["note"])["note"].to_pylist() == ["first", "third"]
