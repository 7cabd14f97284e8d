"""csv as RFC 4180 writes it: every value arrives, however the first rows look, or a sentence."""

import csv
import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaged import packaged

sources = packaged("mlops.data.sources")
raw_files = packaged("mlops.privacy.raw_files")
formats = packaged("mlops.privacy.formats")
MlopsError = packaged("mlops.errors").MlopsError
COLUMNS = ["id", "text", "note"]


def read(file: Path, columns: list[str] = COLUMNS) -> pl.DataFrame:
    files = sources.Files(kind="files", folder=file.parent)
    table = sources.Table(
        source="s", path=file.name, columns={name: {"type": "string"} for name in columns}
    )
    return sources.read_files(files, "people", table)


def written(file: Path, rows: list[list[str]], **dialect: Any) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, **dialect).writerows([COLUMNS, *rows])
    return file


CELL = st.text(alphabet="ab\",;|\t\n\r '\\#ñ", max_size=8)
ROWS = st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12)


def cell(value: str, delimiter: str, always: bool) -> str:
    """Write a value as RFC 4180 says (Python's writer leaves a lone carriage return bare)."""
    bare = not always and not value.startswith(" ") and not set(value) & set(f'"\r\n{delimiter}')
    return value if bare else '"' + value.replace('"', '""') + '"'


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=ROWS,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    always=st.booleans(),
)
def test_every_cell_is_what_pythons_csv_module_reads(
    rows: list[list[str]], delimiter: str, end: str, always: bool, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    lines = [delimiter.join(cell(one, delimiter, always) for one in row) for row in rows]
    text = "".join(f"{line}{end}" for line in [delimiter.join(COLUMNS), *lines])
    file.write_text(text, encoding="utf-8", newline="")
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:] == rows
    found = [["" if one is None else one for one in row] for row in read(file).rows()]
    assert found == rows


def test_quotes_that_come_after_many_plain_rows_are_read_alike(tmp_path: Path) -> None:
    plain = [[str(number), "word", "x"] for number in range(25_000)]
    last = ["25000", 'she said ""hi"", then; left', "a,b\nc"]
    frame = read(written(tmp_path / "people.csv", [*plain, last]))
    assert frame.height == 25_001
    assert list(frame.row(-1)) == last


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('id,text,note\n1,"he said ""no""",x\n', [("1", 'he said "no"', "x")]),
        ("id,text,note\n#1,a,b\n2,c,d\n", [("#1", "a", "b"), ("2", "c", "d")]),
        ("id,text,note\n1,'a',b\\c\n", [("1", "'a'", "b\\c")]),
        ("\ufeffid;text;note\r\n1;2,5;NULL\r\n", [("1", "2,5", "NULL")]),
        ("Export of May\n\nid,text,note\n1,a,b\n", [("1", "a", "b")]),
    ],
)
def test_nothing_is_guessed(text: str, rows: list[tuple[str, ...]], tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8", newline="")
    assert read(file).rows() == rows


@pytest.mark.parametrize(
    "text",
    [
        'id,text,note\n1,a,b\n2,"never closed,c\n3,d,e\n',
        'id,text,note\n1,"a"b,c\n',
        'id,text,note\n1,"a \\"b\\" c",d\n',
        "id,text,note\n1,a\n",
        "id,text,note\n1,a,b,c\n",
    ],
)
def test_what_is_not_rfc_4180_is_refused_and_never_dropped(text: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(MlopsError, match=r"cannot be read as csv .*written twice"):
        read(file)


def test_a_header_without_a_declared_column_or_with_it_twice_is_named(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id;text;id;note\n1;2;3;4\n", encoding="utf-8")
    with pytest.raises(MlopsError, match=r'has the column "id" more than once'):
        read(file)
    with pytest.raises(MlopsError, match=r'has no column "nota".*\(4 columns found\)'):
        read(file, ["text", "nota"])


def test_files_of_a_folder_may_order_their_columns_differently(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a.csv").write_text("id,text,note\n1,a,b\n", encoding="utf-8")
    (folder / "b.csv").write_text("note;id;text;more\nd;2;c;x\n", encoding="utf-8")
    assert read(folder).rows() == [("1", "a", "b"), ("2", "c", "d")]


def test_erasing_reads_quotes_as_the_pipeline_does(tmp_path: Path) -> None:
    rows = [["6", 'a ""b""', "x"], ["7", "c", "y"], ["8", "it's\n'7', ", "z"]]
    file = written(tmp_path / "people.csv", rows)
    marked = lambda frame: frame["id"] == "7"  # noqa: E731
    assert raw_files.remove_rows(file, ["id"], marked, False) == 1
    assert read(file).rows() == [tuple(rows[0]), tuple(rows[2])]
    file.write_text('id,text\n6,"a\n7,b\n', encoding="utf-8")
    with pytest.raises(MlopsError, match="cannot be read as csv"):
        raw_files.remove_rows(file, ["id"], marked, False)


def test_the_gate_reads_quotes_alike_whatever_the_first_rows_look_like() -> None:
    text = io.StringIO()
    quoted = [[str(number), "it's 'so'", "x"] for number in range(50)]
    csv.writer(text).writerows([COLUMNS, *quoted, ["51", 'Ana "Luz", Paz', "y"]])
    found = list(formats.pieces_of_bytes(text.getvalue().encode(), "people.csv", "people.csv"))
    columns = {piece.name: list(piece.values) for piece in found if hasattr(piece, "values")}
    assert columns["text"] == ["it's 'so'"] * 50 + ['Ana "Luz", Paz']
